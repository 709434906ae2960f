"""Plain failures: what a failing case shows without its crashes is not for a crash to answer for.

A failing case is run once more as its control: the same operations, every boot and every recovery
closed. Where that passes, so is what had been answered when each boot ended: a call that a crash
fell into, or that came after it, may hide what shows without a crash. Where both pass, the case
needs its crash. Where one fails, the subject has a bug that needs none, and the case is judged
again by the rules that the control keeps. Only what is more severe than all that the control broke
counts for the crash then; what is less severe may follow from the bug that needs none.

What was injected is taken away in the same way: a case that fails with its crashes and without its
errors fails for its crashes, by the rule that it breaks then. Where an error had the subject give
up a boot in `open`, the next boot did what that one would have done, so the boot is taken away with
its error: a store that a kill left half-made is not for the error to answer for.

Not here: which rule is more severe (`walcrash.values.rules`).
"""

from dataclasses import dataclass, replace

from walcrash.case.case_run import CaseRun
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import PowerLoss
from walcrash.values.history import Outcome
from walcrash.values.rules import RULES
from walcrash.values.verdict import Verdict, Violation
from walcrash.workload.control import control_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What of a failing case is due to its crashes, and what is not.

    Attributes:
        crash: the failure that needs a crash; None if nothing does.
        stored: the case of `crash`, with the rules by which that was judged.
        plain: the case without its crashes, where that fails; else None.
    """

    crash: CaseRun | None
    stored: StoredCase
    plain: CaseRun | None


def blame(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Blame:
    """Find out what of a failing case needs its crashes.

    Args:
        sandbox: where it runs.
        stored: the case.
        run: how it failed.

    Raises:
        WalcrashError: as `run_case`.
    """
    if run.case.is_control:
        return Blame(crash=None, stored=stored, plain=run)
    control = _failing_control(sandbox, stored, run)
    if control is None:
        for boots in (_same_boots(stored, run), _opened_boots(stored, run)):
            bare = _without_errors(sandbox, stored, run, boots)
            if bare is not None and bare.verdict is Verdict.FAIL:
                return Blame(crash=bare, stored=replace(stored, case=bare.case), plain=None)
        return Blame(crash=run, stored=stored, plain=None)
    broken = control.judgement.violations
    kept = stored.invariants - {violation.invariant for violation in broken}
    if kept and _rank(run.judgement.violations) < _rank(broken):
        fewer = replace(stored, case=run.case, invariants=kept)
        again = run_case(sandbox, fewer)
        if again.verdict is Verdict.FAIL and _rank(again.judgement.violations[:1]) < _rank(broken):
            return Blame(crash=again, stored=fewer, plain=control)
    return Blame(crash=None, stored=stored, plain=control)


def weaker_blame(sandbox: Sandbox, stored: StoredCase, weaker: CaseRun) -> CaseRun | None:
    """Return what counts of a failure under a weaker model: what needs a crash.

    Where it shows without its errors too, that is returned.

    Raises:
        WalcrashError: as `run_case`.
    """
    found = blame(sandbox, stored, weaker)
    if found.plain is not None:
        return None
    bare = _without_errors(sandbox, stored, weaker, _same_boots(stored, weaker))
    return weaker if bare is None or bare.portability_failure is None else bare.portability_failure


def _failing_control(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun | None:
    """Return the first control of a case that fails; None where the case needs its crash."""
    for case in dict.fromkeys((control_of(run.case), control_of(_answered(run)))):
        control = run_case(sandbox, replace(stored, case=case))
        if control.verdict is Verdict.FAIL:
            return control
    return None


def _answered(run: CaseRun) -> Case:
    """Return a run's case with those operations that were answered, and each boot's `open`."""
    boots = list(run.case.boots)
    for number, history in enumerate(run.history.boots):
        if boots[number].crash is not None:
            answered = sum(call.outcome is not Outcome.UNANSWERED for call in history.calls)
            operations = boots[number].operations[: max(1, answered)]
            boots[number] = replace(boots[number], operations=operations)
    return replace(run.case, boots=tuple(boots))


def _same_boots(stored: StoredCase, run: CaseRun) -> tuple[BootPlan, ...]:
    """Return the boots of a case without the images that were found in it.

    Where a power loss was drawn, its images are searched anew: the one that failed may not be there
    without the errors.
    """
    drawn = stored.case.boots
    return tuple(
        replace(boot, crash=drawn[number].crash)
        if number < len(drawn) and isinstance(drawn[number].crash, PowerLoss)
        else boot
        for number, boot in enumerate(run.case.boots)
    )


def _opened_boots(stored: StoredCase, run: CaseRun) -> tuple[BootPlan, ...]:
    """Return the same without those that the subject gave up; nothing where there are none."""
    gave_up = [history.gave_up for history in run.history.boots]
    if not any(gave_up):
        return ()
    every = _same_boots(stored, run)
    return tuple(boot for number, boot in enumerate(every) if not any(gave_up[number : number + 1]))


def _without_errors(
    sandbox: Sandbox, stored: StoredCase, run: CaseRun, boots: tuple[BootPlan, ...]
) -> CaseRun | None:
    """Run some boots of a case without what was injected, and with their crashes.

    Returns:
        None where nothing was injected, or nothing is left that could fail for a crash.
    """
    if not run.case.faults or not boots:
        return None
    bare = replace(run.case, boots=boots, faults=())
    return None if bare.is_control else run_case(sandbox, replace(stored, case=bare))


def _rank(violations: tuple[Violation, ...]) -> int:
    """Return the rank of the most severe of some violations."""
    return min(RULES[violation.invariant].rank for violation in violations)
