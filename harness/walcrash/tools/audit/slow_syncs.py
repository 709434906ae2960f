"""Slow syncs of one case: each sync of a boot takes long, one boot for each, and is judged.

Such a boot is closed and judged, loses power and is judged, and is killed behind what was answered
while the sync went on, as far as the contract promises anything after these. Where nothing went on
meanwhile, the boot is one without a slow sync, and nothing that breaks in it is due to that.

Not here: how the time of a slow call passes (`walcrash.recorder.holding`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.tools.audit.faulty_boots import closed, finding_of, killed, powered
from walcrash.tools.audit.sites import call_name
from walcrash.values.audit_faults import CallAudit, Reaction
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Promise
from walcrash.values.event import FILE_SYNCS
from walcrash.values.fault_matrix import SLOW
from walcrash.values.faults import FaultCall, SlowCall
from walcrash.values.history import BootEnd, Outcome

# limits
DELAY_MS: Final = 1_000
"""How long a sync takes, milliseconds of virtual time: longer than most timeouts of a log."""

SITES: Final = 30
"""Most sites of one boot whose syncs are slow, the first ones."""


def audit_slow_syncs(
    sandbox: Sandbox, stored: StoredCase, number: int, bare: WatchedBoot
) -> Iterator[CallAudit]:
    """Yield what one boot does where its syncs are slow, one after the other.

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
    for site, fault in _slow(bare, number).items():
        asked = closed(stored, number, fault)
        run = run_case(sandbox, asked)
        if len(run.boots) < number or not run.boots[-1].history.slow:
            continue
        boot = run.boots[-1]
        audit = CallAudit(site=site, error=SLOW, reactions=(_reaction(boot),), runs=1)
        if audit.reactions == (Reaction.WAITED,):
            yield audit
            continue
        audit = replace(audit, finding=finding_of(sandbox, asked, run))
        for crashed in _crashed(stored, number, fault, boot):
            if audit.finding is None:
                finding = finding_of(sandbox, crashed, run_case(sandbox, crashed))
                audit = replace(audit, finding=finding, runs=audit.runs + 1)
        yield audit


def _slow(boot: WatchedBoot, number: int) -> dict[str, SlowCall]:
    """Return the slow syncs of a boot by their sites: the first sync of each."""
    events = boot.events()
    found: dict[str, SlowCall] = {}
    for at, event in enumerate(events):
        if event.kind not in FILE_SYNCS or event.call < 0 or event.result < 0:
            continue
        site = call_name(boot.plan, event, is_first_boot=number == 1)
        if site in found or len(found) == SITES:
            continue
        ordinal = sum(e.kind in FILE_SYNCS and e.call == event.call for e in events[:at])
        found[site] = SlowCall(
            boot=number - 1, call=event.call, on=FaultCall.FSYNC, ordinal=ordinal, delay_ms=DELAY_MS
        )
    return found


def _crashed(
    stored: StoredCase, number: int, fault: SlowCall, boot: WatchedBoot
) -> Iterator[StoredCase]:
    """Yield what else is judged of a boot with a slow sync."""
    if stored.contract.power is not Promise.NONE:
        yield powered(stored, number, fault)
    answered = [call for slow in boot.history.slow for call in slow.answered]
    if answered and stored.contract.kill is not Promise.NONE:
        yield killed(stored, number, answered[-1], fault)


def _reaction(boot: WatchedBoot) -> Reaction:
    """Return what a subject did while a sync was slow."""
    history = boot.history
    slow = history.slow[0]
    if history.is_stuck:
        return Reaction.NO_END
    outcome = history.calls[slow.call].outcome if slow.call < len(history.calls) else None
    if outcome in (None, Outcome.UNANSWERED):
        return Reaction.ENDED if history.end is BootEnd.DIED else Reaction.REFUSED
    if outcome is not Outcome.ACKNOWLEDGED:
        return Reaction.REFUSED
    if slow.answered:
        return Reaction.ANSWERED
    return Reaction.WENT_ON if boot.recording.outlasted() else Reaction.WAITED
