"""A promise that no case put to the test is told, from what the cases' boots ended with."""

from dataclasses import replace

import pytest
from report_lines import ended, judged, scenario_ended, scenario_started, started

from walcrash.report.finding_changes import IDS_SHOWN, change_lines
from walcrash.report.html import html_report
from walcrash.report.markdown import markdown_report
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.report.untested import NAMES_SHOWN, untested_promises
from walcrash.values.contract import Contract, Damage, PersistenceModel, Promise
from walcrash.values.finding import FindingChange, FindingState, Unfollowed
from walcrash.values.history import BootEnd
from walcrash.values.reach import Reach, WorkloadReach
from walcrash.values.verdict import Invariant, Verdict

ALL_AFTER_POWER = (
    "all after a power loss (ext4), as the contract of quickstart promises: no case lost power; "
    '`kind = "power"` in [[faults]] tests it'
)
ALL_AFTER_KILL = (
    "all after a kill, as the contract of quickstart promises: no process was killed; "
    '`kind = "kill"` in [[faults]] tests it'
)


def report_of(*ends: BootEnd, contract: Contract, scenarios: int = 1) -> RunReport:
    names = ["quickstart", *(f"s-{number}" for number in range(1, scenarios))]
    report = RunReport("7", scenario_paths=dict.fromkeys(names, ""))
    report.add(started(*names))
    for name in names:
        report.add(replace(scenario_started(name), contract=contract))
        for number, end in enumerate(ends):
            case = judged(name, number)
            report.add(replace(case, boots=(replace(case.boots[0], end=end.value),)))
        report.add(scenario_ended(name, len(ends), 0))
    report.add(ended(Verdict.PASS, len(ends)))
    return report


@pytest.mark.parametrize(
    ("ends", "kill", "power", "untested"),
    [
        ([BootEnd.KILLED], Promise.ALL, Promise.ALL, [ALL_AFTER_POWER]),
        ([BootEnd.KILLED, BootEnd.POWER_LOST], Promise.ALL, Promise.ALL, []),
        ([BootEnd.KILLED], Promise.ALL, Promise.NONE, []),
        # An image of everything is what a kill leaves.
        ([BootEnd.POWER_LOST], Promise.ALL, Promise.ALL, []),
        ([BootEnd.POWER_LOST], Promise.ALL, Promise.PREFIX, [ALL_AFTER_KILL]),
        ([BootEnd.CLOSED], Promise.ALL, Promise.ALL, [ALL_AFTER_KILL, ALL_AFTER_POWER]),
        ([BootEnd.CLOSED], Promise.NONE, Promise.NONE, []),
        # Nothing ran, which the scenario itself says.
        ([], Promise.ALL, Promise.ALL, []),
    ],
)
def test_a_promise_is_untested_where_no_boot_ended_so(
    ends: list[BootEnd], kill: Promise, power: Promise, untested: list[str]
) -> None:
    contract = Contract(kill=kill, power=power, model=PersistenceModel.EXT4)
    assert untested_promises(report_of(*ends, contract=contract)) == untested


def test_that_rot_was_not_tried_is_told_where_the_contract_has_it() -> None:
    ends = (BootEnd.KILLED, BootEnd.POWER_LOST)
    contract = Contract(detects=frozenset({Damage.TORN, Damage.ROT}))
    assert untested_promises(report_of(*ends, contract=contract)) == [
        "that rot is noticed, as the contract of quickstart promises: nothing was damaged at rest "
        'and judged; `kind = "rot"` in [[faults]] tests it'
    ]
    assert (
        untested_promises(report_of(*ends, contract=Contract(detects=frozenset({Damage.TORN}))))
        == []
    )


def test_every_report_for_people_says_what_was_not_tested() -> None:
    report = report_of(BootEnd.KILLED, contract=Contract())
    summary = summary_text(report, seconds=1.0, report_path="")
    end = summary[summary.index("PASS  no findings") :]
    assert "not tested: all after a power loss (ext4)" in end
    assert "## Not tested\n\n- all after a power loss (ext4)" in markdown_report(report)
    assert "<dt>not tested<dd>all after a power loss (ext4)" in html_report(report)
    tested = report_of(BootEnd.POWER_LOST, contract=Contract())
    for text in (markdown_report(tested), html_report(tested)):
        assert "ot tested" not in text


def test_scenarios_with_one_promise_are_told_together() -> None:
    report = report_of(BootEnd.KILLED, contract=Contract(), scenarios=NAMES_SHOWN + 2)
    (told,) = untested_promises(report)
    assert "quickstart, s-1, s-2, s-3, s-4 and 2 more promises" in told


def test_kept_cases_that_were_not_run_or_say_nothing_are_told() -> None:
    assert change_lines([], Unfollowed(), width=100) == []
    many = tuple(f"F-{number:06x}" for number in range(IDS_SHOWN + 3))
    text = " ".join(
        line.strip()
        for line in change_lines([], Unfollowed(left_out=many, silent=("F-abcdef",)), width=100)
    )
    assert "13 kept, not run again: a run does so with at most 50 cases of a scenario" in text
    assert "and 3 more" in text
    assert "1 kept, whose cases are inconclusive now or cannot be run: F-abcdef" in text


def test_what_became_of_notes_is_told_apart_from_findings() -> None:
    changes = [
        FindingChange("F-000001", "s", Invariant.LOST_PUT, FindingState.NEW, is_portability=True),
        FindingChange("F-000002", "s", Invariant.LOST_PUT, FindingState.NEW),
    ]
    lines = change_lines(changes, width=100)
    assert [line.split() for line in lines] == [
        ["findings", "1", "new:", "F-000002"],
        ["notes", "1", "new:", "F-000001"],
    ]


def test_that_no_kill_fell_among_stores_is_told_where_there_were_both() -> None:
    def told(end: BootEnd, stored: int) -> list[str]:
        report = report_of(end, contract=Contract(power=Promise.NONE))
        case = judged("quickstart", 7)
        boot = replace(case.boots[0], end=end.value, stored=stored)
        report.add(replace(case, boots=(boot,)))
        return [each for each in untested_promises(report) if "stores" in each]

    (sentence,) = told(BootEnd.KILLED, 3)
    assert sentence.startswith("an exact kill among the 3 stores to mapped files of quickstart: ")
    assert "a system call, and a store makes none" in sentence
    assert '`kind = "kill-timer"` may fall there' in sentence
    assert told(BootEnd.KILLED, 0) == []
    assert told(BootEnd.POWER_LOST, 3) == []


def test_that_nothing_went_on_during_slow_calls_is_told_where_there_were_any() -> None:
    def told(slow: int, outlasted: int) -> list[str]:
        report = report_of(BootEnd.POWER_LOST, contract=Contract())
        case = judged("quickstart", 7)
        boot = replace(case.boots[0], slow=slow, outlasted=outlasted)
        report.add(replace(case, boots=(boot,)))
        return [each for each in untested_promises(report) if "slow" in each]

    assert told(2, 0) == [
        "what goes on during a slow call, of quickstart: no other thread did anything in its 2 "
        "slow calls, so they changed nothing"
    ]
    assert told(2, 1) == told(0, 0) == []


@pytest.mark.parametrize("of", ["cases", "controls"])
def test_of_several_threads_it_is_said_that_no_calls_came_at_once(of: str) -> None:
    def said(threads: int) -> list[str]:
        report = RunReport("7", scenario_paths={"quick": ""})
        report.add(started("quick"))
        report.add(scenario_started("quick"))
        none = WorkloadReach(cases=Reach(), controls=Reach())
        reach = replace(none, **{of: Reach(threads=threads)})
        report.add(scenario_ended("quick", 1, 0, reach=reach))
        report.add(ended(Verdict.PASS, 1))
        return [each for each in untested_promises(report) if "at once" in each]

    assert said(1) == []
    assert said(2) == [
        "calls of several clients at once, of quick: several threads or processes changed files, "
        "and each call was made when the one before had been answered"
    ]
