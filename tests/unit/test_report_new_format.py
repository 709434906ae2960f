"""A report format is a function and one entry: here is one that is made up."""

from pathlib import Path

import pytest
from report_lines import failing_run

from walcrash.cli import main
from walcrash.report import formats
from walcrash.report.formats import FORMATS, Format
from walcrash.report.ndjson import line_bytes
from walcrash.report.run_report import RunReport


def ids_report(report: RunReport) -> str:
    """Return the ids of all findings, one a line."""
    return "".join(f"{finding.id}\n" for finding in report.findings)


def test_a_format_with_an_entry_is_made_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(formats, "FORMATS", {**FORMATS, "ids": Format("ids.txt", ids_report)})
    log = tmp_path / "events.ndjson"
    log.write_bytes(b"".join(map(line_bytes, failing_run())))
    assert main(["report", str(tmp_path), "--to", "ids"]) == 0
    assert (tmp_path / "ids.txt").read_text(encoding="utf-8").startswith("F-")
    assert main(["report", str(tmp_path), "--to", "none"]) == 2
    assert "github-annotations, ids" in capsys.readouterr().err
