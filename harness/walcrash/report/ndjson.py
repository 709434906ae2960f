"""The event log as NDJSON: one line of JSON for each log line, written as it comes.

People and tools follow the file while it grows, and a run that is killed keeps what it wrote,
so lines go straight to their place and not to a temporary file, each with one call. Where the
disk is full in the middle of a line, the file is truncated to its last whole one.

Source: https://github.com/ndjson/ndjson-spec.
"""

import contextlib
import os
from typing import Self

from walcrash.values.codec import dumps
from walcrash.values.errors import HarnessFault, Interrupted, UsageError
from walcrash.values.log import LogLine, line_to_json


class ReaderGone(Interrupted):
    """Whoever followed the log through a pipe does so no longer."""


def line_bytes(line: LogLine) -> bytes:
    """Return one line of the log with its newline; ASCII only, so any tool can read it."""
    return dumps(line_to_json(line)).encode("ascii") + b"\n"


class NdjsonWriter:
    """Writes log lines to a file descriptor; use `create` for a file.

    Args:
        fd: where to write; closed by `close` only if `owned`.
        name: how messages call it.
        owned: whether the descriptor is this object's own.
    """

    def __init__(self, fd: int, *, name: str, owned: bool = False) -> None:
        self._fd = fd
        self._name = name
        self._owned = owned
        self._whole_bytes = 0

    @classmethod
    def create(cls, path: str) -> Self:
        """Open a new, empty log.

        Raises:
            UsageError: the file cannot be written.
        """
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as problem:
            raise UsageError(
                f"the event log cannot be written to {path}: {problem.strerror}",
                hint="name a file in a directory that you may write to",
            ) from None
        return cls(fd, name=path, owned=True)

    def write(self, line: LogLine) -> None:
        """Write one line.

        Raises:
            HarnessFault: the disk is full or failed; the file ends with its last whole line.
            ReaderGone: the log is a pipe, and its other end was closed.
        """
        data = line_bytes(line)
        try:
            self._write_all(data)
        except BrokenPipeError:
            raise ReaderGone(f"nobody reads the event log from {self._name} any more") from None
        except OSError as problem:
            # A pipe or a device cannot be truncated; nobody takes it for a finished file.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._whole_bytes)
            raise HarnessFault(
                f"the event log {self._name} could not be written: {problem.strerror}; "
                f"it ends after {self._whole_bytes:,} bytes, with a whole line",
                hint="free some space, or name another directory with --runs",
            ) from None
        self._whole_bytes += len(data)

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def close(self) -> None:
        """Close the file, if it is this object's own."""
        if self._owned:
            os.close(self._fd)
            self._owned = False
