"""`walcrash report`: another format from the event log of a run that is over."""

import subprocess
import sys
from pathlib import Path

import pytest
from report_lines import failing_run, passing_run

from walcrash.report.convert import convert_runs
from walcrash.report.formats import FORMATS
from walcrash.report.html import html_report
from walcrash.report.merge import merged_report
from walcrash.report.ndjson import line_bytes
from walcrash.report.run_report import RunReport
from walcrash.values.errors import HarnessFault, UsageError

HTML = FORMATS["html"]
PAGE = html_report(RunReport.of(failing_run()))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    data = b"".join(line_bytes(line) for line in failing_run())
    (tmp_path / "events.ndjson").write_bytes(data)
    return tmp_path


def test_it_goes_into_the_directory_of_the_run(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_runs([str(directory)], HTML, output=None)
    assert (directory / "report.html").read_text(encoding="utf-8") == PAGE
    assert capsys.readouterr().err == f"wrote {directory}/report.html\n"


def test_it_goes_beside_the_event_log_that_was_named(directory: Path) -> None:
    convert_runs([str(directory / "events.ndjson")], HTML, output=None)
    assert (directory / "report.html").exists()


def test_it_goes_where_somebody_wants_it(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_runs([str(directory)], HTML, output=str(directory / "a.html"))
    assert (directory / "a.html").read_text(encoding="utf-8") == PAGE
    convert_runs([str(directory)], HTML, output="-")
    assert capsys.readouterr().out == PAGE
    assert not (directory / "report.html").exists()


def test_what_cannot_be_read_or_written_is_refused_and_leaves_nothing(directory: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        convert_runs([str(directory / "nowhere")], HTML, output=None)
    with pytest.raises(HarnessFault, match="could not be written"):
        convert_runs([str(directory)], HTML, output=str(directory / "no" / "a.html"))
    assert sorted(path.name for path in directory.iterdir()) == ["events.ndjson"]


def test_several_runs_become_one_report_on_stdout(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    other.joinpath("events.ndjson").write_bytes(b"".join(map(line_bytes, passing_run())))
    convert_runs([str(directory), str(other)], HTML, output=None)
    assert capsys.readouterr().out == html_report(merged_report([failing_run(), passing_run()]))
    assert not (directory / "report.html").exists()
    convert_runs([str(directory), str(other)], HTML, output=str(directory / "all.html"))
    assert (directory / "all.html").exists()


@pytest.mark.parametrize("name", ["github", "github-annotations"])
def test_what_github_appends_goes_to_stdout(
    name: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_runs([str(directory)], FORMATS[name], output=None)
    assert capsys.readouterr().out == FORMATS[name].render(RunReport.of(failing_run()))
    assert [path.name for path in directory.iterdir()] == ["events.ndjson"]


def test_a_run_that_is_named_twice_is_refused(directory: Path) -> None:
    with pytest.raises(UsageError, match="named twice"):
        convert_runs([str(directory), str(directory / "events.ndjson")], HTML, output=None)


def test_a_log_can_come_from_stdin(directory: Path) -> None:
    command = [sys.executable, "-m", "walcrash", "report", "-", "--to", "html"]
    log = (directory / "events.ndjson").read_bytes()
    made = subprocess.run(command, input=log, capture_output=True, check=False)
    assert (made.returncode, made.stdout.decode()) == (0, PAGE)
    for bad, message in ((b"", "the event log stdin is empty"), (b"x\n", "stdin, line 1: ")):
        failed = subprocess.run(command, input=bad, capture_output=True, check=False)
        assert (failed.returncode, failed.stdout) == (2, b"")
        assert message in failed.stderr.decode()
