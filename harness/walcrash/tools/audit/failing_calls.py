"""Failing calls of one case: each call of a boot is made to fail, one boot for each, and judged.

The boot is run once without an error, then once for each kind of call with one error of those that
the kernel can give, writes with a few more. Each of these is closed and judged, and loses power and
is judged, if the contract promises anything after that. What fails without the error as well is not
the error's.

What the subject did is read off the trace: the same calls and replies as without the error to the
end of the boot, the same call again, or other ones.

Not here: which errors there are (`walcrash.values.faults.calls`), where a call is counted
(`walcrash.values.faults.nth_call`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.tools.audit.faulty_boots import closed, finding_of, powered, steps
from walcrash.tools.audit.sites import call_name
from walcrash.values.audit_faults import CallAudit, Reaction
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Promise
from walcrash.values.event import MESSAGES, Event, EventKind
from walcrash.values.faults import (
    ERRORS,
    KEPT_SCALE,
    CallError,
    ErrorName,
    Fault,
    FaultCall,
    ShortTransfer,
)
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.verdict import Invariant

# limits
READS: Final = 3
"""How many opens, and reads, of a recovery are made to fail; no trace has them."""

SITES: Final = 60
"""Most sites of one boot whose calls are made to fail, the first ones."""

_MORE_ERRORS: Final = {FaultCall.WRITE: (ErrorName.ENOSPC, ErrorName.EINTR)}
"""What calls return beside the most frequent error."""

_CALLS: Final = {kind: call for call in FaultCall for kind in call.kinds}

SHORT: Final = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failing:
    """A fault that is tried, and where; the site is known later for what no trace has."""

    fault: Fault
    error: str
    site: str = ""


def audit_failing_calls(
    sandbox: Sandbox, stored: StoredCase, number: int, bare: WatchedBoot
) -> Iterator[CallAudit]:
    """Yield what one boot does where its calls fail, one after the other.

    Args:
        sandbox: where it runs.
        stored: the case.
        number: the boot, from 1.
        bare: the boot with nothing done to it, closed.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    stored = replace(stored, invariants=stored.invariants | {Invariant.UNREPORTED_ERROR})
    for failing in _failing(bare, number):
        asked = closed(stored, number, failing.fault)
        run = run_case(sandbox, asked)
        if len(run.boots) < number or not run.boots[-1].history.errors:
            continue
        boot = run.boots[-1]
        site = failing.site or _struck_site(boot, number)
        audit = CallAudit(
            site=site, error=failing.error, reactions=(_reaction(bare, boot),), runs=1
        )
        finding = finding_of(sandbox, asked, run)
        if finding is None and stored.contract.power is not Promise.NONE:
            asked = powered(stored, number, failing.fault)
            finding = finding_of(sandbox, asked, run_case(sandbox, asked))
            audit = replace(audit, runs=2)
        yield replace(audit, finding=finding)


# Which calls fail.


def _failing(boot: WatchedBoot, number: int) -> Iterator[_Failing]:
    """Yield the faults of a boot: the first call of each site, then opens and reads."""
    events = boot.events()
    sites: dict[str, int] = {}
    for at, event in enumerate(events):
        if event.kind in _CALLS and event.call >= 0 and event.result >= 0 and not event.is_stored:
            site = call_name(boot.plan, event, is_first_boot=number == 1)
            if len(sites) < SITES:
                sites.setdefault(site, at)
    for site, at in sites.items():
        event, on = events[at], _CALLS[events[at].kind]
        ordinal = sum(
            each.kind in on.kinds and each.call == event.call and not each.is_stored
            for each in events[:at]
        )
        for error in (ERRORS[on][0], *_MORE_ERRORS.get(on, ())):
            fault = CallError(boot=number - 1, call=event.call, on=on, ordinal=ordinal, error=error)
            yield _Failing(fault=fault, error=error.value, site=site)
        if on is FaultCall.WRITE and event.length > 1:
            short = ShortTransfer(
                boot=number - 1, call=event.call, on=on, ordinal=ordinal, kept=KEPT_SCALE // 2
            )
            yield _Failing(fault=short, error=SHORT, site=site)
    if number > 1:
        for on in (FaultCall.OPEN, FaultCall.READ):
            for ordinal in range(READS):
                error = ERRORS[on][0]
                unseen = CallError(boot=number - 1, call=0, on=on, ordinal=ordinal, error=error)
                yield _Failing(fault=unseen, error=error.value)


def _struck_site(boot: WatchedBoot, number: int) -> str:
    struck = next(event for event in boot.events() if event.is_injected)
    return call_name(boot.plan, struck, is_first_boot=number == 1)


# What the subject did.


def _reaction(bare: WatchedBoot, boot: WatchedBoot) -> Reaction:
    """Return what a subject did after an error, beside the same boot without it."""
    history = boot.history
    if history.is_stuck:
        return Reaction.NO_END
    call = history.errors[0].call
    outcome = history.calls[call].outcome if call < len(history.calls) else Outcome.UNANSWERED
    if outcome is Outcome.UNANSWERED:
        is_gone = history.end is BootEnd.DIED and not history.gave_up
        refused = history.gave_up and history.recovery is not None
        return Reaction.ENDED if is_gone or not refused else Reaction.REFUSED
    if outcome is not Outcome.ACKNOWLEDGED:
        later = [each for each in history.calls[call + 1 :] if each.operation.record is not None]
        is_last = bool(later) and all(each.outcome is not Outcome.ACKNOWLEDGED for each in later)
        return Reaction.REFUSED_ALL if is_last else Reaction.REFUSED
    return _way_on(bare.events(), boot.events())


def _way_on(bare: Sequence[Event], events: Sequence[Event]) -> Reaction:
    """Return how a subject went on that answered as if nothing had failed."""
    at = next(index for index, event in enumerate(events) if event.is_injected)
    struck = events[at]
    # A call that changes nothing is in the trace only where it failed.
    is_seen = struck.kind not in (EventKind.OPEN, EventKind.READ, EventKind.CLOSE)
    rest, expected = steps(events[at + 1 :]), steps(bare[at + 1 if is_seen else at :])
    if rest == expected:
        return Reaction.IGNORED
    behind = next((each for each in events[at + 1 :] if each.kind not in MESSAGES), None)
    is_same = behind is not None and (behind.kind, behind.path) == (struck.kind, struck.path)
    return Reaction.REPEATED if is_same else Reaction.OTHER
