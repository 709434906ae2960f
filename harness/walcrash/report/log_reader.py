"""Reading an event log back, so that reports can be made later and on another machine.

A run that was killed leaves its last line unfinished; that one is left out. Anything else that
is not what `ndjson` writes is an error with its line's number, and nothing of it is used.

Not here: what becomes of several logs (`merge`).
"""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import BinaryIO, Final

from walcrash.report.log_order import LogOrder
from walcrash.report.run_directory import EVENTS
from walcrash.values.codec import UPGRADE, Refused
from walcrash.values.errors import UsageError
from walcrash.values.log import LOG, LOG_FORMAT, CampaignStarted, LogLine, line_from_json

# limits
LINE_BYTES: Final = 64 * 1024 * 1024
"""Longest line of an event log."""


_BLANK: Final = b" \t\r\n"
"""White space as JSON has it."""

STDIN: Final = "-"
"""As the path of a log."""


def read_log(path: str) -> list[LogLine]:
    """Return the lines of an event log.

    Args:
        path: the file, or the directory of a run; `-` is stdin.

    Raises:
        UsageError: it cannot be read, is no event log, or is of a newer format.
    """
    if os.path.isdir(path):
        path = os.path.join(path, EVENTS)
    name = "stdin" if path == STDIN else path
    try:
        with open(0 if path == STDIN else path, "rb", closefd=path != STDIN) as file:
            lines = list(parse_lines(_bounded(file, name), name=name))
    except OSError as problem:
        raise UsageError(
            f"the event log {name} cannot be read: {problem.strerror}",
            hint="name a run's directory, such as one in reports/runs, or its events.ndjson",
        ) from None
    if not lines:
        raise UsageError(
            f"the event log {name} is empty: not one line is whole",
            hint="name the directory of a run that has begun",
        )
    return lines


def _bounded(file: BinaryIO, path: str) -> Iterator[bytes]:
    lines = iter(partial(file.readline, LINE_BYTES + 1), b"")
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_BYTES:
            raise UsageError(
                f"{path}, line {number}: it is longer than {LINE_BYTES:,} bytes", hint=LOG.hint
            )
        yield line


def parse_lines(lines: Iterable[bytes], *, name: str) -> Iterator[LogLine]:
    """Yield the lines of an event log; those of a kind that is not known are left out.

    Args:
        lines: each with its newline; one without is the unfinished end, and is left out.
        name: how messages call the log.

    Raises:
        UsageError: it is no event log, or is of a newer format.
    """
    log_format, order, blank = LOG_FORMAT, LogOrder(), 0
    for number, data in enumerate(lines, start=1):
        if not data.strip(_BLANK):
            # Of blank lines alone a log is empty; between others they are none of its lines.
            blank = blank or number
            continue
        if blank:
            raise _no_log(f"{name}, line {blank}", "found an empty line; allowed: a JSON object")
        if not data.endswith(b"\n"):
            if number == 1 and not data.lstrip(_BLANK).startswith(b"{"):
                raise _no_log(f"{name}, line 1", "found no JSON object, and no end of the line")
            return
        where = f"{name}, line {number}"
        try:
            form = LOG.loads(data, "line")
            line = line_from_json(form, log_format=log_format)
            order.add(line)
        except Refused as problem:
            if problem.hint == UPGRADE:
                raise UsageError(f"{where}: {problem.message}", hint=UPGRADE) from None
            raise _no_log(where, problem.message) from None
        if isinstance(line, CampaignStarted):
            log_format = line.format
        if line is not None:
            yield line


def _no_log(where: str, why: str) -> UsageError:
    return UsageError(f"{where}: this is no event log of walcrash: {why}", hint=LOG.hint)
