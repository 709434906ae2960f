"""A case that the time is over for: what of it was judged counts, and what was not is lost."""

from dataclasses import dataclass, replace

import pytest

from walcrash.campaign import jobs
from walcrash.campaign.preparation import Prepared, prepare
from walcrash.case.deadline import NO_DEADLINE, Deadline, TimeOver
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome
from walcrash.tools.bench.cases import SCENARIO
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict

POWER = replace(
    SCENARIO,
    name="cut-short",
    workload=replace(SCENARIO.workload, boots=(2, 2)),
    faults=(FaultPlan(kind=FaultKind.POWER, images=24),),
)
MANY, INDEX = 10**9, 9

KILL = replace(POWER, faults=(FaultPlan(kind=FaultKind.KILL),))


@dataclass(frozen=True)
class _Counted(Deadline):
    """A deadline that comes when it has been asked for so many times."""

    left: list[int] = None  # type: ignore[assignment]

    def check(self) -> None:
        if not self.left[0]:
            raise TimeOver
        self.left[0] -= 1


def cut_after(left: list[int], prepared: Prepared, scenario: Scenario) -> list[CaseOutcome]:
    """Run a case until the deadline has been asked so many times; they are counted down."""
    batch = jobs.Batch(
        scenario=scenario,
        description=prepared.description,
        profile=prepared.profile,
        master_seed="cut",
        indices=(INDEX,),
    )
    job_sandbox().deadline = _Counted(left=left)
    try:
        return jobs.run_batch(batch)
    finally:
        job_sandbox().deadline = NO_DEADLINE


@pytest.mark.parametrize("parts", [10, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("scenario", "ends"), [(POWER, 3), (KILL, 2)], ids=["power", "kill"])
def test_wherever_the_time_is_over_a_case_says_nothing_or_what_it_has_judged(
    scenario: Scenario, ends: int, parts: int
) -> None:
    prepared = prepare(scenario, "cut")
    left = [MANY]
    (whole,) = cut_after(left, prepared, scenario)
    assert whole.verdict is Verdict.PASS
    judged = []
    for part in range(parts):
        outcomes = cut_after([part * (MANY - left[0]) // parts], prepared, scenario)
        judged.append(sum(each.recoveries for each in outcomes))
        for each in outcomes:
            assert each.verdict is Verdict.PASS
            assert each.portability_failure is None
    assert judged == sorted(judged)
    assert judged[0] == 0
    # A kill is judged as it was drawn, or with all others that its trace has.
    assert len(set(judged)) >= ends
    assert cut_after([MANY], prepared, scenario) == [whole], "a cut leaves nothing behind"
