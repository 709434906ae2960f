"""`harness/walcrash/docs/reference/cli.md` is made from the commands.

WALCRASH_UPDATE_REFERENCE=1 writes it.
"""

# ruff: noqa: E501 - the page has one sentence a line

import os
from pathlib import Path

import click

from walcrash.cli import walcrash
from walcrash.values.errors import ExitCode

PAGE = Path(__file__).parents[2] / "harness" / "walcrash" / "docs" / "reference" / "cli.md"

MEANINGS = {
    ExitCode.PASSED: "passed",
    ExitCode.FINDINGS: "findings; `replay`: a replay broke an invariant",
    ExitCode.USAGE: "usage or scenario error",
    ExitCode.HARNESS_FAULT: "fault of the harness, also a full disk while it runs",
    ExitCode.INCONCLUSIVE: (
        "inconclusive: something that was asked for was not tested, interception is missing, "
        "or the subject cannot be started, or opened in an empty directory"
    ),
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C, SIGTERM, or the reader of `--log -` that went",
}

HEAD = """\
# The command line

This page is made from `harness/walcrash/cli/` by `tests/unit/test_cli_reference_page.py`.

Results go to stdout, everything else to stderr.
Colours and the live progress are for terminals: `NO_COLOR` takes the colours, `CI` and `TERM=dumb` take both.
Elsewhere there is a line of progress about every 10 seconds, also while failing cases are minimised and replayed.
The first Ctrl-C or SIGTERM ends a run soon, with its summary; the second ends it at once.
"""

FILES = """\
## Files

Each run gets a directory `<runs>/<UTC time>-<seed>/`, made before anything runs.

| file | content |
| --- | --- |
| `events.ndjson` | the [event log](event-log.md), written while the run goes on |
| `report.md` | the whole run as Markdown, for people and for the summary page of a CI job |

Findings are kept in `<runs>/walcrash.sqlite`.
A runs directory that walcrash makes has a `.gitignore` that leaves all of it out.
"""


def cli_page() -> str:
    sections = [HEAD]
    context = click.Context(walcrash, info_name="walcrash")
    for name in walcrash.list_commands(context):
        command = walcrash.get_command(context, name)
        assert command is not None
        sections.append(_command(name, command, context))
        if isinstance(command, click.Group):
            inside = click.Context(command, info_name=name, parent=context)
            sections += [
                _command(f"{name} {below}", command.commands[below], inside)
                for below in command.list_commands(inside)
            ]
    codes = [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    sections.append(
        "\n".join(["## Exit codes", "", "| code | meaning |", "| ---: | --- |", *codes])
    )
    return "\n".join([*(f"{section.rstrip()}\n" for section in sections), FILES])


def _command(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(["walcrash", name, *command.collect_usage_pieces(context)])
    lines = [f"## {name}", "", command.help or "", "", f"```text\n{usage}\n```"]
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        lines += ["", "| option | meaning | default | environment |", "| --- | --- | --- | --- |"]
        lines += [_option(option) for option in options]
    return "\n".join(lines)


def _option(option: click.Option) -> str:
    spelled = f"`{option.opts[0]}{'' if option.is_flag else f' {option.metavar}'}`"
    # What is drawn or counted at the start says so in its help.
    text, _, stated = (option.help or "").partition("  [default: ")
    default = f"`{option.default}`" if option.show_default else stated.rstrip("]")
    environment = f"`{option.envvar}`" if option.envvar else ""
    return f"| {spelled} | {text} | {default} | {environment} |"


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_the_page_on_disk_is_not_stale() -> None:
    if os.environ.get("WALCRASH_UPDATE_REFERENCE") == "1":
        PAGE.write_text(cli_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == cli_page(), (
        "to accept this: WALCRASH_UPDATE_REFERENCE=1 pytest tests/unit/test_cli_reference_page.py"
    )
