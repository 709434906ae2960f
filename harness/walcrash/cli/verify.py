"""`walcrash verify`: judge a log that survived an incident, and change nothing."""

import re
from typing import TYPE_CHECKING

import click

from walcrash.cli.options import json_option
from walcrash.values.errors import ExitCode

if TYPE_CHECKING:
    from walcrash.report.verify_text import RowRange

# limits
MOST_OPERATIONS = 1_000_000
"""Operations that are listed."""

LONGEST_OFFSET = (1 << 63) - 1
"""Of a file."""

MOST_DIGITS = 18
"""Of a record's number."""


def _rows(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> "RowRange | None":
    """Read `all`, `100-200`, `100-` or `7`."""
    if value is None:
        return None
    from walcrash.report.verify_text import RowRange

    if value == "all":
        return RowRange()
    match = re.fullmatch(rf"(\d{{1,{MOST_DIGITS}}})(-)?(\d{{1,{MOST_DIGITS}}})?", value, re.ASCII)
    if match is None or (match[3] is not None and match[2] is None):
        raise click.BadParameter(f"{value!r} is no range of records; say all, 7, 100-200 or 100-")
    first = int(match[1])
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if first < 1 or (last is not None and last < first):
        raise click.BadParameter(f"{value!r} is an empty range; the first record is 1")
    return RowRange(first, last)


@click.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--format",
    "log_format",
    type=click.Choice(["vixw", "reference"]),
    required=True,
    help="How the log is written.",
)
@click.option(
    "--records",
    callback=_rows,
    metavar="RANGE",
    help="Records to show: all, 7, 100-200, 100-.  [default: the first and the last]",
)
@click.option(
    "--operations",
    type=click.IntRange(0, MOST_OPERATIONS),
    metavar="N",
    default=20,
    show_default=True,
    help="Most operations to list that are not done.",
)
@click.option(
    "--checkpoint",
    type=click.IntRange(-1, LONGEST_OFFSET),
    metavar="OFFSET",
    help="For vixw: the checkpoint that the application had kept.",
)
@json_option("text")
def verify(
    path: str,
    log_format: str,
    records: "RowRange | None",
    operations: int,
    checkpoint: int | None,
    as_json: bool,
) -> ExitCode:
    """Judge a log that survived an incident: a file, or the directory of a reference log."""
    from pathlib import Path

    from walcrash.report.verify_text import make_printer
    from walcrash.tools.verify.verify import VerifyRequest, verify_log
    from walcrash.values.verified import LogFormat

    printer = make_printer(records, as_json=as_json)
    request = VerifyRequest(
        path=Path(path),
        format=LogFormat(log_format),
        checkpoint=checkpoint,
        operations=operations,
    )
    return printer.finish(verify_log(request, on_row=printer.row))
