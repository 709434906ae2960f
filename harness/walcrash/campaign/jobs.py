"""What runs in a job process: control cases, batches of cases, replays.

A job keeps one workplace for its whole life. It is started afresh (not forked), so that it
stays small; it dies with the process that started it, and its zygotes clean up behind it.
"""

import ctypes
import json
import multiprocessing
import multiprocessing.util
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from walcrash.case.file import StoredCase, stored_case_to_json
from walcrash.case.power_loss import Coverage
from walcrash.case.runner import CaseRun, run_case, run_case_fresh
from walcrash.case.watched_boot import WatchedBoot
from walcrash.case.workplace import Workplace
from walcrash.findings.evidence import complete, pack
from walcrash.minimise.cause import group_of
from walcrash.oracle import refusal_without_fault
from walcrash.subjects.messages import Description
from walcrash.values.case import Case, Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.history import History, Outcome
from walcrash.values.log import BootSummary
from walcrash.values.operation import OperationKind
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Invariant, Verdict, Violation
from walcrash.workload.draw import draw_case, draw_control
from walcrash.workload.profile import Profile

CONTROL_CASES: Final = 3
"""Cases without a crash before a scenario's own."""

_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOutcome:
    """One case as it goes back to the campaign; `stored` is its stored form if it failed.

    `beside` is its failure under a model weaker than the contract's, if there is one. `evidence`
    is all that it left, packed, where it is the simplest of its group in its batch: it may never
    fail again. `refused` is what the subject refused in a control case. `is_before_promise` says
    that no record had been acknowledged in it: what breaks then is a half-made store.
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
    stored: str
    beside: "CaseOutcome | None" = None
    evidence: str = ""
    refused: str = ""
    is_before_promise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A scenario that is ready: its subject's description, its profile, its control cases."""

    description: Description
    profile: Profile
    controls: tuple[CaseOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Cases of one scenario for one job; none is begun after `deadline` (`time.monotonic()`).

    With `keeps_evidence` failing cases come with what they left; see `CaseOutcome`.
    """

    scenario: Scenario
    description: Description
    profile: Profile
    master_seed: str
    indices: tuple[int, ...]
    deadline: float | None = None
    keeps_evidence: bool = False


def make_executor(jobs: int) -> Executor:
    """Return a pool of job processes on this machine."""
    context = multiprocessing.get_context("spawn")
    started = context.Value("i", 0)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=start_job, initargs=(started,))


def start_job(started: "Synchronized[int]") -> None:
    """Make this process end with its parent, leave Ctrl-C to the parent, take a processor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with started.get_lock():
        number, started.value = started.value, started.value + 1
    keep_to_one_processor(number)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os._exit(1)  # it was gone before that took effect


def keep_to_one_processor(number: int) -> None:
    """Stay on one processor, with all that this process starts.

    A job and its workers wait for each other all the time, and waking a process on another
    processor that sleeps is far dearer than a switch on the same one: on two processors a job
    made 80 cases a second so, and 45 to 69 without.
    """
    usable = sorted(os.sched_getaffinity(0), reverse=True)
    os.sched_setaffinity(0, {usable[number % len(usable)]})


@cache
def job_workplace() -> Workplace:
    """Return this job's workplace, which lives as long as the process."""
    workplace = Workplace()
    multiprocessing.util.Finalize(workplace, workplace.close, exitpriority=10)
    return workplace


def prepare(scenario: Scenario, master_seed: str) -> Prepared:
    """Load a scenario's subject, run its control cases, and measure its profile.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    workplace = job_workplace()
    description = workplace.load(scenario.subject, scenario.limits)
    outcomes, profiles = [], []
    for index in range(CONTROL_CASES):
        case = draw_control(scenario, description.supports, master_seed, index)
        stored = store_case(case, scenario, description)
        run = run_case(workplace, stored)
        outcomes.append(_summarise_control(run, stored))
        if outcomes[-1].verdict is not Verdict.PASS:
            break
        profiles.append(Profile.of([(boot.plan, boot.events()) for boot in run.boots]))
    return Prepared(
        description=description, profile=Profile.merged(profiles), controls=tuple(outcomes)
    )


def run_batch(batch: Batch) -> list[CaseOutcome]:
    """Draw and run some cases, in order; fewer than asked for if time runs out.

    Raises:
        WalcrashError: as `prepare`.
    """
    outcomes: list[CaseOutcome] = []
    failures: list[_Failure] = []
    for index in batch.indices:
        # Linux has one monotonic clock for all processes.
        if batch.deadline is not None and time.monotonic() >= batch.deadline:
            break
        case = draw_case(
            batch.scenario,
            supports=batch.description.supports,
            profile=batch.profile,
            master_seed=batch.master_seed,
            index=index,
        )
        stored = store_case(case, batch.scenario, batch.description)
        run = run_case(job_workplace(), stored)
        outcomes.append(summarise(run, stored))
        failures += _failures(len(outcomes) - 1, outcomes[-1], run, stored)
    return _with_evidence(outcomes, failures) if batch.keeps_evidence else outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failing case of a batch, or what fails beside it, with its run."""

    at: int
    is_beside: bool
    outcome: CaseOutcome
    run: CaseRun
    stored: StoredCase


def _failures(at: int, outcome: CaseOutcome, run: CaseRun, stored: StoredCase) -> list[_Failure]:
    every = [(False, outcome, run), (True, outcome.beside, run.beside)]
    return [
        _Failure(at=at, is_beside=is_beside, outcome=told, run=made, stored=stored)
        for is_beside, told, made in every
        if told is not None and made is not None and told.verdict is Verdict.FAIL
    ]


def _with_evidence(outcomes: list[CaseOutcome], failures: list[_Failure]) -> list[CaseOutcome]:
    """Add what it left to the simplest failing case of each group."""
    simplest: dict[tuple[bool, str], _Failure] = {}
    for each in failures:
        group = group_of(each.outcome.violations[0].invariant, each.outcome.landings)
        known = simplest.setdefault((each.is_beside, group), each)
        if complexity(each.outcome) < complexity(known.outcome):
            simplest[each.is_beside, group] = each
    for each in simplest.values():
        evidence = pack(complete(job_workplace(), each.stored, each.run))
        told, beside = outcomes[each.at], outcomes[each.at].beside
        if not each.is_beside:
            outcomes[each.at] = replace(told, evidence=evidence)
        elif beside is not None:
            outcomes[each.at] = replace(told, beside=replace(beside, evidence=evidence))
    return outcomes


def complexity(outcome: CaseOutcome) -> tuple[int, int, int]:
    """Return what orders cases from simple to not: boots, operations, then the lowest index."""
    return len(outcome.boots), outcome.operations, outcome.index


def replay_case(stored: StoredCase) -> CaseRun:
    """Run a stored case with every recovery in a process of its own.

    Raises:
        WalcrashError: as `prepare`.
    """
    return run_case_fresh(job_workplace(), stored)


def summarise(run: CaseRun, stored: StoredCase) -> CaseOutcome:
    """Return what a campaign keeps of a case."""
    is_failure = run.verdict is Verdict.FAIL
    return CaseOutcome(
        index=run.case.index,
        seed=run.case.seed,
        boots=tuple(_summarise_boot(boot) for boot in run.boots),
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
        stored=json.dumps(stored_case_to_json(replace(stored, case=run.case)))
        if is_failure
        else "",
        beside=None if run.beside is None else summarise(run.beside, stored),
        is_before_promise=not has_acknowledged(run.history),
    )


def has_acknowledged(history: History) -> bool:
    """Whether any record was acknowledged."""
    return any(
        call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED
        for boot in history.boots
        for call in boot.calls
    )


def _summarise_control(run: CaseRun, stored: StoredCase) -> CaseOutcome:
    """Return what is kept of a control case: one with a refusal is no pass."""
    outcome = summarise(run, stored)
    refused = refusal_without_fault(run.history)
    if not refused or outcome.verdict is Verdict.FAIL:
        return outcome
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, doubt=refused, refused=refused)


def count_operations(case: Case) -> int:
    """Return how many operations a case calls, opens and closes not counted."""
    around = (OperationKind.OPEN, OperationKind.CLOSE)
    return sum(o.kind not in around for boot in case.boots for o in boot.operations)


def _summarise_boot(boot: WatchedBoot) -> BootSummary:
    calls: Sequence[Outcome] = [call.outcome for call in boot.history.calls]
    return BootSummary(
        operations=len(calls),
        acknowledged=calls.count(Outcome.ACKNOWLEDGED),
        events=len(boot.recording.rows),
        end=boot.history.end.value,
        landing=boot.landing,
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
