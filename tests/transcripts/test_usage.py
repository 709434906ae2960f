"""Command lines that need no campaign: help, versions, and what is mistyped."""

from pathlib import Path

import pytest
from transcripts import HERE, check_transcript, run_walcrash

COMMANDS = {
    "help": "walcrash --help",
    "help-run": "walcrash run --help",
    "help-bundle": "walcrash bundle --help",
    "help-findings": "walcrash findings --help",
    "help-pin": "walcrash pin --help",
    "help-replay": "walcrash replay --help",
    "help-explain": "walcrash explain --help",
    "help-report": "walcrash report --help",
    "help-doctor": "walcrash doctor --help",
    "help-selftest": "walcrash selftest --help",
    "help-check": "walcrash check --help",
    "help-bench": "walcrash bench --help",
    "version": "walcrash --version",
    "nothing": "walcrash",
    "unknown-command": "walcrash rum",
    "unknown-option": "walcrash run --sed 3",
    "bad-time": "walcrash run --time 5x",
    "bad-cases": "walcrash run --cases none",
    "empty-seed": "walcrash run --seed ''",
    "missing-scenario": "walcrash run quickstrat",
    "missing-file": "walcrash run elsewhere/mine.toml",
    "missing-finding": "walcrash replay",
    "unwritable-runs": "walcrash run quickstart --seed 1 --runs /dev/null/runs",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_line_prints_what_its_transcript_says(name: str, tmp_path: Path) -> None:
    check_transcript(name, COMMANDS[name], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_exit_code_of_a_transcript_is_on_its_first_line(tmp_path: Path) -> None:
    for path in sorted(HERE.glob("*.txt")):
        assert path.read_text().split("\n")[0].removeprefix("exit ").isdigit(), path


def test_what_differs_from_run_to_run_is_left_out(tmp_path: Path) -> None:
    from transcripts import _steady

    text = f"{tmp_path}/reports/runs/20261123T074815Z-7, after 1.6 s, 41.0 cases/s, 0:08 left  "
    assert _steady(text, tmp_path) == (
        "<directory>/reports/runs/<time>-7, after <seconds> s, <rate> cases/s, <left> left"
    )
    assert run_walcrash("walcrash --version", tmp_path).startswith("exit 0\n$ walcrash --version\n")
