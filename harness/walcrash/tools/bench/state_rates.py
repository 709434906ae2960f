"""Judged states a second, of right subjects: a library, engines, drivers.

Cases with power losses only are drawn, run and judged as a campaign does it, in one job, so all
that a case costs is in the rate. States that another case judged as well are no different ones.

Not here: how soon something is found (`search`), images of one trace against plain verifiers
(`images`).
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import MakeExecutor
from walcrash.campaign.preparation import prepare
from walcrash.case.outcome import CaseOutcome
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.scenario.file import shipped_directory
from walcrash.tools.bench import python_driver
from walcrash.tools.bench.cases import SCENARIO
from walcrash.tools.bench.drivers import SOURCE, build_driver, missing_compiler
from walcrash.tools.bench.rounds import Say
from walcrash.tools.bench.tree_time import cpu_seconds
from walcrash.values.contract import Contract, Promise
from walcrash.values.errors import Inconclusive, ScenarioError
from walcrash.values.faults.plan import BootSelector, FaultKind, FaultPlan
from walcrash.values.scenario import OperationMix, RecoveryLimits, Scenario, SubjectSpec
from walcrash.values.search_bench import StateRate
from walcrash.values.verdict import Verdict

# limits
CASES: Final = 16
"""Cases of one subject."""

RATE_SECONDS: Final = 20.0
"""How long one subject is measured; no case begins after that."""

IMAGES: Final = 100
"""Images of one case at most, as a scenario has it by default."""

_SEED: Final = "rates"

_ROOM: Final = RecoveryLimits(seconds=60.0, memory_mb=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What one subject's cases came to."""

    outcomes: tuple[CaseOutcome, ...]
    cpu_seconds: float
    seconds: float


def measure_rates(say: Say, make_executor: MakeExecutor) -> tuple[StateRate, ...]:
    """Measure each subject, in a job of its own; what is not there has a row that says so.

    Raises:
        HarnessFault: the harness could not do its work.
    """
    python = [sys.executable, "-I", "-S", python_driver.__file__]
    with WorkingDirectory(parent=tempfile.gettempdir()) as work:
        source = shipped_directory() / "drivers" / SOURCE
        missing = missing_compiler(source)
        compiled = [] if missing else [build_driver(source, Path(work.path))]
        subjects = {
            "reference": SubjectSpec("reference"),
            "sqlite, synchronous=full": SubjectSpec("sqlite", {"synchronous": "full"}),
            "leveldb, sync": SubjectSpec("leveldb", {"sync": True}),
            "driver in C": SubjectSpec.of_driver(compiled) if compiled else missing,
            "driver in Python": SubjectSpec.of_driver(python),
            "driver in Python, reopen": SubjectSpec.of_driver([*python, "--reopen"]),
        }
        return tuple(_rate(name, each, say, make_executor) for name, each in subjects.items())


def _rate(
    name: str, subject: SubjectSpec | str, say: Say, make_executor: MakeExecutor
) -> StateRate:
    say(f"states judged: {name}")
    if isinstance(subject, str):
        return StateRate(name=name, missing=subject)
    executor: Executor = make_executor(1)
    try:
        measured = executor.submit(_measure, _scenario(name, subject)).result()
    except (ScenarioError, Inconclusive) as problem:
        return StateRate(name=name, missing=problem.message)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if failed := _problem(measured.outcomes):
        return StateRate(name=name, missing=failed)
    different = {state for outcome in measured.outcomes for state in outcome.search.states}
    images = [outcome.coverage for outcome in measured.outcomes if outcome.coverage is not None]
    return StateRate(
        name=name,
        judged=sum(max(each.judged, 1) for each in images),
        # Where no case tells its states, those that differ within their case.
        states=len(different) or sum(each.distinct for each in images),
        cpu_seconds=measured.cpu_seconds,
        seconds=measured.seconds,
    )


def _scenario(name: str, subject: SubjectSpec) -> Scenario:
    return replace(
        SCENARIO,
        name=name,
        subject=subject,
        # A driver's contract is not its own word; the libraries' own promise as much.
        contract=Contract(kill=Promise.ALL, power=Promise.ALL) if subject.driver else None,
        # The first boot makes the store: what a crash leaves of a half-made one breaks no promise.
        workload=replace(
            SCENARIO.workload, boots=(2, 2), mix={OperationMix.PUT: 14, OperationMix.DONE: 4}
        ),
        faults=(FaultPlan(kind=FaultKind.POWER, boots=BootSelector.LATER, images=IMAGES),),
        limits=_ROOM,
    )


def _measure(scenario: Scenario) -> _Measured:
    """Run cases, in a job process.

    Raises:
        WalcrashError: as `preparation.prepare`.
    """
    prepared = prepare(scenario, _SEED)
    outcomes: list[CaseOutcome] = []
    began, cpu_before = time.monotonic(), cpu_seconds()
    for index in range(CASES):
        if time.monotonic() - began >= RATE_SECONDS:
            break
        outcomes.append(jobs.run_index(prepared, scenario, _SEED, index))
    return _Measured(
        outcomes=tuple(outcomes),
        cpu_seconds=cpu_seconds() - cpu_before,
        seconds=time.monotonic() - began,
    )


def _problem(outcomes: Sequence[CaseOutcome]) -> str:
    """Return why the cases are not those of a right subject; empty where they are."""
    for outcome in outcomes:
        if outcome.verdict is not Verdict.PASS:
            why = outcome.doubt or "; ".join(each.message for each in outcome.violations)
            return f"case {outcome.index} is {outcome.verdict.value}: {why}"
    return ""
