"""The commands of the page on CI are commands that there are, and its reports can be made."""

import io
import re
import shlex
import sys
from importlib import resources
from pathlib import Path

import pytest
from report_lines import failing_run, passing_run

from walcrash.cli import main
from walcrash.cli.commands import walcrash
from walcrash.report.ndjson import line_bytes

DOCS = resources.files("walcrash") / "docs"
PAGE = (DOCS / "how-to" / "run-in-ci.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```(?:yaml|console)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"^(?:[ -]*|[ -]*run: )walcrash (.*)$", BLOCKS, re.MULTILINE)
REPORTS = [command for command in COMMANDS if command.startswith("report ")]


def test_the_page_has_commands_of_both_kinds() -> None:
    assert len(REPORTS) == 7
    assert sum(command.startswith("run ") for command in COMMANDS) == 2


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_each_command_is_one_that_there_is(command: str) -> None:
    name, *words = shlex.split(re.split(r" (?:>>|\|\|) ", command)[0])
    found = walcrash.get_command(walcrash.make_context("walcrash", ["report"]), name)
    assert found is not None
    words = ["abc123" if word.startswith("$") else word for word in words]
    found.make_context(name, words)


@pytest.mark.parametrize("command", REPORTS)
def test_each_report_is_made_and_says_nothing_by_its_exit_code(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for directory, run in (
        (".", failing_run()),
        ("shard-1", failing_run()),
        ("shard-2", passing_run()),
    ):
        Path(directory).mkdir(exist_ok=True)
        Path(directory, "events.ndjson").write_bytes(b"".join(map(line_bytes, run)))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    words = shlex.split(re.split(r" (?:>>|\|\|) ", command)[0])
    assert main(words) == 0
    made = Path(words[-1]) if "-o" in words else None
    assert (made.stat().st_size if made is not None else len(sys.stdout.getvalue())) > 100
