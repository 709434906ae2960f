"""The event log read back: what was written is what is read, and what is no log is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from old_forms import with_old_landings
from report_lines import ended, failing_run, finding, scenario_lines, started, story

from walcrash.report.log_reader import parse_lines, read_log
from walcrash.report.ndjson import line_bytes
from walcrash.values.errors import UsageError
from walcrash.values.fate import Fate, FateKind, RecordFate
from walcrash.values.log import LOG_FORMAT, CampaignStarted, CaseJudged, FindingReported, LogLine
from walcrash.values.verdict import Verdict, Violation


def parsed(*data: bytes) -> list[LogLine]:
    return list(parse_lines(data, name="a.ndjson"))


def written() -> list[bytes]:
    return [line_bytes(line) for line in failing_run()]


def torn_tail() -> list[bytes]:
    """Return a log of one scenario: four cases, a finding, nine lines."""
    lines = [
        started("torn-tail"),
        *scenario_lines("torn-tail", 4, failing=(1, 2)),
        ended(Verdict.FAIL, 4),
    ]
    return [line_bytes(line) for line in lines]


def test_what_was_written_is_what_is_read() -> None:
    assert parsed(*written()) == failing_run()


def test_a_story_with_odd_texts_is_read_as_it_was() -> None:
    odd = story(paths=("<script>\u202e\x00.log",), unknown="\udc80 is no text")
    line = FindingReported(finding=finding(), story=odd)
    assert parsed(written()[0], line_bytes(line))[1] == line


def test_a_log_of_a_run_before_stories_is_read() -> None:
    old = json.loads(line_bytes(FindingReported(finding=finding())))
    del old["story"]
    assert parsed(written()[0], json.dumps(old).encode() + b"\n")[1] == FindingReported(
        finding=finding()
    )


def test_a_log_of_the_first_format_is_read() -> None:
    old = [with_old_landings(json.loads(line)) for line in written()]
    assert isinstance(old[0], dict)
    old[0]["format"] = 1
    data = [json.dumps(line).encode() + b"\n" for line in old]
    assert any(b'"description": "write wal.log, 104 bytes at 208"' in line for line in data)
    first, *rest = parsed(*data)
    assert isinstance(first, CampaignStarted)
    assert [replace(first, format=LOG_FORMAT), *rest] == failing_run()


def test_a_log_that_the_walcrash_of_format_1_has_written_is_read() -> None:
    """Its stories have looks, its landings are sentences."""
    path = Path(__file__).with_name("kept") / "events-1.ndjson"
    lines = read_log(str(path))
    assert len(lines) == len(path.read_bytes().splitlines())
    (reported,) = (line for line in lines if isinstance(line, FindingReported))
    assert reported.story is not None
    assert [each.where for each in reported.story.recoveries] == ["first recovery"]
    (landing,) = reported.finding.landings
    assert landing.is_power_loss


def test_keys_and_lines_that_are_not_known_are_left_out() -> None:
    first, *rest = (json.loads(line) for line in written())
    first["colour"] = "red"
    data = [first, {"line": "weather", "sky": "blue"}, *rest]
    assert parsed(*(json.dumps(line).encode() + b"\n" for line in data)) == failing_run()


def test_the_unfinished_last_line_of_a_killed_run_is_left_out() -> None:
    *whole, last = written()
    assert parsed(*whole, last[:-9]) == failing_run()[:-1]


def test_a_newer_format_is_refused_by_name() -> None:
    first = {**json.loads(written()[0]), "format": LOG_FORMAT + 1}
    with pytest.raises(UsageError) as refused:
        parsed(json.dumps(first).encode() + b"\n")
    assert refused.value.message == (
        f"a.ndjson, line 1: campaign-started: format {LOG_FORMAT + 1} is newer than this walcrash, "
        f"which reads format 1 to {LOG_FORMAT}"
    )
    assert refused.value.hint == "pip install --upgrade walcrash"


@pytest.mark.parametrize(
    ("number", "data", "why"),
    [
        (1, b"walcrash\n", "Expecting value"),
        (1, b"\xff\n", "codec can't decode"),
        (1, b"[" * 100_000 + b"\n", "nested too deeply"),
        (1, b'{"line":"campaign-started","format":1,"format":1}\n', "a key stands twice"),
        (1, b'{"line":"campaign-started","format":NaN}\n', "NaN is no number"),
        (1, b"9" * 5000 + b"\n", "no JSON"),
        (1, b"7\n", "an object with the key `line`"),
        (1, b'{"line":"case-judged"}\n', "case-judged: the key `scenario` is missing"),
        (1, b'{"line":"campaign-started","format":true}\n', "campaign-started.format: found true"),
        (
            2,
            b'{"line":"campaign-ended","verdict":"fine"}\n',
            'campaign-ended.verdict: found "fine"; allowed: pass',
        ),
        (
            2,
            b'{"line":"case-judged","scenario":1}\n',
            "case-judged.scenario: found 1; allowed: tex",
        ),
    ],
)
def test_what_is_no_log_is_refused_with_its_line(number: int, data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=rf"a\.ndjson, line {number}: ") as refused:
        parsed(*written()[: number - 1], data)
    assert why in refused.value.message


def test_a_log_that_does_not_begin_with_its_beginning_is_refused() -> None:
    with pytest.raises(UsageError, match="begins with `campaign-started`"):
        parsed(*written()[1:])


def test_the_directory_of_a_run_stands_for_its_log(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"".join(written()))
    assert read_log(str(tmp_path)) == failing_run() == read_log(str(tmp_path / "events.ndjson"))


def test_a_log_that_is_missing_or_empty_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file") as refused:
        read_log(str(tmp_path))
    assert "reports/runs" in refused.value.hint
    (tmp_path / "events.ndjson").write_bytes(written()[0][:-1])
    with pytest.raises(UsageError, match="not one line is whole"):
        read_log(str(tmp_path))


def test_violations_and_cases_keep_their_values(tmp_path: Path) -> None:
    lines = parsed(*written())
    found = [line for line in lines if isinstance(line, FindingReported)]
    assert isinstance(found[0].finding.worst, Violation)
    assert sum(isinstance(line, CaseJudged) for line in lines) == 8


@pytest.mark.parametrize(
    ("number", "name", "changes", "why"),
    [
        (3, "case-judged", {"case": -1}, "case-judged.case: found -1; allowed: a whole number, at"),
        (4, "case-judged", {"case": 0}, "case-judged.case: found 0; allowed: a whole number abo"),
        (3, "case-judged", {"scenario": "other"}, 'case-judged.scenario: found "other"; allowed'),
        (3, "case-judged", {"seed": "\ud800"}, "case-judged.seed: found"),
        (7, "finding-reported", {"id": "../../../etc/x"}, "finding-reported.finding.id: found"),
        (7, "finding-reported", {"id": "F-\x1b[31m"}, "finding-reported.finding.id: found"),
        (7, "finding-reported", {"violations": []}, "finding-reported.finding.violations: found"),
        (7, "finding-reported", {"cases": -5}, "finding-reported.finding.cases: found -5"),
        (7, "finding-reported", {"replays": 4}, "finding-reported.finding.replays_alike: found 5"),
        (7, "finding-reported", {"scenario": "x"}, "finding-reported.finding.scenario: found"),
        (8, "scenario-ended", {"cases": -5}, "scenario-ended.cases: found -5; allowed"),
        (
            8,
            "scenario-ended",
            {"crash_points": {"within write": -1}},
            "scenario-ended.crash_points",
        ),
        (9, "campaign-ended", {"findings": -1}, "campaign-ended.findings: found -1"),
        (1, "campaign-started", {"seed": "\udfff"}, "campaign-started.seed: found"),
        (
            1,
            "campaign-started",
            {"scenarios": ["a", "a"]},
            "campaign-started.scenarios: a scenario",
        ),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_line_and_key(
    number: int, name: str, changes: dict[str, object], why: str
) -> None:
    forms = [json.loads(line) for line in torn_tail()]
    form = forms[number - 1]
    assert form["line"] == name
    (form["finding"] if name == "finding-reported" else form).update(changes)
    with pytest.raises(UsageError) as refused:
        parsed(*(json.dumps(line).encode() + b"\n" for line in forms))
    assert f"a.ndjson, line {number}: " in refused.value.message
    assert why in refused.value.message


def test_a_fate_without_the_copy_that_decides_is_refused() -> None:
    fate = Fate(record=RecordFate(record="x", is_missing=True, kind=FateKind.REMOVED))
    line = line_bytes(FindingReported(finding=finding(fate=fate)))
    with pytest.raises(UsageError, match=r"line 2: .*finding\.fate\.record\.copies: found \[\]"):
        parsed(torn_tail()[0], line)


@pytest.mark.parametrize(
    ("order", "number", "why"),
    [
        ([*range(9), *range(9)], 10, "line: found a line behind `campaign-ended`"),
        ([0, 8, *range(1, 9)], 3, "line: found a line behind `campaign-ended`"),
        ([*range(8), *range(8)], 9, "line: found a second `campaign-started`"),
        ([0, 1, 1], 3, 'scenario-started.scenario: "torn-tail" has begun in an earlier line'),
        ([0, 2], 2, 'case-judged.scenario: "torn-tail" has begun in no earlier line'),
        ([0, 1, 2, 2], 4, "case-judged.case: found 0; allowed: a whole number above 0"),
        ([0, 6, 6], 3, 'finding-reported.finding.id: "F-7c1e" was reported in an earlier line'),
        ([0, 1, 7, 2], 4, 'case-judged.scenario: "torn-tail" has ended in an earlier line'),
        ([0, 7, 7], 3, 'scenario-ended.scenario: "torn-tail" has ended in an earlier line'),
    ],
)
def test_lines_that_cannot_stand_after_each_other_are_refused(
    order: list[int], number: int, why: str
) -> None:
    lines = torn_tail()
    assert len(lines) == 9
    with pytest.raises(UsageError) as refused:
        parsed(*(lines[at] for at in order))
    assert refused.value.message.startswith(f"a.ndjson, line {number}: ")
    assert why in refused.value.message


def test_a_log_may_end_after_any_line() -> None:
    for count in range(1, 9):
        assert [line_bytes(line) for line in parsed(*torn_tail()[:count])] == torn_tail()[:count]


def test_a_message_that_no_file_can_hold_is_written_so_that_it_is_read() -> None:
    odd = replace(finding().worst, message="recovery said \ud800")
    line = FindingReported(finding=finding(violations=(odd,)))
    read = parsed(torn_tail()[0], line_bytes(line))[1]
    assert isinstance(read, FindingReported)
    assert read.finding.worst.message == "recovery said \\ud800"


def test_blank_lines_alone_are_an_empty_log_and_between_others_none(tmp_path: Path) -> None:
    log = tmp_path / "events.ndjson"
    for blank in (b"", b"\n", b"\n\r\n \n"):
        log.write_bytes(blank)
        with pytest.raises(UsageError, match="is empty: not one line is whole") as refused:
            read_log(str(log))
        assert refused.value.hint == "name the directory of a run that has begun"
    with pytest.raises(UsageError, match=r"line 1: .*found an empty line; allowed: a JSON object"):
        parsed(b"\n", *written())
    with pytest.raises(UsageError, match=r"line 2: .*found an empty line; allowed: a JSON object"):
        parsed(written()[0], b"\n", *written()[1:])


def test_a_file_without_a_line_end_is_no_log_unless_it_begins_as_one(tmp_path: Path) -> None:
    """A file that was never written to its end on a disk can be of NUL bytes alone."""
    log = tmp_path / "events.ndjson"
    for data in (bytes(4096), b"\xff" * 10, b"PK\x03\x04"):
        log.write_bytes(data)
        with pytest.raises(UsageError, match=r"line 1: this is no event log") as refused:
            read_log(str(log))
        assert "reports/runs" in refused.value.hint
