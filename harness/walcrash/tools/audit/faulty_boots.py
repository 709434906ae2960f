"""Boots of an audit with a fault in them: closed, losing power or killed, and what that breaks.

Not here: which faults these are (`failing_calls`, `slow_syncs`, `odd_boots`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.plain import blame
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.event import MESSAGES, Event, EventKind
from walcrash.values.faults import CrashPoint, Fault, PowerLoss
from walcrash.values.seed import derive_seed
from walcrash.values.verdict import Verdict

# limits
POWER_IMAGES: Final = 12
"""Images of a power loss that are judged behind one fault."""


def audited_boots(sandbox: Sandbox, stored: StoredCase) -> Iterator[tuple[int, WatchedBoot]]:
    """Yield the boots of a case that an audit puts a fault into, counted from 1, run without one.

    They are those that are closed or lose power, and pass where they are closed and nothing else is
    done to them.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    for number, plan in enumerate(stored.case.boots, start=1):
        if plan.crash is None or isinstance(plan.crash, PowerLoss):
            run = run_case(sandbox, closed(stored, number))
            if run.verdict is Verdict.PASS and len(run.boots) >= number:
                yield number, run.boots[-1]


def closed(stored: StoredCase, number: int, *faults: Fault) -> StoredCase:
    """Return a case up to one of its boots, counted from 1, which is closed."""
    last = replace(stored.case.boots[number - 1], crash=None)
    return _up_to(stored, number, last, faults)


def powered(stored: StoredCase, number: int, *faults: Fault) -> StoredCase:
    """Return a case up to one of its boots, counted from 1, which loses power."""
    seed = derive_seed(stored.case.seed, "failing-call", number)
    loss = PowerLoss(seed=seed, images=POWER_IMAGES)
    return _up_to(stored, number, replace(stored.case.boots[number - 1], crash=loss), faults)


def killed(stored: StoredCase, number: int, call: int, *faults: Fault) -> StoredCase:
    """Return a case up to one of its boots, counted from 1, killed behind the reply of a call."""
    operations = stored.case.boots[number - 1].operations[: call + 1]
    return _up_to(stored, number, BootPlan(operations, CrashPoint.after_call(call)), faults)


def steps(events: Sequence[Event]) -> list[tuple[EventKind, int, str, int]]:
    """Return what was done in a trace, and how much: not what was said."""
    return [
        # What is said later may show the fault, where an offset is what it was told.
        (event.kind, event.call, event.path, 0 if event.kind in MESSAGES else event.length)
        for event in events
    ]


def finding_of(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> AuditFinding | None:
    """Return what a fault broke; None where nothing did, or where it breaks without it."""
    if run.judgement.verdict is not Verdict.FAIL:
        return None
    due = blame(sandbox, stored, run).crash
    if due is None or not due.case.faults:
        return None
    return AuditFinding(
        case_index=stored.case.index,
        violations=due.judgement.violations,
        landings=due.landings,
        model=due.model,
    )


def _up_to(
    stored: StoredCase, number: int, last: BootPlan, faults: tuple[Fault, ...]
) -> StoredCase:
    boots = (*stored.case.boots[: number - 1], last)
    return replace(stored, case=replace(stored.case, boots=boots, faults=faults))
