"""The event log read back: what was written is what is read, and what is no log is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from old_forms import with_old_landings
from report_lines import failing_run, finding, story

from walcrash.report.log_reader import parse_lines, read_log
from walcrash.report.ndjson import line_bytes
from walcrash.values.errors import UsageError
from walcrash.values.log import LOG_FORMAT, CampaignStarted, CaseJudged, FindingReported, LogLine
from walcrash.values.verdict import Violation


def parsed(*data: bytes) -> list[LogLine]:
    return list(parse_lines(data, name="a.ndjson"))


def written() -> list[bytes]:
    return [line_bytes(line) for line in failing_run()]


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
        (1, b"\n", "Expecting value"),
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
