"""`walcrash report`: another format from the event log of a run that is over."""

from pathlib import Path

import pytest
from report_lines import failing_run

from harness.report.convert import convert_run
from harness.report.formats import FORMATS
from harness.report.html import html_report
from harness.report.ndjson import line_bytes
from harness.report.run_report import RunReport
from harness.values.errors import HarnessFault, UsageError

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
    convert_run(str(folder), HTML, output=None)
    assert (folder / "report.html").read_text(encoding="utf-8") == PAGE
    assert capsys.readouterr().err == f"wrote {folder}/report.html\n"


def test_it_goes_beside_the_event_log_that_was_named(folder: Path) -> None:
    convert_run(str(folder / "events.ndjson"), HTML, output=None)
    assert (folder / "report.html").exists()


def test_it_goes_where_somebody_wants_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_run(str(folder), HTML, output=str(folder / "a.html"))
    assert (folder / "a.html").read_text(encoding="utf-8") == PAGE
    convert_run(str(folder), HTML, output="-")
    assert capsys.readouterr().out == PAGE
    assert not (folder / "report.html").exists()


def test_what_cannot_be_read_or_written_is_refused_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        convert_run(str(folder / "nowhere"), HTML, output=None)
    with pytest.raises(HarnessFault, match="could not be written"):
        convert_run(str(folder), HTML, output=str(folder / "no" / "a.html"))
    assert sorted(path.name for path in folder.iterdir()) == ["events.ndjson"]
