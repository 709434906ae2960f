"""Control cases: what a subject shows before anything is done to it.

One failing control decides nothing: it is run again in fresh processes, and what it shows twice is
a finding that needs no crash. What it shows once is a doubt. A subject that cannot be opened in an
empty directory cannot be tested, and all that it said about it is kept.

Not here: which controls are drawn (`workload.draw`), what comes of their failures
(`finding_reports`).
"""

import re
from dataclasses import replace
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.outcome import CaseOutcome, summarise
from walcrash.case.runner import run_case, run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.case.steady import with_steady_clock
from walcrash.findings.fates import failure_fate
from walcrash.findings.story import build_story
from walcrash.oracle import refusal_without_fault
from walcrash.recorder.recording import WatchEnd
from walcrash.subjects.boots import steady_text
from walcrash.values.case_file import StoredCase
from walcrash.values.log import Unopened
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.verdict import Verdict

_PLACE: Final = re.compile(r'File "(?:[^"\n]*/)?([^"/\n]+)"')
"""Where a line of a Python traceback is; its directory is the machine's."""

# limits
OUTPUT_LINES: Final = 20
"""Lines that are kept from the end of what a subject printed that could not be opened."""

OUTPUT_CHARACTERS: Final = 4000
"""Most characters of these."""


def run_control(sandbox: Sandbox, stored: StoredCase) -> tuple[CaseOutcome, CaseRun]:
    """Run a control case; one that does not pass is run again before it decides.

    Returns:
        What it showed, and the run that showed it. One that failed and then passed is
        inconclusive.

    Raises:
        WalcrashError: as `run_case`.
    """
    first = run_case(sandbox, stored)
    outcome = _summarise(first, stored)
    if outcome.verdict is Verdict.PASS:
        return outcome, first
    stored, again = with_steady_clock(sandbox, stored, run_case_fresh(sandbox, stored))
    decided = replace(_summarise(again, stored), fate=failure_fate(sandbox, stored, again))
    if decided.verdict is not Verdict.PASS or outcome.verdict is Verdict.INCONCLUSIVE:
        return decided, again
    names = ", ".join(sorted({v.invariant.value for v in outcome.violations}))
    doubt = f"a case without any crash broke {names} once, and not when it was run again"
    return replace(decided, doubt=doubt), again


def _summarise(run: CaseRun, stored: StoredCase) -> CaseOutcome:
    """Return what is kept of a control case: one with a refusal is no pass."""
    outcome = summarise(run, stored)
    refused = refusal_without_fault(run.history)
    if not refused or outcome.verdict is Verdict.FAIL:
        return outcome
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, doubt=refused, refused=refused)


def has_opened(run: CaseRun) -> bool:
    """Whether the subject opened in the empty directory of its first boot."""
    return isinstance(run.history.boots[0].recovery, Recovery)


def has_hung(run: CaseRun) -> bool:
    """Whether a boot of a control hung."""
    return any(boot.recording.end is WatchEnd.HUNG for boot in run.boots)


def tell_unopened(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Unopened:
    """Return what became of a subject that did not open.

    Args:
        sandbox: where it ran; its directory has another name each time, and is left out.
        stored: the control case.
        run: what it gave.
    """
    failure = run.history.boots[0].recovery
    if not isinstance(failure, RecoveryFailure):
        failure = RecoveryFailure(FailureKind.DIED, "it ended in `open`")
    printed = steady_text(run.boots[0].output, directory=sandbox.directory)
    printed = _PLACE.sub(r'File "\1"', printed)
    lines = printed.strip().splitlines()[-OUTPUT_LINES:]
    return Unopened(
        kind=failure.kind,
        message=failure.message,
        output="\n".join(lines)[-OUTPUT_CHARACTERS:],
        story=build_story(run, promised=stored.contract.model),
    )
