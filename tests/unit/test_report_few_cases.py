"""A run of few cases says so, and which faults of its scenario came in none of them."""

from dataclasses import replace

import pytest
from report_lines import ended, finding, judged, scenario_ended, scenario_started, started

from walcrash.report.few_cases import absent_kinds_sentences, few_cases_sentences
from walcrash.report.html import html_report
from walcrash.report.markdown import markdown_report
from walcrash.report.merge import merged_report
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.report.untested import untested_promises
from walcrash.values.contract import Contract, Promise
from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import AbsentFault, CallRow, FaultMatrix, FaultOutcome
from walcrash.values.history import BootEnd
from walcrash.values.log import FewCases, LogLine, StopReason, line_from_json, line_to_json
from walcrash.values.operation import OperationKind
from walcrash.values.reach import NOTHING_REACHED, Reach, WorkloadReach
from walcrash.values.verdict import Verdict

FEW = FewCases(done=1, of=30, seconds=560, is_restarted=True)
LATE = (
    "29 of the 30 cases that a run should have, of quick: 1 case was run; about `--time 560` would "
    "do, or `--cases 30` without `--time`; `walcrash check` says what a recovery takes, and what "
    "`reopen` would save"
)


def lines(
    *cases: tuple[BootEnd, ...],
    faults: tuple[str, ...] = ("kill", "power"),
    contract: Contract | None = None,
    few: FewCases | None = None,
    matrix: FaultMatrix | None = None,
    reach: WorkloadReach | None = None,
) -> list[LogLine]:
    first = scenario_started("quick")
    found: list[LogLine] = [
        started("quick"),
        replace(first, faults=faults, contract=contract or Contract()),
    ]
    for number, ends in enumerate(cases):
        case = judged("quick", number)
        boots = tuple(replace(case.boots[0], end=end.value, landing=None) for end in ends)
        found.append(replace(case, boots=boots))
    last = scenario_ended("quick", len(cases), 0, few=few, matrix=matrix, reach=reach)
    stopped = StopReason.TIME_OVER if few is not None else StopReason.CASES_DONE
    return [*found, last, replace(ended(Verdict.PASS, len(cases)), stopped=stopped)]


def report(*cases: tuple[BootEnd, ...], **changes) -> RunReport:
    return RunReport.of(lines(*cases, **changes))


BOTH = ((BootEnd.KILLED,), (BootEnd.POWER_LOST,))


def test_a_run_that_ended_by_its_time_with_few_cases_says_so_with_what_to_do():
    few = report(*BOTH, few=FEW)
    assert few_cases_sentences(few) == [LATE]
    assert untested_promises(few)[0] == LATE
    assert few.verdict is Verdict.PASS
    text = " ".join(summary_text(few, seconds=1.0, report_path="").split())
    assert f"not tested: {LATE}" in text
    for page in (markdown_report(few), html_report(few)):
        assert "29 of the 30 cases that a run should have" in page
    assert few_cases_sentences(report(*BOTH)) == []


def test_where_no_time_would_do_only_the_number_is_named():
    (told,) = few_cases_sentences(report(*BOTH, few=FewCases(done=2, of=30)))
    assert told.endswith(": 2 cases were run; `--cases 30` without `--time` runs all")


def test_the_event_log_carries_few_cases_and_faults():
    for line in lines(*BOTH, few=FEW):
        assert line_from_json(line_to_json(line)) == line
    forms = [line_to_json(line) for line in lines(*BOTH, faults=())]
    assert not any("few" in form or "faults" in form for form in forms)


def test_shards_that_have_enough_cases_together_had_not_few():
    one = lines(*BOTH, few=FewCases(done=14, of=30, seconds=90))
    two = lines(*BOTH, few=FewCases(done=15, of=30, seconds=90))
    (told,) = few_cases_sentences(merged_report([one, two]))
    assert told.startswith("1 of the 30 cases")
    assert "--time 90" not in told
    assert few_cases_sentences(merged_report([one, one, two])) == []
    assert few_cases_sentences(merged_report([one, lines(*BOTH)])) == []


def test_a_promise_whose_fault_the_scenario_has_is_not_told_to_need_it():
    (told,) = untested_promises(report((BootEnd.KILLED,)))
    assert told == (
        "all after a power loss (ext4), as the contract of quick promises: no case lost power; "
        '`kind = "power"` in [[faults]] came in no case, and may in more'
    )
    (told,) = untested_promises(report((BootEnd.KILLED,), faults=("kill",)))
    assert told.endswith('`kind = "power"` in [[faults]] tests it')


def test_a_power_loss_that_only_another_boot_went_on_from_is_told():
    chained = (BootEnd.POWER_LOST, BootEnd.KILLED)
    assert absent_kinds_sentences(report(chained)) == [
        "images of a power loss, of quick: 1 boot lost power and another one went on from one "
        "image; no other was judged in 1 case; more may"
    ]
    assert absent_kinds_sentences(report(chained, BOTH[1])) == []
    # A log of an older version has no faults.
    assert absent_kinds_sentences(report(chained, faults=())) == []


def test_kills_and_losses_that_no_promise_asks_for_are_told_where_none_came():
    (told,) = absent_kinds_sentences(report((BootEnd.POWER_LOST,)))
    assert (
        told == 'a kill, of quick: `kind = "kill"` in [[faults]] came in none of 1 case; more may'
    )
    weak = Contract(power=Promise.NONE)
    (told,) = absent_kinds_sentences(report((BootEnd.KILLED,), contract=weak))
    assert told.startswith("a power loss, of quick: ")
    assert absent_kinds_sentences(report(*BOTH)) == []


def struck(column: str, outcome: FaultOutcome = FaultOutcome.REFUSED) -> FaultMatrix:
    row = CallRow(
        operation=OperationKind.APPEND,
        record=None,
        call=EventKind.WRITE,
        role="log",
        made=3,
        struck={column: {outcome: 1}},
    )
    return FaultMatrix(calls=(row,))


@pytest.mark.parametrize(
    ("kind", "column"),
    [("error", "EIO"), ("short", "short"), ("quota", "full disk"), ("slow", "slow")],
)
def test_an_injected_fault_that_struck_nothing_is_told(kind: str, column: str):
    def told(matrix: FaultMatrix) -> list[str]:
        return absent_kinds_sentences(report(*BOTH, faults=("kill", "power", kind), matrix=matrix))

    assert told(struck(column)) == []
    other = "EIO" if kind != "error" else "short"
    for matrix in (struck(other), struck(column, FaultOutcome.UNJUDGED), FaultMatrix()):
        assert told(matrix) == [
            f'an injected fault of `kind = "{kind}"`, of quick: it came in none of 2 cases, or '
            "nothing was judged of it; more may"
        ]
    # No call fits it, which is said with its keys.
    assert told(FaultMatrix(absent=(AbsentFault(kind=kind, files="x"),))) == []


def test_of_a_scenario_that_failed_it_is_not_said_that_its_faults_came_in_no_case():
    unjudged = struck("full disk", FaultOutcome.UNJUDGED)
    known = report(*BOTH, faults=("kill", "power", "quota"), matrix=unjudged)
    assert len(absent_kinds_sentences(known)) == 1
    known.findings.append(finding(scenario="quick"))
    assert absent_kinds_sentences(known) == []


def test_damage_of_which_the_contract_lets_nothing_be_judged_is_told_with_the_key():
    told = absent_kinds_sentences(report(*BOTH, faults=("kill", "power", "rot")))
    assert told == [
        'an injected fault of `kind = "rot"`, of quick: nothing is judged of it where `detects` in '
        '[contract] has no "rot"'
    ]


def test_kinds_of_events_that_no_case_made_have_no_row():
    made = (EventKind.WRITE, EventKind.FSYNC, EventKind.REPLY)
    reach = WorkloadReach(cases=Reach(boots=1, made=made), controls=NOTHING_REACHED)
    known = report(*BOTH, reach=reach).coverage
    assert [row.kind for row in known.rows] == ["write", "fsync", "reply"]
    assert {"symlink", "rmdir", "msync", "effect"} <= set(known.left_out)
    page = html_report(report(*BOTH, reach=reach))
    assert "No case made any of these, so they are left out: create," in page
    unknown = report(*BOTH).coverage
    assert "symlink" in [row.kind for row in unknown.rows]
    assert unknown.left_out == ()
    # Of a part nothing is known: so it is of the whole.
    assert Reach.of_all([reach.cases, Reach(boots=1)]).made == ()
    assert Reach.of_all([reach.cases, NOTHING_REACHED]).made == made
