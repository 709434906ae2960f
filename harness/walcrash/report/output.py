"""Results on stdout or in a file, talk on stderr, also when nobody reads them to the end.

A reader that goes away (`walcrash run | head`) is no fault: the rest is dropped without a
word. Colour is added at the very end, to the verdict words only.
"""

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from walcrash.values.errors import UsageError

_VERDICT = re.compile(r"^(FAIL|PASS|INCONCLUSIVE)\b", re.MULTILINE)
_COLORS = {"FAIL": "1;31", "PASS": "1;32", "INCONCLUSIVE": "1;33"}


def publish(text: str, *, color: bool = False, end: str = "\n") -> None:
    """Write a result and its newline to stdout; a reader that has gone is no fault."""
    try:
        sys.stdout.write(f"{colored(text) if color else text}{end}")
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()


def write_result(path: str, text: str, *, what: str, hint: str) -> None:
    """Write a result to a file that somebody named.

    Raises:
        UsageError: it cannot be written there; `what` names it in the message.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(
            f"{what} cannot be written to {path}: {problem.strerror}", hint=hint
        ) from None


def talk(text: str) -> None:
    """Write a line to stderr; that nobody reads it is no reason to stop."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def drop_stdout() -> None:
    """Send what is still to come to nowhere, so that Python's own last flush does not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def colored(text: str) -> str:
    """Return the text with its verdict words in colour; only those at the start of a line."""
    return _VERDICT.sub(lambda match: f"\x1b[{_COLORS[match[1]]}m{match[1]}\x1b[0m", text)


def wants_color(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that shows colours and nobody asked for none."""
    return is_terminal(stream, environment) and not environment.get("NO_COLOR")


def is_terminal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether this stream goes to a person, on a terminal that can move its cursor."""
    if environment.get("CI", "").lower() not in ("", "0", "false"):
        return False
    return stream.isatty() and environment.get("TERM", "") not in ("", "dumb", "unknown")
