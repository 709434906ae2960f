"""The time of a probe is shared: the first promise leaves some to those that come after it."""

from pathlib import Path

import pytest

from walcrash.scenario.file import load_scenario
from walcrash.tools import probe
from walcrash.tools.probe import FIRST_CASES, ProbePlan, _Answer, _Prober
from walcrash.values.contract import PersistenceModel
from walcrash.values.probe import ProbedCrash
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict

SCENARIO = load_scenario(Path(__file__).parents[2] / "scenarios" / "quickstart.toml")


class Asked(_Prober):
    """A prober whose campaigns take what the test says, by the clock of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float | None) -> None:
        plan = ProbePlan(scenario=SCENARIO, master_seed="1", runs=Path("runs"), seconds=seconds)
        super().__init__(plan, lambda _: None, lambda _: None)  # type: ignore[arg-type,return-value]
        self.now = 0.0
        self.deadline = seconds
        self.asked: list[tuple[int, float | None]] = []
        self.seconds_per_case = 1.0
        monkeypatch.setattr(probe.time, "monotonic", lambda: self.now)

    def _ask(self, scenario: Scenario, cases: int, seconds: float | None) -> _Answer:
        self.asked.append((cases, seconds))
        done = cases if seconds is None else min(cases, int(seconds / self.seconds_per_case))
        self.now += done * self.seconds_per_case
        verdict = Verdict.PASS if done else Verdict.INCONCLUSIVE
        return _Answer(cases=done, verdict=verdict, is_late=done < cases)


def test_without_a_limit_a_promise_has_all_its_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    prober = Asked(monkeypatch, seconds=None)
    answer = prober._ask_twice(SCENARIO, ahead=4)
    assert prober.asked == [(FIRST_CASES, None), (probe.CASES, None)]
    assert (answer.cases, answer.reason, prober.is_cut) == (probe.CASES, "", False)


def test_a_slow_subject_gets_a_few_cases_for_each_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    prober = Asked(monkeypatch, seconds=120.0)
    prober.seconds_per_case = 7.0
    found = [prober._ask_twice(SCENARIO, ahead=ahead) for ahead in (1, 0)]
    # The share of the first, 39 s, is less than its few cases took.
    assert prober.asked == [(FIRST_CASES, 60.0), (FIRST_CASES, 78.0)]
    assert [each.cases for each in found] == [FIRST_CASES, FIRST_CASES]
    assert (
        found[0].reason == f"the time was not enough: {FIRST_CASES} of {probe.CASES} cases were run"
    )
    assert prober.is_cut


def test_the_few_cases_take_half_of_what_is_left_where_others_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prober = Asked(monkeypatch, seconds=120.0)
    prober.seconds_per_case = 20.0
    answer = prober._ask_twice(SCENARIO, ahead=2)
    assert (answer.cases, answer.verdict, prober.now) == (3, Verdict.PASS, 60.0)
    assert answer.reason == f"the time was not enough: 3 of {probe.CASES} cases were run"
    assert not prober._is_late()
    # What gets no case at all is open, and no other is tried.
    prober.seconds_per_case = 100.0
    assert prober._ask_twice(SCENARIO, ahead=0).verdict is Verdict.INCONCLUSIVE
    assert prober._is_late()


def test_a_kill_leaves_time_to_the_power_losses_and_the_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prober = Asked(monkeypatch, seconds=100.0)
    kill = prober._promises_ahead(ProbedCrash.KILL, PersistenceModel.KILL)
    last = prober._promises_ahead(ProbedCrash.POWER, PersistenceModel.POSIX)
    assert (kill, last) == (4, 1)
    prober.seconds_per_case = 0.5
    answer = prober._ask_twice(SCENARIO, ahead=kill)
    few, share = prober.asked
    assert few == (FIRST_CASES, 50.0)
    assert share == (probe.CASES, pytest.approx((100 - 3) / 5))
    assert answer.cases == 38
