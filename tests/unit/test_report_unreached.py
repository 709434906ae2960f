"""What a workload never reached is said with the key that changes it, and nothing else is."""

from dataclasses import replace

from report_lines import ended, scenario_ended, scenario_started, started

from walcrash.report.run_report import RunReport
from walcrash.report.unreached import unreached_sentences
from walcrash.report.untested import untested_promises
from walcrash.values.fault_matrix import AbsentFault, FaultMatrix
from walcrash.values.log import FewCases, line_from_json, line_to_json
from walcrash.values.reach import Reach, WorkloadReach
from walcrash.values.verdict import Verdict

CALLS = dict.fromkeys(("put", "done", "failed", "sync", "compact"), 3)
ALL = Reach(calls=CALLS, boots=3, over_page_end=2, files=2, file_bytes=9_000)


def said(
    cases: Reach,
    controls: Reach = ALL,
    *,
    is_fitted: bool = False,
    count: int = 20,
    few: FewCases | None = None,
):
    report = RunReport("7", scenario_paths={"quick": ""})
    report.add(started("quick"))
    report.add(replace(scenario_started("quick"), supports=("compact", "sync")))
    reach = WorkloadReach(cases=cases, controls=controls, is_fitted=is_fitted)
    report.add(scenario_ended("quick", count, 0, reach=reach, few=few))
    report.add(ended(Verdict.PASS, count))
    assert set(unreached_sentences(report)) <= set(untested_promises(report))
    return unreached_sentences(report)


def test_where_all_was_reached_nothing_is_said():
    assert said(ALL) == []


def test_an_operation_that_is_supported_and_was_never_acknowledged_is_named():
    calls = {"put": 3, "done": 1, "sync": 2}
    assert said(replace(ALL, calls=calls)) == [
        "`failed`, `compact`, of quick: no call was acknowledged; a weight for each in "
        "[workload.mix] draws it"
    ]
    (sentence,) = said(replace(ALL, calls={**CALLS, "sync": 0}))
    assert "`sync = 1` in [workload.mix] draws it" in sentence


def test_boots_that_no_crash_fell_into_are_named():
    assert said(replace(ALL, boots=1)) == [
        "a crash in a second boot, of quick: no case has so many; `boots = [1, 3]` in [workload] "
        "has more"
    ]
    assert "a crash in a third boot" in said(replace(ALL, boots=2))[0]


def test_of_cases_whose_boots_are_not_known_nothing_is_said_of_boots():
    assert said(replace(ALL, boots=0)) == []


def test_records_that_never_lay_over_a_page_end_are_said_where_files_show_it():
    (sentence,) = said(replace(ALL, over_page_end=0))
    assert sentence == (
        "a record over the end of a page, of quick: none lay so; `payload_bytes` in "
        "[workload] with 5000 has some"
    )
    assert said(replace(ALL, over_page_end=0, file_bytes=0)) == []


def test_one_ever_growing_file_is_said_with_how_long_it_got():
    one = replace(ALL, files=1)
    (sentence,) = said(one, one)
    assert "the records of a boot went to one file, up to 9,000 bytes" in sentence
    (sentence,) = said(one, ALL)
    assert "a case without a crash had one, and no other case" in sentence
    # Where records are written in place, no file is seen to be one of records.
    nowhere = replace(ALL, files=0)
    assert said(nowhere, nowhere) == []


def test_of_few_cases_of_a_fitted_workload_nothing_is_said():
    few = replace(ALL, calls={}, boots=1)
    assert said(few, is_fitted=True, count=15) == []
    assert len(said(few, is_fitted=True, count=16)) == 2
    assert len(said(few, count=1)) == 2


def test_operations_that_few_cases_of_a_fitted_workload_lack_are_named():
    lacking = replace(ALL, calls={"put": 3, "done": 1}, boots=1)
    controls = replace(ALL, calls={"put": 9, "sync": 2, "failed": 1})
    few = FewCases(done=3, of=30)
    assert said(lacking, controls, is_fitted=True, count=3, few=few) == [
        "`failed`, `sync`, of quick: no call was acknowledged in so few cases; more cases draw it",
        "`compact`, of quick: no call was acknowledged, in no case without a crash either",
    ]
    # A case alone, as it was asked for.
    assert said(lacking, controls, is_fitted=True, count=1) == []


def test_scenarios_that_lack_the_same_are_named_together():
    report = RunReport("7", scenario_paths={"a": "", "b": ""})
    report.add(started("a", "b"))
    for name in ("a", "b"):
        report.add(scenario_started(name))
        reach = WorkloadReach(cases=replace(ALL, boots=1), controls=ALL)
        report.add(scenario_ended(name, 3, 0, reach=reach))
    report.add(ended(Verdict.PASS, 6))
    assert any("a crash in a second boot, of a, b:" in each for each in unreached_sentences(report))


def test_the_event_log_carries_it_and_a_log_without_it_is_read():
    reach = WorkloadReach(cases=ALL, controls=Reach(), is_fitted=True)
    for line in (scenario_ended("a", 3, 0, reach=reach), scenario_ended("a", 3, 0)):
        form = line_to_json(line)
        assert ("reach" in form) is (line.reach is not None)
        assert line_from_json(form) == line


def test_reaches_are_added_up():
    other = Reach(calls={"put": 1, "tick": 2}, boots=5, over_page_end=1, file_bytes=10)
    assert Reach.of_all([ALL, other]) == Reach(
        calls=dict(sorted({**CALLS, "put": 4, "tick": 2}.items())),
        boots=5,
        over_page_end=3,
        files=2,
        file_bytes=9_000,
    )
    assert Reach.of_all([]) == Reach()


def test_a_fault_that_no_call_fits_is_told_with_its_keys():
    report = RunReport("7", scenario_paths={"quick": ""})
    report.add(started("quick"))
    report.add(scenario_started("quick"))
    absent = (
        AbsentFault(kind="error", files="*.wal"),
        AbsentFault(kind="short", calls=("read", "write")),
    )
    reach = WorkloadReach(cases=ALL, controls=ALL, is_fitted=True)
    line = scenario_ended("quick", 1, 0, reach=reach, matrix=FaultMatrix(absent=absent))
    report.add(line)
    assert unreached_sentences(report) == [
        'an injected fault of `kind = "error"`, of quick: no call that the cases made fits '
        '`files = "*.wal"` in [[faults]]; change it or leave it out',
        'an injected fault of `kind = "short"`, of quick: no call that the cases made fits '
        '`calls = ["read", "write"]` in [[faults]]; change it or leave it out',
    ]
    assert line_from_json(line_to_json(line)) == line


RING = replace(ALL, files=1, full=2, wraps=3)


def test_of_a_full_log_that_went_round_nothing_is_said():
    assert said(RING, replace(RING, wraps=0)) == []


def test_a_log_of_fixed_room_that_was_never_full_is_said():
    (sentence,) = said(replace(RING, full=0), RING)
    assert sentence == (
        "a full log, of quick: a case without a crash was full, and no other case; "
        "`payload_bytes` and `operations` in [workload] fill it"
    )


def test_a_log_of_fixed_room_that_never_went_round_is_said_unless_it_has_several_files():
    (sentence,) = said(replace(RING, wraps=0), RING)
    assert sentence == (
        "a log of fixed room that goes round, of quick: no record went back to an earlier place "
        "of its file; `done` and `compact` in [workload.mix] free room, and more `operations` go "
        "round"
    )
    assert said(replace(RING, wraps=0, files=2), RING) == []
    assert said(replace(RING, wraps=0, file_bytes=0), RING) == []


def test_scenarios_whose_records_went_to_one_file_are_one_sentence_whatever_its_length():
    report = RunReport("7", scenario_paths={"a": "", "b": ""})
    report.add(started("a", "b"))
    for name, size in (("a", 9_000), ("b", 700)):
        report.add(scenario_started(name))
        one = replace(ALL, files=1, file_bytes=size)
        reach = WorkloadReach(cases=one, controls=one)
        report.add(scenario_ended(name, 3, 0, reach=reach))
    report.add(ended(Verdict.PASS, 6))
    assert [each for each in unreached_sentences(report) if "next one" in each] == [
        "a file of records with a next one, of a, b: the records of a boot went to one file, up to "
        "700 to 9,000 bytes by scenario; if a longer one has a next, `payload_bytes` and "
        "`operations` in [workload] make it longer"
    ]
