"""What every report says of what the search reached, and what it leaves out without a search."""

import io
import json
from dataclasses import replace

import pytest
from report_lines import (
    ended,
    judged,
    passing_run,
    scenario_ended,
    scenario_lines,
    scenario_started,
    started,
)
from test_campaign_search_tally import cell

from walcrash.report.html import html_report
from walcrash.report.junit import junit_report
from walcrash.report.markdown import markdown_report
from walcrash.report.merge import merged_report
from walcrash.report.run_report import RunReport
from walcrash.report.sarif import sarif_report
from walcrash.report.search_coverage import cell_words, searched_scenarios, states_lines
from walcrash.report.terminal import LINE_SECONDS, open_progress
from walcrash.values.cell import BootKind
from walcrash.values.coverage import CurvePoint, SearchCoverage
from walcrash.values.log import LogLine, line_from_json, line_to_json
from walcrash.values.verdict import Verdict

REACHED = SearchCoverage(
    judged=1200,
    kinds=1100,
    next_kinds=310,
    next_cells=2,
    searched=8,
    exhausted=3,
    cells=((cell(), 1199), (cell(is_power_loss=False), 1)),
    unreached=(cell("idx.#"),),
    curve=(
        CurvePoint(cases=1, judged=150, kinds=150, cells=1),
        CurvePoint(cases=4, judged=1200, kinds=1100, cells=2),
    ),
)
NEVER = "a power loss after write idx.# of append PutOperation, first boot"


def run(name: str = "quickstart", search: SearchCoverage | None = REACHED) -> list[LogLine]:
    return [
        started(name),
        *list(scenario_lines(name, 4))[:-1],
        scenario_ended(name, 4, 0, search=search),
        ended(Verdict.PASS, 4),
    ]


def test_the_end_of_a_run_says_in_two_lines_what_was_reached_and_what_more_would_bring() -> None:
    assert states_lines(RunReport.of(run()), width=200) == [
        "  states    1,200 judged, of 1,100 kinds; 3 of 8 cases had no other; "
        "of the next 1,000 about 310 would be of a new kind, 2 in a new cell",
        f"  cells     2 of 3 reached; never: {NEVER}",
    ]


def test_a_sample_is_called_about_so_many() -> None:
    sampled = replace(REACHED, is_counted=False, exhausted=0, unreached=())
    text = "\n".join(states_lines(RunReport.of(run(search=sampled)), width=200))
    assert "1,200 judged, of about 1,100 kinds; of the next" in text
    assert "2 of 2 reached" in text
    assert "never" not in text


def test_a_run_that_searched_nothing_says_nothing_of_it() -> None:
    report = RunReport.of(passing_run())
    assert states_lines(report, width=80) == []
    assert searched_scenarios(report) == ()
    assert "search" not in markdown_report(report)
    assert "cells reached" not in html_report(report)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "a power loss after write wal.log of append PutOperation, first boot"),
        ({"is_power_loss": False, "boot": BootKind.KILLED}, "boot after a kill"),
        ({"operation": None, "record": None}, "after write wal.log, first boot"),
        ({"role": "a\x1b[2J"}, r"write a\x1b[2J of append"),
    ],
)
def test_a_cell_is_told_in_words(changes: dict[str, object], words: str) -> None:
    assert words in cell_words(replace(cell(), **changes))  # type: ignore[arg-type]


def test_the_pages_show_each_cell_with_its_count_and_those_that_were_never_reached() -> None:
    (shown,) = searched_scenarios(RunReport.of(run()))
    rows = {row.event: [text for text, _ in row.cells] for row in shown.rows}
    assert rows == {
        "write idx.# of append PutOperation": ["-", "-", "-", "-", "-", "never"],
        "write wal.log of append PutOperation": ["-", "-", "1", "-", "-", "1,199"],
    }
    assert shown.curve == (("1", "150", "150", "1"), ("4", "1,200", "1,100", "2"))
    page = html_report(RunReport.of(run()))
    assert "quickstart: 2 cells reached, 1 never" in page
    assert '<td class="never">never' in page
    text = markdown_report(RunReport.of(run()))
    assert "| quickstart | 1,200 | 1,100 | 2 | 1 | 310 | 2 | 3 of 8 cases |" in text
    assert r"- quickstart: a power loss after write idx.\# of append" in text


def test_machines_get_the_numbers() -> None:
    report = RunReport.of(run())
    assert '<property name="cells never reached" value="1" />' in junit_report(report)
    properties = json.loads(sarif_report(report))["runs"][0]["properties"]
    assert properties["search"]["quickstart"]["kinds of states"] == "1100"
    for line in run():
        assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line


def test_of_several_runs_cells_add_up_and_kinds_are_no_count() -> None:
    other = replace(REACHED, cells=((cell("idx.#"), 300),), judged=300, next_kinds=10, unreached=())
    (scenario,) = merged_report([run(), run(search=other)]).scenarios
    search = scenario.search
    assert search is not None
    assert dict(search.cells)[cell("idx.#")] == 300
    assert search.unreached == ()
    assert (search.judged, search.kinds, search.is_counted) == (1500, 2200, False)
    assert search.next_kinds == 250
    alone = merged_report([run(), run(search=None)]).scenarios[0].search
    assert alone == REACHED


def test_while_it_lasts_a_run_says_how_many_new_kinds_come_a_second() -> None:
    stream, now = io.StringIO(), [0.0]
    counts = {"quickstart": None}
    progress = open_progress(stream, {}, case_counts=counts, seconds=60.0, clock=lambda: now[0])
    progress.show(scenario_started("quickstart"))
    for case in range(21):
        now[0] += 1.0
        # None of the last ten seconds is new.
        line = replace(judged("quickstart", case), states=9, new_kinds=7 if case < 11 else 0)
        progress.show(line)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 21 // LINE_SECONDS
    assert lines[0].endswith(
        "10 cases in 0:10, 1.0 cases/s, 7.0 new kinds/s, no findings, 0:50 left"
    )
    assert "20 cases in 0:20, 1.0 cases/s, 1.4 new kinds/s" in lines[1]
