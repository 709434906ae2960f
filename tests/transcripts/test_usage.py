"""Command lines that need no campaign: help, versions, and what is mistyped."""

from pathlib import Path

import click
import pytest
from command import walcrash_here
from transcripts import HERE, _steady, check_transcript, run_walcrash

from walcrash.cli import walcrash
from walcrash.scenario.file import shipped_scenarios

CONTEXT = click.Context(walcrash, info_name="walcrash")
COMMANDS = walcrash.list_commands(CONTEXT)


def test_the_help_prints_what_its_transcript_says(tmp_path: Path) -> None:
    check_transcript("help", "walcrash --help", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_command_at_all_is_answered_with_the_help_on_stderr(tmp_path: Path) -> None:
    helped = walcrash_here(tmp_path, "--help")
    done = walcrash_here(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.split() == helped.stdout.split()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_helps_with_its_options_and_does_nothing(name: str, tmp_path: Path) -> None:
    """What they mean is on the reference page, which is made of the same texts."""
    command = walcrash.get_command(CONTEXT, name)
    assert command is not None
    done = walcrash_here(tmp_path, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: walcrash {name} [OPTIONS]")
    printed = " ".join(done.stdout.split())
    assert " ".join((command.help or "").split()) in printed
    for option in command.params:
        if isinstance(option, click.Option):
            assert ", ".join([*option.opts, *option.secondary_opts]) in printed
            text, _, _ = (option.help or "").partition("  [")
            assert " ".join(text.split()) in printed
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_printed(tmp_path: Path) -> None:
    done = walcrash_here(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "walcrash 0.1.0\n", "")


SHIPPED = "it is neither a file nor one of the shipped ones"

MISTYPED = {
    "rum": ("there is no command `rum`", "walcrash run"),
    "run --sed 3": (
        "there is no option --sed; near: --case, --cases, --seed",
        "walcrash run --help",
    ),
    "run --time 5x": (
        "Invalid value for '--time': '5x' is not a time budget; say 90, 60s, 5m or 1h, at most "
        "720h",
        "walcrash run --help",
    ),
    "run --cases none": (
        "Invalid value for '--cases': 'none' is not a valid integer range.",
        "walcrash run --help",
    ),
    "run --seed=": (
        "Invalid value for '--seed': it is empty; leave the option out to have one drawn",
        "walcrash run --help",
    ),
    "run quickstrat": (f'there is no scenario "quickstrat": {SHIPPED}', "walcrash run quickstart"),
    "run elsewhere/mine.toml": (
        f'there is no scenario "elsewhere/mine.toml": {SHIPPED}',
        "walcrash run scenarios/my-scenario.toml",
    ),
    "replay": ("Missing argument 'FINDING'.", "walcrash replay --help"),
    "run quickstart --seed 1 --runs /dev/null/runs": (
        "runs are kept in /dev/null/runs, which cannot be written to: Not a directory",
        "name another directory with --runs DIR or WALCRASH_RUNS=DIR",
    ),
}
"""The error and the hint; nothing else is printed."""


@pytest.mark.parametrize("words", MISTYPED)
def test_a_mistyped_command_line_is_told_with_a_hint_and_does_nothing(
    words: str, tmp_path: Path
) -> None:
    error, hint = MISTYPED[words]
    if error.endswith(SHIPPED):
        error += f" ({', '.join(sorted(shipped_scenarios()))})"
    done = walcrash_here(tmp_path, *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {error}\nhint: {hint}\n"
    assert list(tmp_path.iterdir()) == []


def test_every_exit_code_of_a_transcript_is_on_its_first_line() -> None:
    for path in sorted(HERE.glob("*.txt")):
        assert path.read_text().split("\n")[0].removeprefix("exit ").isdigit(), path


def test_what_differs_from_run_to_run_is_left_out(tmp_path: Path) -> None:
    text = f"{tmp_path}/reports/runs/20261123T074815Z-7, after 1.6 s, 41.0 cases/s, 0:08 left  "
    assert _steady(text, tmp_path) == (
        "<directory>/reports/runs/<time>-7, after <seconds> s, <rate> cases/s, <left> left"
    )
    assert run_walcrash("walcrash --version", tmp_path).startswith("exit 0\n$ walcrash --version\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("walcrash re", {"replay", "report"}),
        ("walcrash replay --s", {"--subject"}),
        ("walcrash run --allow", {"--allow-known"}),
        ("walcrash no-such-command --s", set()),
    ],
)
def test_a_shell_completes_commands_and_options(
    line: str, expected: set[str], tmp_path: Path
) -> None:
    count = str(len(line.split()) - 1)
    words = {"_WALCRASH_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": count}
    done = walcrash_here(tmp_path, **words)
    assert (done.returncode, done.stderr) == (0, "")
    assert {each.partition(",")[2] for each in done.stdout.split()} == expected


def test_a_shell_is_taught_to_complete(tmp_path: Path) -> None:
    done = walcrash_here(tmp_path, _WALCRASH_COMPLETE="zsh_source")
    assert (done.returncode, done.stderr) == (0, "")
    assert "_WALCRASH_COMPLETE=zsh_complete walcrash" in done.stdout
    done = walcrash_here(tmp_path, _WALCRASH_COMPLETE="cmd_source")
    assert done.returncode == 2
    assert "hint: _WALCRASH_COMPLETE=bash_source walcrash" in done.stderr
