"""A log from a stranger: no control character, and no lone surrogate, reaches what is shown."""

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import pytest
from command import walcrash_here
from report_lines import failing_run

from walcrash.report.formats import FORMATS
from walcrash.report.markdown import markdown_report
from walcrash.report.ndjson import line_bytes
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.values.log import LogLine

HOSTILE = '\x1b]0;x\x07\x00\u202e\r\nX\ud800\udc80`|<b onload="x">&\x9b\u2028'
"""An escape sequence, a bell, NUL, right-to-left, line ends, surrogates, markup, C1."""

UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def hostile(value: object) -> object:
    """Return a value with `HOSTILE` behind every text in it."""
    if isinstance(value, str):
        return value + HOSTILE
    if isinstance(value, Enum):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(
            value, **{name: hostile(getattr(value, name)) for name in fields}
        )
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    if isinstance(value, Mapping):
        return {hostile(key): hostile(item) for key, item in value.items()}
    return value


def lines() -> list[LogLine]:
    made: list[LogLine] = [hostile(line) for line in failing_run()]  # type: ignore[misc]
    # A group that came to no finding, and a scenario without an end.
    return [made[0], *made[4:-2]]


@pytest.mark.parametrize("name", [*FORMATS, "markdown", "summary"])
def test_what_a_log_holds_is_shown_without_its_control_characters(name: str) -> None:
    report = RunReport.of(lines())
    if name == "markdown":
        text = markdown_report(report)
    elif name == "summary":
        text = summary_text(report, seconds=1.0, report_path="")
    else:
        text = FORMATS[name].render(report)
    assert not UNSHOWN.search(text), text[max(0, UNSHOWN.search(text).start() - 80) :][:120]
    text.encode("utf-8")
    assert "X" in text


def test_a_log_with_a_lone_surrogate_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "events.ndjson"
    log.write_bytes(b"".join(map(line_bytes, lines())))
    for name in ("html", "github"):
        done = walcrash_here(tmp_path, "report", str(log), "--to", name)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1, 2, 3, 4), done.stderr
        assert not UNSHOWN.search(done.stdout)
