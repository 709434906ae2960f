"""How soon the search finds what is planted, and how fast it judges states.

Each planted bug that needs a crash is run on several seeds until its first failing case, and once
more with the states of each case in random order, as the control; then the settings of engines that
are documented to lose something, with a contract that promises all. What counts is judged states
and processor time: the clock of a shared machine says little.

Not here: the rate of judged states (`state_rates`), whether the right invariant finds a bug
(`walcrash.tools.selftest`).
"""

import os
import platform
import shlex
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.campaign.preparation import prepare
from walcrash.case.frontier import SearchOrder
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome
from walcrash.findings.subject_words import read_subject
from walcrash.scenario.file import load_scenario, planted_directories, shipped_directory
from walcrash.tools.bench.state_rates import measure_rates
from walcrash.tools.bench.tree_time import cpu_seconds
from walcrash.tools.selftest import read_expected
from walcrash.tools.validate import TABLE, read_documented
from walcrash.values.contract import Contract, PersistenceModel, Promise
from walcrash.values.errors import Inconclusive, ScenarioError, UsageError
from walcrash.values.planted import Planted
from walcrash.values.scenario import Scenario
from walcrash.values.search_bench import FirstFinding, SearchBench, SoughtSubject
from walcrash.values.validation import Documented
from walcrash.values.verdict import Verdict

Say = Callable[[str], None]

# limits
SEEDS: Final = 20
"""Seeds of each bug by default."""

SETTING_SEEDS: Final = 3
"""Most seeds of an engine's setting."""

SETTING_CASES: Final = 200
"""Most cases of an engine's setting."""

RUN_CPU_SECONDS: Final = 30.0
"""How much processor time one bug or setting is sought for on one seed; no case begins after."""

RUN_SECONDS: Final = 300.0
"""The same by the clock, for what sleeps."""

BEYOND: Final = 3
"""A bug is sought in so many times the cases within which it must be found."""


class BenchPart(Enum):
    """What is measured."""

    BUGS = "bugs"
    UNIFORM = "uniform"
    RATES = "rates"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBenchPlan:
    """What is to be measured.

    Attributes:
        names: planted bugs; none for all.
        seeds: how many.
        jobs: how many processes seek.
        parts: of it.
    """

    names: tuple[str, ...] = ()
    seeds: int = SEEDS
    jobs: int = 1
    parts: tuple[BenchPart, ...] = tuple(BenchPart)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """One subject, how it is made in a job, and in how many cases it is sought."""

    name: str
    needs: str
    scenario: Scenario
    cases: int
    seeds: int
    weak: Documented | None = None
    order: SearchOrder = SearchOrder.NOVEL


def run_search_bench(
    plan: SearchBenchPlan, *, say: Say, make_executor: MakeExecutor = jobs.make_executor
) -> SearchBench:
    """Measure what is asked for.

    Args:
        plan: what.
        say: called with what was measured, line by line.
        make_executor: makes the job processes.

    Raises:
        UsageError: there is no planted bug of a name.
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    planted = [_of_bug(bug, plan.seeds) for bug in _bugs(plan.names)]
    weak = [_of_setting(row, min(plan.seeds, SETTING_SEEDS)) for row in weak_settings()]
    uniform = [replace(sought, order=SearchOrder.UNIFORM) for sought in planted]
    parts = plan.parts
    return SearchBench(
        command=_command(plan),
        machine=machine(),
        seeds=plan.seeds,
        bugs=_seek(planted, plan.jobs, say, make_executor) if BenchPart.BUGS in parts else (),
        uniform=_seek(uniform, plan.jobs, say, make_executor) if BenchPart.UNIFORM in parts else (),
        rates=measure_rates(say, make_executor) if BenchPart.RATES in parts else (),
        settings=_seek(weak, plan.jobs, say, make_executor) if BenchPart.SETTINGS in parts else (),
    )


def machine() -> tuple[tuple[str, str], ...]:
    """Return what the numbers depend on."""
    return (
        ("processors", str(len(os.sched_getaffinity(0)))),
        ("architecture", platform.machine()),
        ("kernel", platform.release()),
        ("python", platform.python_version()),
    )


def _command(plan: SearchBenchPlan) -> str:
    words = ["walcrash", "bench", "search", *plan.names, "--seeds", str(plan.seeds)]
    if plan.parts != tuple(BenchPart):
        words += [word for part in plan.parts for word in ("--part", part.value)]
    return shlex.join([*words, "--jobs", str(plan.jobs)])


# What is sought.


def _bugs(names: Sequence[str]) -> list[Planted]:
    """Return the planted bugs that need a crash.

    Raises:
        UsageError: there is none of a name.
    """
    known = {
        bug.name: bug
        for directory in planted_directories()
        for bug in read_expected(directory)
        if bug.invariant is not None and not bug.is_plain
    }
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no planted bug `{name}` that needs a crash; found {', '.join(known)}",
                hint="walcrash bench search",
            )
    return [known[name] for name in names or known]


def _of_bug(bug: Planted, seeds: int) -> _Sought:
    return _Sought(
        name=bug.name,
        needs=bug.needs,
        scenario=load_scenario(bug.path),
        cases=BEYOND * bug.within_cases,
        seeds=seeds,
    )


def weak_settings() -> list[Documented]:
    """Return the settings of shipped engines that keep less than all after a crash.

    Those that are scenarios of drivers are left out, since they need more than this machine has to
    have.
    """
    rows = read_documented(shipped_directory() / "engines" / TABLE)
    judged = (PersistenceModel.KILL, PersistenceModel.ORDERED, PersistenceModel.EXT4)
    return [
        row
        for row in rows
        if not row.subject.endswith(".toml")
        and any(row.keeps.get(model, Promise.ALL) is not Promise.ALL for model in judged)
    ]


def _of_setting(row: Documented, seeds: int) -> _Sought:
    kept = ", ".join(f"{model.value} {promise.value}" for model, promise in row.keeps.items())
    return _Sought(
        name=row.subject,
        needs=f"at {row.acknowledges.value}: {kept}",
        scenario=read_subject(row.subject),
        cases=SETTING_CASES,
        seeds=seeds,
        weak=row,
    )


# Seeking.


def _seek(
    every: Sequence[_Sought], job_count: int, say: Say, make_executor: MakeExecutor
) -> tuple[SoughtSubject, ...]:
    """Seek each subject on its seeds, in their order."""
    found: list[SoughtSubject] = []
    waiting: deque[tuple[_Sought, list[Future[FirstFinding]]]] = deque()
    with JobPool(make_executor, job_count) as pool:
        for sought in every:
            seeds = map(str, range(sought.seeds))
            waiting.append((sought, [pool.submit(first_finding, sought, seed) for seed in seeds]))
        while waiting:
            sought, futures = waiting.popleft()
            say(sought.name)
            found.append(_together(sought, map(pool.result, futures)))
    return tuple(found)


def _together(sought: _Sought, results: Iterator[FirstFinding | None]) -> SoughtSubject:
    """Return what all seeds of one subject showed."""
    try:
        runs = tuple(run for run in results if run is not None)
    except (ScenarioError, Inconclusive) as problem:
        # What ships is right, so the machine lacks something.
        return SoughtSubject(name=sought.name, needs=sought.needs, runs=(), missing=problem.message)
    return SoughtSubject(name=sought.name, needs=sought.needs, runs=runs)


def first_finding(sought: _Sought, seed: str) -> FirstFinding:
    """Run cases of one subject until one fails; in a job process.

    Raises:
        WalcrashError: as `preparation.prepare`.
    """
    began, cpu_before = time.monotonic(), cpu_seconds()
    scenario = sought.scenario if sought.weak is None else _promising_all(sought)
    prepared = prepare(scenario, seed)
    index = states = 0
    is_found = any(control.verdict is Verdict.FAIL for control in prepared.controls)
    while not is_found and index < sought.cases:
        if cpu_seconds() - cpu_before >= RUN_CPU_SECONDS or time.monotonic() - began >= RUN_SECONDS:
            break
        outcome = jobs.run_index(prepared, scenario, seed, index, order=sought.order)
        index += 1
        states += judged_states(outcome)
        is_found = outcome.verdict is Verdict.FAIL
    return FirstFinding(
        seed=seed,
        is_found=is_found,
        cases=index,
        states=states,
        cpu_seconds=cpu_seconds() - cpu_before,
        seconds=time.monotonic() - began,
    )


def judged_states(outcome: CaseOutcome) -> int:
    """Return how many crash states a case judged until one failed, or in all.

    Those that only a search for the strictest model judged, once one had failed, are not counted.
    """
    return max(1, len(outcome.search.states))


def _promising_all(sought: _Sought) -> Scenario:
    """Return the scenario of a setting with a contract that promises more than it keeps."""
    assert sought.weak is not None, "a setting has a row"
    scenario = sought.scenario
    stated: Contract = job_sandbox().load(scenario.subject, scenario.limits).contract
    contract = replace(
        stated,
        acknowledges=sought.weak.acknowledges,
        kill=Promise.ALL,
        power=Promise.ALL,
        model=PersistenceModel.EXT4,
    )
    return replace(scenario, contract=contract)
