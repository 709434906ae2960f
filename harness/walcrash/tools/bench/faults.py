"""Cases with an injected error against cases with a kill, and a campaign over all calls and errors.

Both kinds of cases have the same operations on the reference, judged by all invariants; the boots
into which an error is injected are closed. The campaign is the shipped `error-each`: a case for
each call that its control cases make, with each error that the kernel can give for it.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.preparation import Prepared, prepare
from walcrash.scenario.file import load_scenario, shipped_scenarios
from walcrash.tools.bench.cases import SCENARIO, SEED, timed_cases
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import FaultKind, FaultPlan
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.turns import turns_of

# limits
CASES: Final = 48
"""Cases in one sample."""

BATCH_CASES: Final = 8

JOBS: Final = 2

CAMPAIGN_SECONDS: Final = 60.0
"""How long the campaign over all calls and errors may take."""

ERRORS: Final = replace(
    SCENARIO,
    name="error cases, all invariants",
    summary="One boot of 20 operations, into which an error is injected.",
    faults=(FaultPlan(kind=FaultKind.ERROR),),
)


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Compare error cases with kill cases, and measure the whole campaign once."""
    executor = jobs.make_executor(JOBS)
    try:
        ready = {
            each.name: executor.submit(prepare, each, SEED).result() for each in (ERRORS, SCENARIO)
        }
        measures = {
            each.name: partial(_rate, executor, each, ready[each.name])
            for each in (ERRORS, SCENARIO)
        }
        for warm in measures.values():
            warm()
        samples = take_turns(measures, rounds, say, what="error cases")
        say("every call with every error")
        cases, seconds = _campaign(executor)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    errors, kills = (
        Series(name=name, unit="cases/s", better=Better.HIGHER, samples=taken)
        for name, taken in samples.items()
    )
    whole = Series(
        name=f"error-each: {cases} cases, {JOBS} jobs (1 sample)",
        unit="s",
        better=Better.LOWER,
        samples=(seconds,),
    )
    return (
        [Comparison(name="error-cases", ours=errors, other=kills)],
        [Limit(name="error-each", series=whole, bound=CAMPAIGN_SECONDS)],
    )


def _rate(executor: Executor, scenario: Scenario, prepared: Prepared) -> float:
    return CASES / _seconds(executor, scenario, prepared, CASES)


def _campaign(executor: Executor) -> tuple[int, float]:
    """Return how many cases the campaign has, and how long its controls and cases take."""
    scenario = load_scenario(shipped_scenarios()["error-each"])
    began = time.perf_counter()
    prepared = executor.submit(prepare, scenario, SEED).result()
    count = len(turns_of(scenario.faults, prepared.profile))
    _seconds(executor, scenario, prepared, count)
    return count, time.perf_counter() - began


def _seconds(executor: Executor, scenario: Scenario, prepared: Prepared, count: int) -> float:
    """Return how long so many cases take."""
    outcomes, seconds = timed_cases(
        executor, scenario, prepared, count=count, batch_cases=BATCH_CASES
    )
    for outcome in outcomes:
        if outcome.verdict is not Verdict.PASS:
            raise HarnessFault(f"case {outcome.index} of the bench did not pass: {outcome.doubt}")
    return seconds
