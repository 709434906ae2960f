"""Kill cases a second against the plain loop that anyone would write.

A case is what a campaign runs: it is drawn, booted under watch, killed at an exact event,
recovered, and judged. The plain loop starts two Pythons and compares a list of ids. Both have 20
operations, appends most of them, on the reference WAL.

Measured twice: judged by the invariants about records, which is what the plain loop checks;
and judged by all of them, which takes four recoveries more and has no plain loop to be held
against.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.jobs import Batch
from walcrash.campaign.preparation import Prepared, prepare
from walcrash.case.outcome import CaseOutcome
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.tools.bench.plain import run_plain_case
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import FaultPlan
from walcrash.values.scenario import (
    Budget,
    OperationMix,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)
from walcrash.values.verdict import Invariant, Verdict

# limits
OPERATIONS: Final = 20
"""Operations of a case."""

CASES_A_BATCH: Final = 8
BATCHES_A_JOB: Final = 4
PLAIN_CASES_A_JOB: Final = 4
"""Cases in one sample."""

JOB_COUNTS: Final = (1, 2)
TARGET: Final = 15.0

SEED: Final = "bench"

SCENARIO: Final = Scenario(
    name="kill cases, all invariants",
    summary="One boot of 20 operations, killed at any event.",
    path="bench",
    subject=SubjectSpec("reference"),
    contract=None,
    workload=WorkloadPlan(
        operations=(OPERATIONS, OPERATIONS),
        mix={
            OperationMix.PUT: 14,
            OperationMix.DONE: 4,
            OperationMix.APPLY: 1,
            OperationMix.TICK: 1,
        },
        payload_bytes=(100,),
    ),
    faults=(FaultPlan(),),
    invariants=frozenset(Invariant),
    budget=Budget(),
    limits=RecoveryLimits(),
)


AS_PLAIN: Final = replace(
    SCENARIO,
    name="kill cases",
    invariants=frozenset(
        {
            Invariant.LOST_PUT,
            Invariant.LOST_MARK,
            Invariant.ALTERED_RECORD,
            Invariant.PHANTOM_RECORD,
            Invariant.ORDER,
            Invariant.UNRECOVERABLE,
        }
    ),
)
"""Judged as the plain loop judges: are the records there, and as they were?"""


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Compare with the plain loop, with one job and with two."""
    rows = [_compare(AS_PLAIN, count, rounds, say, target=TARGET) for count in JOB_COUNTS]
    rows += [_compare(SCENARIO, count, rounds, say, target=None) for count in JOB_COUNTS]
    return rows, ()


def _compare(
    scenario: Scenario, job_count: int, rounds: int, say: Say, *, target: float | None
) -> Comparison:
    work = WorkingDirectory()
    executor = jobs.make_executor(job_count)
    try:
        prepared = executor.submit(prepare, scenario, SEED).result()
        # All jobs have their processes and their modules before the first sample.
        _cases(executor, scenario, prepared, job_count)
        samples = take_turns(
            {
                "ours": partial(_cases, executor, scenario, prepared, job_count),
                "plain": partial(_plain_cases, Path(work.path), job_count),
            },
            rounds,
            say,
            what=f"{scenario.name}, {_jobs(job_count)}",
        )
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        work.close()
    names = {
        "ours": f"{scenario.name}, {_jobs(job_count)}",
        "plain": f"plain loop, {_jobs(job_count)}",
    }
    ours, plain = (
        Series(name=name, unit="cases/s", better=Better.HIGHER, samples=samples[key])
        for key, name in names.items()
    )
    name = f"{scenario.name.replace(',', '').replace(' ', '-')}-{job_count}"
    return Comparison(name=name, ours=ours, other=plain, target=target)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _cases(executor: Executor, scenario: Scenario, prepared: Prepared, job_count: int) -> float:
    count = job_count * BATCHES_A_JOB * CASES_A_BATCH
    outcomes, seconds = timed_cases(
        executor, scenario, prepared, count=count, batch_cases=CASES_A_BATCH
    )
    _check(outcomes)
    return len(outcomes) / seconds


def timed_cases(
    executor: Executor, scenario: Scenario, prepared: Prepared, *, count: int, batch_cases: int
) -> tuple[list[CaseOutcome], float]:
    """Run the first so many cases of a scenario; return them, and how many seconds that took."""
    batches = [
        Batch(
            scenario=scenario,
            description=prepared.description,
            profile=prepared.profile,
            master_seed=SEED,
            indices=tuple(range(start, min(count, start + batch_cases))),
        )
        for start in range(0, count, batch_cases)
    ]
    began = time.perf_counter()
    outcomes = [case for batch in executor.map(jobs.run_batch, batches) for case in batch]
    return outcomes, time.perf_counter() - began


def _check(outcomes: Sequence[CaseOutcome]) -> None:
    for outcome in outcomes:
        if outcome.verdict is not Verdict.PASS or not outcome.landings:
            raise HarnessFault(
                f"case {outcome.index} of the bench did not pass: {outcome.verdict.value} "
                f"{outcome.doubt} {[v.message for v in outcome.violations]}"
            )


def _plain_cases(parent: Path, job_count: int) -> float:
    count = job_count * PLAIN_CASES_A_JOB
    began = time.perf_counter()
    with ThreadPoolExecutor(job_count) as threads:
        kept = list(threads.map(partial(_plain_case, parent), range(count)))
    seconds = time.perf_counter() - began
    if not all(kept):
        raise HarnessFault("the plain loop of the bench lost a record")
    return count / seconds


def _plain_case(parent: Path, number: int) -> bool:
    directory = tempfile.mkdtemp(dir=parent)
    try:
        lines = 1 + number * 5 % OPERATIONS
        return run_plain_case(Path(directory), operations=OPERATIONS, lines=lines)
    finally:
        shutil.rmtree(directory)
