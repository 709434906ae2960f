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
def folder(tmp_path: Path) -> Path:
    data = b"".join(line_bytes(line) for line in failing_run())
    (tmp_path / "events.ndjson").write_bytes(data)
    return tmp_path


def test_it_goes_into_the_folder_of_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_runs([str(folder)], HTML, output=None)
    assert (folder / "report.html").read_text(encoding="utf-8") == PAGE
    assert capsys.readouterr().err == f"wrote {folder}/report.html\n"


def test_it_goes_beside_the_event_log_that_was_named(folder: Path) -> None:
    convert_runs([str(folder / "events.ndjson")], HTML, output=None)
    assert (folder / "report.html").exists()


def test_it_goes_where_somebody_wants_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_runs([str(folder)], HTML, output=str(folder / "a.html"))
    assert (folder / "a.html").read_text(encoding="utf-8") == PAGE
    convert_runs([str(folder)], HTML, output="-")
    assert capsys.readouterr().out == PAGE
    assert not (folder / "report.html").exists()


def test_what_cannot_be_read_or_written_is_refused_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        convert_runs([str(folder / "nowhere")], HTML, output=None)
    with pytest.raises(HarnessFault, match="could not be written"):
        convert_runs([str(folder)], HTML, output=str(folder / "no" / "a.html"))
    assert sorted(path.name for path in folder.iterdir()) == ["events.ndjson"]


def test_several_runs_become_one_report_on_stdout(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    other.joinpath("events.ndjson").write_bytes(b"".join(map(line_bytes, passing_run())))
    convert_runs([str(folder), str(other)], HTML, output=None)
    assert capsys.readouterr().out == html_report(merged_report([failing_run(), passing_run()]))
    assert not (folder / "report.html").exists()
    convert_runs([str(folder), str(other)], HTML, output=str(folder / "all.html"))
    assert (folder / "all.html").exists()


@pytest.mark.parametrize("name", ["github", "github-annotations"])
def test_what_github_appends_goes_to_stdout(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_runs([str(folder)], FORMATS[name], output=None)
    assert capsys.readouterr().out == FORMATS[name].render(RunReport.of(failing_run()))
    assert [path.name for path in folder.iterdir()] == ["events.ndjson"]


def test_a_run_that_is_named_twice_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="named twice"):
        convert_runs([str(folder), str(folder / "events.ndjson")], HTML, output=None)


def test_a_log_can_come_from_stdin(folder: Path) -> None:
    command = [sys.executable, "-m", "walcrash", "report", "-", "--to", "html"]
    log = (folder / "events.ndjson").read_bytes()
    made = subprocess.run(command, input=log, capture_output=True, check=False)
    assert (made.returncode, made.stdout.decode()) == (0, PAGE)
    for bad, message in ((b"", "the event log stdin is empty"), (b"x\n", "stdin, line 1: ")):
        failed = subprocess.run(command, input=bad, capture_output=True, check=False)
        assert (failed.returncode, failed.stdout) == (2, b"")
        assert message in failed.stderr.decode()
