"""The self-test: planted bugs are found by the expected invariants, right subjects never accused.

Each planted subject is run on several seeds until its first failing case, which must break the
expected invariant first. Its control cases must pass, and a failing case must need its crash: a bug
that shows without one would say nothing about crashes. A bug that is planted to show without one is
found by the control cases. A right subject is run for its stated number of cases.
"""

import time
import tomllib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.campaign.preparation import prepare
from walcrash.scenario.file import load_scenario, planted_directories
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import UsageError
from walcrash.values.planted import Planted, PlantedResult, PlantedRun
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Invariant, Verdict

EXPECTED: Final = "expected.toml"

RIGHT_CASES: Final = 50
"""Cases of a right subject on each seed."""


def read_expected(directory: Path) -> list[Planted]:
    """Return what is expected of every planted subject in a directory, in the file's order.

    Raises:
        OSError: the file cannot be read.
        KeyError, ValueError: it does not say what it must.
    """
    table = tomllib.loads((directory / EXPECTED).read_text(encoding="utf-8"))
    bugs = [
        Planted(
            name=name,
            invariant=Invariant(row["invariant"]),
            needs=row["needs"],
            within_cases=row["within_cases"],
            path=directory / f"{name}.toml",
            model=PersistenceModel(row.get("model", PersistenceModel.KILL.value)),
            minimal_operations=row.get("minimal_operations"),
            is_plain=row.get("plain", False),
            fates=tuple(row.get("fates", ())),
        )
        for name, row in table["planted"].items()
    ]
    right = [
        Planted(
            name=name,
            invariant=None,
            needs="",
            within_cases=row.get("cases", RIGHT_CASES),
            path=directory / f"{name}.toml",
        )
        for name, row in table.get("right", {}).items()
    ]
    return bugs + right


def choose(names: Sequence[str]) -> list[Planted]:
    """Return the planted subjects of these names; all of them for no name.

    Raises:
        UsageError: there is none of that name.
    """
    known = [planted for directory in planted_directories() for planted in read_expected(directory)]
    if not names:
        return known
    by_name = {planted.name: planted for planted in known}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"there is no planted subject `{name}`; there are {', '.join(by_name)}",
                hint="walcrash selftest",
            )
    return [by_name[name] for name in names]


def run_planted(
    chosen: Sequence[Planted],
    *,
    seeds: int,
    job_count: int,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[PlantedResult]:
    """Run planted subjects on the seeds 0, 1, ...; yield each when all its seeds are done.

    Raises:
        WalcrashError: the harness could not do its work.
    """
    waiting: deque[tuple[Planted, list[Future[PlantedRun]]]] = deque()
    with JobPool(make_executor, job_count) as pool:
        for planted in chosen:
            scenario = load_scenario(planted.path)
            futures = [
                pool.submit(find_first, scenario, planted, str(seed)) for seed in range(seeds)
            ]
            waiting.append((planted, futures))
        while waiting:
            planted, futures = waiting.popleft()
            runs = tuple(run for run in map(pool.result, futures) if run is not None)
            yield PlantedResult(planted=planted, runs=runs)


def find_first(scenario: Scenario, planted: Planted, seed: str) -> PlantedRun:
    """Run cases of one planted subject until one fails; in a job process."""
    began = time.monotonic()
    prepared = prepare(scenario, seed)
    for control in prepared.controls:
        if control.verdict is not Verdict.PASS:
            shown = ", ".join(v.invariant.value for v in control.violations) or control.doubt
            is_meant = planted.is_plain and control.verdict is Verdict.FAIL
            return PlantedRun(
                seed=seed,
                found_by=control.worst.invariant if is_meant else None,
                cases=0,
                images=0,
                model=None,
                seconds=time.monotonic() - began,
                problem="" if is_meant else f"shows without a crash: {shown}",
                is_plain=is_meant,
            )
    images = 0
    for index in range(planted.within_cases):
        outcome = jobs.run_index(prepared, scenario, seed, index)
        images += outcome.coverage.judged if outcome.coverage is not None else 0
        if outcome.verdict is not Verdict.PASS:
            found = outcome.worst.invariant if outcome.violations else None
            plain = None if outcome.needs_crash else outcome.plain_failure
            return PlantedRun(
                seed=seed,
                found_by=found,
                cases=index + 1,
                images=images,
                model=outcome.model if found else None,
                seconds=time.monotonic() - began,
                problem="" if found else outcome.doubt,
                is_plain=plain is not None,
            )
    return PlantedRun(
        seed=seed,
        found_by=None,
        cases=planted.within_cases,
        images=images,
        model=None,
        seconds=time.monotonic() - began,
    )
