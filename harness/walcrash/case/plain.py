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
its error: a store that a kill left half-made is not for the error to answer for. The crash is then
sought by the file that it fell on, since the next boot had found some of its files. An error adds
events, so the crashes are tried where they fall without these (`counterpart`), and then as the case
has them. Last, appends that were refused for an error are taken away with it (`refused`).

Not here: which rule is more severe (`walcrash.values.rules`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from walcrash.case.case_run import CaseRun, SearchTargets, torn_as
from walcrash.case.counterpart import moved_kill, moved_target
from walcrash.case.refused import kept_calls, with_kept_calls
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_target import PowerTarget
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.event import Event
from walcrash.values.faults import PowerLoss
from walcrash.values.history import Outcome
from walcrash.values.persistence import is_portability
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
        for bare in _without_errors(sandbox, stored, run):
            if bare.verdict is Verdict.FAIL:
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
    if weaker.case.is_control or _failing_control(sandbox, stored, weaker) is not None:
        return None
    for bare in _without_errors(sandbox, stored, weaker):
        if bare.verdict is Verdict.FAIL and _is_weaker(stored, bare):
            return bare
        if bare.portability_failure is not None:
            return bare.portability_failure
    return weaker


def _is_weaker(stored: StoredCase, run: CaseRun) -> bool:
    """Whether a run fails under a weaker model than its contract's, or for a finer tear."""
    is_torn = run.atomic_bytes != stored.contract.atomic_bytes
    return is_torn or is_portability(run.model, promised=stored.contract.model)


def _failing_control(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun | None:
    """Return the first control of a case that fails; None where the case needs its crash."""
    for case in controls_of(run):
        control = run_case(sandbox, replace(stored, case=case))
        if control.verdict is Verdict.FAIL:
            return control
    return None


def controls_of(run: CaseRun) -> Sequence[Case]:
    """Return what a case is without its crashes: all of it, and what of it had been answered."""
    return list(dict.fromkeys((control_of(run.case), control_of(_answered(run)))))


def _answered(run: CaseRun) -> Case:
    """Return a run's case with those operations that were answered, and each boot's `open`."""
    boots = list(run.case.boots)
    for number, history in enumerate(run.history.boots):
        if boots[number].crash is not None:
            answered = sum(call.outcome is not Outcome.UNANSWERED for call in history.calls)
            operations = boots[number].operations[: max(1, answered)]
            boots[number] = replace(boots[number], operations=operations)
    return replace(run.case, boots=tuple(boots))


def _without_errors(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Iterator[CaseRun]:
    """Yield runs of a case without what was injected, and with its crashes.

    First the crashes fall where they fall without the events that the errors added, and the image
    of a power loss is sought there; then they are as the case has them. The same comes once more
    without the boots that the subject gave up, and the first without the appends that it refused.
    """
    if not run.case.faults:
        return
    gave_up = [history.gave_up for history in run.history.boots]
    every = list(range(len(run.case.boots)))
    opened = [number for number in every if not any(gave_up[number : number + 1])]
    for numbers in [every, opened] if any(gave_up) else [every]:
        drawn = _bare_case(run, [_drawn_boot(stored, run, number) for number in numbers])
        traces = {} if numbers is every else _traces(sandbox, stored, drawn, numbers)
        moved_boots = {n: _moved_boot(run, n, traces.get(n, ())) for n in numbers}
        moved = _bare_case(run, list(moved_boots.values()))
        power = _moved_targets(run, numbers, traces)
        if moved is not None and (power or moved != drawn):
            yield _run_moved(sandbox, stored, run, moved, power)
        if drawn is not None:
            yield run_case(sandbox, replace(stored, case=drawn))
        kept = {number: kept_calls(run, number) for number in numbers}
        if any(len(kept[number]) < len(run.case.boots[number].operations) for number in numbers):
            boots = [with_kept_calls(boot, kept[number]) for number, boot in moved_boots.items()]
            fewer = _bare_case(run, boots)
            if fewer is not None:
                left = {at: each.moved(kept[numbers[at - 1]]) for at, each in power.items()}
                yield _run_moved(sandbox, stored, run, fewer, left)


def _traces(
    sandbox: Sandbox, stored: StoredCase, bare: Case | None, numbers: Sequence[int]
) -> Mapping[int, Sequence[Event]]:
    """Return what some boots do in a case without injections and crashes, by their old number."""
    if bare is None:
        return {}
    control = run_case(sandbox, replace(stored, case=control_of(bare)))
    return {number: boot.events() for number, boot in zip(numbers, control.boots, strict=False)}


def _moved_targets(
    run: CaseRun, numbers: Sequence[int], traces: Mapping[int, Sequence[Event]]
) -> dict[int, PowerTarget]:
    """Return what finds the power losses of some boots without what errors added, by new boot."""
    found = {
        at: moved_target(run, number, trace=traces.get(number, ()))
        for at, number in enumerate(numbers, start=1)
    }
    return {at: target for at, target in found.items() if target is not None}


def _bare_case(run: CaseRun, boots: Sequence[BootPlan]) -> Case | None:
    """Return a case with other boots and nothing injected; None where no crash is left."""
    if not boots:
        return None
    bare = replace(run.case, boots=tuple(boots), faults=())
    return None if bare.is_control else bare


def _drawn_boot(stored: StoredCase, run: CaseRun, number: int) -> BootPlan:
    """Return a boot of a case without the image that was found in it.

    Where a power loss was drawn, its images are searched anew: the one that failed may not be there
    without the errors.
    """
    boot, drawn = run.case.boots[number], stored.case.boots
    if number < len(drawn) and isinstance(drawn[number].crash, PowerLoss):
        return replace(boot, crash=drawn[number].crash)
    return boot


def _moved_boot(run: CaseRun, number: int, trace: Sequence[Event]) -> BootPlan:
    """Return a boot of a case with its kill where it falls without what the errors added."""
    if number >= len(run.boots):
        return run.case.boots[number]
    return moved_kill(run.boots[number], trace)


def _run_moved(
    sandbox: Sandbox,
    stored: StoredCase,
    run: CaseRun,
    case: Case,
    power: Mapping[int, PowerTarget],
) -> CaseRun:
    """Run a case whose crashes were moved; what the case searched before counts on."""
    asked = replace(torn_as(stored, run), case=case)
    if not power:
        return run_case(sandbox, asked)
    moved = run_case(sandbox, asked, targets=SearchTargets(target_invariant=None, power=power))
    return replace(moved, coverage=run.coverage, search=run.search, further=run.further)


def _rank(violations: tuple[Violation, ...]) -> int:
    """Return the rank of the most severe of some violations."""
    return min(RULES[violation.invariant].rank for violation in violations)
