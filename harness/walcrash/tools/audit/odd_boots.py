"""Boots of one case with another wall clock, or with random bytes that repeat, each judged.

Each boot has a clock that is behind, then one that is far ahead; a later boot has the random bytes
of those before it. Such a boot is closed and judged, and loses power and is judged, if the contract
promises anything after that.

Not here: how a boot gets another clock (`walcrash.recorder.odd_boot`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.tools.audit.faulty_boots import closed, finding_of, powered, steps
from walcrash.values.audit_faults import CallAudit, Reaction
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Promise
from walcrash.values.fault_matrix import REPEATED_RANDOM
from walcrash.values.faults import ClockJump, Fault, RepeatedRandom, jump_name
from walcrash.values.faults.clock_jump import DAY_SECONDS, YEAR_SECONDS
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.verdict import Verdict

SHIFTS_SECONDS: Final = (-2 * DAY_SECONDS, 20 * YEAR_SECONDS)
"""How far the clock of a boot is ahead, less than 0 for behind."""

FIRST_BOOT: Final = "first boot"
LATER_BOOT: Final = "later boot"


def audit_odd_boots(
    sandbox: Sandbox, stored: StoredCase, number: int, bare: WatchedBoot
) -> Iterator[CallAudit]:
    """Yield what one boot does with another clock, and with random bytes that repeat.

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
    for name, faults in _odd(number):
        asked = closed(stored, number, *faults)
        run = run_case(sandbox, asked)
        if len(run.boots) < number or run.verdict is Verdict.INCONCLUSIVE:
            continue
        audit = CallAudit(
            site=FIRST_BOOT if number == 1 else LATER_BOOT,
            error=name,
            reactions=(_reaction(bare, run.boots[-1]),),
            runs=1,
            finding=finding_of(sandbox, asked, run),
        )
        if audit.finding is None and stored.contract.power is not Promise.NONE:
            asked = powered(stored, number, *faults)
            finding = finding_of(sandbox, asked, run_case(sandbox, asked))
            audit = replace(audit, finding=finding, runs=2)
        yield audit


def _odd(number: int) -> Iterator[tuple[str, tuple[Fault, ...]]]:
    """Yield what a boot, counted from 1, and those before it have around them, with its name."""
    for shift in SHIFTS_SECONDS:
        yield jump_name(shift), (ClockJump(boot=number - 1, call=0, shift_seconds=shift),)
    if number > 1:
        yield (
            REPEATED_RANDOM,
            tuple(RepeatedRandom(boot=boot, call=0) for boot in range(number)),
        )


def _reaction(bare: WatchedBoot, boot: WatchedBoot) -> Reaction:
    """Return what a subject did, beside the same boot with nothing around it."""
    history = boot.history
    if history.is_stuck:
        return Reaction.NO_END
    refusals = (Outcome.REFUSED, Outcome.REFUSED_DEFINITE)
    if history.gave_up or any(call.outcome in refusals for call in history.calls):
        return Reaction.REFUSED
    if history.end is BootEnd.DIED:
        return Reaction.ENDED
    return Reaction.ALIKE if steps(bare.events()) == steps(boot.events()) else Reaction.OTHER
