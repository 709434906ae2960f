"""What is kept of one case that was run, and the case as it is kept to run again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from walcrash.case.case_run import CaseRun, torn_as
from walcrash.case.coverage import Coverage
from walcrash.case.fault_rows import fault_rows
from walcrash.case.watched_boot import WatchedBoot
from walcrash.subjects.messages import Description
from walcrash.values.case import Case, Landing
from walcrash.values.case_file import StoredCase
from walcrash.values.cause import is_passed_over
from walcrash.values.cell import NOTHING_SEARCHED, SearchTotals
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.fate import Fate
from walcrash.values.fault_matrix import NO_FAULTS, FaultMatrix
from walcrash.values.faults import AS_EVER, Fault
from walcrash.values.forms import SPARSE, FileName
from walcrash.values.further_recoveries import NO_FURTHER_RECOVERIES, FurtherRecoveries
from walcrash.values.history import AFTER_RECOVERY, BootHistory, Outcome, RecoveryName
from walcrash.values.io_error import IoError
from walcrash.values.log import BootSummary
from walcrash.values.operation import OperationKind
from walcrash.values.reach import NOTHING_REACHED, Reach
from walcrash.values.scenario import Scenario
from walcrash.values.slow_io import SlowIo, most_telling
from walcrash.values.varied import Varied
from walcrash.values.verdict import HasViolations, Invariant, Verdict, Violation
from walcrash.workload.reached import reach_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOutcome(HasViolations):
    """One case as it goes back to the campaign; `stored` is the case itself, if it failed.

    `portability_failure` is its failure under a model weaker than the contract's, if there is one.
    `evidence` is all that it left, packed, where it is the simplest of its group in its batch: it
    may never fail again. `refused` is what the subject refused in a control case.
    `is_before_promise` says that no record had been acknowledged in it: what breaks then is a
    half-made store. `is_plain` says that nothing was done to the subject. `plain_failure` is how
    the case failed without its crashes, if it did; `needs_crash` says whether what the case showed
    needs them all the same. `fate` is what became of what it lost, where it failed and its events
    decide that. `error` is the injected error that it failed for, if it did;
    `damaged` is the file that was damaged at rest, where it failed for that;
    `slow` is the slow call of its boots that tells most, where it failed;
    `around` says which boots had another clock, or random bytes that repeat.
    `varied` is what was varied around the subject's recoveries up to the
    end of it, for which program. `search` is what else of its crash states was judged,
    `reach` what its operations came to, `matrix` what its faults fell on and what came of them.
    `settled` is as `landings`, where it failed; of kills that leave the same, where the first one
    lands.
    """

    index: int
    seed: int
    boots: tuple[BootSummary, ...]
    recoveries: int
    verdict: Verdict
    violations: tuple[Violation, ...]
    landings: tuple[Landing, ...]
    judged: frozenset[Invariant]
    unjudged: tuple[tuple[Invariant, str], ...]
    operations: int
    doubt: str
    outside: tuple[str, ...]
    model: PersistenceModel
    coverage: Coverage | None
    stored: StoredCase | None
    portability_failure: "CaseOutcome | None" = None
    evidence: str = ""
    refused: str = ""
    is_before_promise: bool = False
    is_plain: bool = False
    plain_failure: "CaseOutcome | None" = None
    needs_crash: bool = True
    varied: Annotated[tuple[Varied, ...], SPARSE] = ()
    search: Annotated[SearchTotals, SPARSE] = NOTHING_SEARCHED
    further: Annotated[FurtherRecoveries, SPARSE] = NO_FURTHER_RECOVERIES
    fate: Annotated[Fate | None, SPARSE] = None
    error: Annotated[IoError | None, SPARSE] = None
    damaged: Annotated[FileName, SPARSE] = ""
    slow: Annotated[SlowIo | None, SPARSE] = None
    around: Annotated[tuple[str, ...], SPARSE] = ()
    reach: Annotated[Reach, SPARSE] = NOTHING_REACHED
    matrix: Annotated[FaultMatrix, SPARSE] = NO_FAULTS
    settled: Annotated[tuple[Landing, ...], SPARSE] = ()

    @property
    def landings_of_cause(self) -> tuple[Landing, ...]:
        """Where its crashes landed, as its cause has them; what an older version kept says less."""
        return self.settled or self.landings


def summarise(run: CaseRun, stored: StoredCase) -> CaseOutcome:
    """Return what a campaign keeps of a case."""
    is_failure = run.verdict is Verdict.FAIL
    return CaseOutcome(
        index=run.case.index,
        seed=run.case.seed,
        boots=_boot_summaries(run),
        recoveries=run.recoveries,
        verdict=run.verdict,
        violations=run.judgement.violations,
        landings=run.landings,
        judged=run.judgement.judged,
        unjudged=run.judgement.unjudged,
        operations=count_operations(run.case),
        doubt=run.doubt,
        outside=tuple(sorted({path for boot in run.boots for path in boot.recording.outside})),
        model=run.model,
        coverage=run.coverage,
        stored=replace(torn_as(stored, run), case=run.case) if is_failure else None,
        portability_failure=None
        if run.portability_failure is None
        else summarise(run.portability_failure, stored),
        is_before_promise=not has_acknowledged(run),
        is_plain=run.case.is_control,
        search=run.search,
        further=run.further,
        error=error_of(run) if is_failure else None,
        damaged=damaged_of(run) if is_failure else "",
        slow=slow_of(run) if is_failure else None,
        around=around_boots(run.case.faults) if is_failure else (),
        reach=reach_of([((boot.plan, boot.recording.rows), boot.history) for boot in run.boots]),
        matrix=fault_rows(run),
        settled=run.settled if is_failure else (),
    )


def error_of(run: CaseRun) -> IoError | None:
    """Return the error that a case failed for, where it failed for one that was injected.

    That is the first one that was passed over: what was refused before it is as it should be. Where
    all were refused, it is the first.
    """
    if not run.judgement.breaks_first(Invariant.UNREPORTED_ERROR):
        return None
    errors = [
        replace(error, is_acknowledged=_outcome(boot.history, error) is Outcome.ACKNOWLEDGED)
        for boot in run.boots
        for error in boot.history.errors
    ]
    return next(filter(is_passed_over, errors), errors[0] if errors else None)


def _outcome(boot: BootHistory, error: IoError) -> Outcome:
    return boot.calls[error.call].outcome if error.call < len(boot.calls) else Outcome.NOT_ASKED


def damaged_of(run: CaseRun) -> str:
    """Return the file that was damaged at rest in a case which failed for that; else nothing."""
    if not run.judgement.breaks_first(Invariant.SILENT_ROT):
        return ""
    each = (*(boot.rotted for boot in run.history.boots), run.history.recoveries.rotted)
    return next((rotted.damage.path for rotted in each if rotted is not None), "")


def slow_of(run: CaseRun) -> SlowIo | None:
    """Return the slow call of a failing case that tells most; None where there was none."""
    slow = [each for boot in run.history.boots for each in boot.slow]
    return most_telling(slow) if slow else None


def around_boots(faults: Sequence[Fault]) -> tuple[str, ...]:
    """Return what whole boots had around them, as reports say it."""
    return tuple(str(fault) for fault in faults if fault.around != AS_EVER)


def has_acknowledged(run: CaseRun) -> bool:
    """Whether any record had been acknowledged when a case broke its first rule.

    What is appended after the last recovery counts where the rule broke after that.
    """
    calls = [call for boot in run.history.boots for call in boot.calls]
    where = run.judgement.worst.where if run.judgement.violations else ""
    if where == RecoveryName.AFTER.value or where.startswith(AFTER_RECOVERY):
        calls += run.history.recoveries.continued
    return any(
        call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED for call in calls
    )


def complexity(outcome: CaseOutcome) -> tuple[int, int, int]:
    """Return what orders cases from simple to not: boots, operations, then the lowest index."""
    return len(outcome.boots), outcome.operations, outcome.index


def count_operations(case: Case) -> int:
    """Return how many operations a case calls, opens and closes not counted."""
    around = (OperationKind.OPEN, OperationKind.CLOSE)
    return sum(o.kind not in around for boot in case.boots for o in boot.operations)


def _boot_summaries(run: CaseRun) -> tuple[BootSummary, ...]:
    boots = [_summarise_boot(boot, run.case) for boot in run.boots]
    if run.history.recoveries.rotted is not None:
        # What was damaged at rest lies behind the last boot.
        boots[-1] = replace(boots[-1], damaged=1)
    for number, boot in enumerate(run.boots):
        if boot.history.rotted is not None:
            boots[number - 1] = replace(boots[number - 1], damaged=1)
    return tuple(boots)


def _summarise_boot(boot: WatchedBoot, case: Case) -> BootSummary:
    events = boot.events() if case.faults else ()
    calls: Sequence[Outcome] = [call.outcome for call in boot.history.calls]
    return BootSummary(
        operations=len(calls),
        acknowledged=calls.count(Outcome.ACKNOWLEDGED),
        events=len(boot.recording.rows),
        end=boot.history.end.value,
        landing=boot.landing,
        injected=sum(event.is_injected for event in events),
        stored=boot.recording.stored(),
        slow=sum(event.kind is EventKind.SLOW for event in events),
        outlasted=boot.recording.outlasted() if case.faults else 0,
    )


def store_case(case: Case, scenario: Scenario, description: Description) -> StoredCase:
    """Return a case with all that it takes to run it; a stated contract goes first."""
    return StoredCase(
        case=case,
        subject=scenario.subject,
        contract=scenario.contract or description.contract,
        supports=description.supports,
        invariants=scenario.invariants,
        limits=scenario.limits,
    )
