"""Files that go back to their old content when a sync of them fails, as btrfs had it in 2020.

What each file held when the boot began, and after each sync of it that went well, is remembered;
it is what the file reads as again, size included, when a sync of it could not write. The offsets
of the worker's descriptors stay where they are, so that its next write can leave a hole.

The way back is in the trace as a truncation and writes that are no calls.

Not here: when a sync fails (`walcrash.values.faults.sync_failure`); what became durable between
two syncs, since btrfs commits every 30 seconds by itself.

Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020, sections 3.2
and 4.2.
"""

import os
import stat
from collections.abc import Iterator
from typing import Final

from walcrash.recorder.mappings import PAGE_BYTES
from walcrash.recorder.processes import OpenFile
from walcrash.recorder.recording import RawRow
from walcrash.recorder.status import FileStatus, status_of
from walcrash.recorder.supervisor import Supervisor
from walcrash.values.event import INJECTED, REVERTED, EventKind

# limits
MOST_KEPT_BYTES: Final = 256 << 20
"""Content that is remembered in one boot; beyond that the boot is not judged."""

_Key = tuple[int, int]


class Reverting:
    """What the files of one boot go back to; make it before the worker has made any call."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._old: dict[_Key, bytes] = {}
        self._bytes = 0
        for directory, _, names in os.walk(supervisor.directory.path):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    self._remember(fd)
                    os.close(fd)

    def after_sync(self, tid: int, file: OpenFile, result: int) -> None:
        """Remember a file whose sync went well; have it go back where the sync was made to fail.

        Raises:
            Killed: the crash falls behind the way back.
        """
        supervisor = self._supervisor
        is_failed = result < 0 and bool(supervisor.rows[-1][8] & INJECTED)
        is_file = stat.S_ISREG(status_of(file.fd).st_mode)
        if not is_file or (result < 0 and not is_failed):
            return
        fd = os.open(f"/proc/self/fd/{file.fd}", os.O_RDWR | os.O_CLOEXEC)
        try:
            if not is_failed:
                self._remember(fd)
                return
            first = len(supervisor.rows)
            for kind, offset, data in _way_back(fd, self._old.get(_key(status_of(fd)), b"")):
                supervisor.record(self._row(kind, tid, file, offset, data))
            supervisor.land_behind(first)
        finally:
            os.close(fd)

    def _row(self, kind: EventKind, tid: int, file: OpenFile, offset: int, data: bytes) -> RawRow:
        supervisor, length = self._supervisor, len(data)
        thread = supervisor.thread_number(tid)
        return (
            kind, supervisor.call, file.path, "", file.number, offset, length, data, REVERTED,
            False, length, thread, -1,
        )  # fmt: skip

    def _remember(self, fd: int) -> None:
        status = status_of(fd)
        key = _key(status)
        self._bytes += status.st_size - len(self._old.get(key, b""))
        if self._bytes > MOST_KEPT_BYTES:
            most = f"{MOST_KEPT_BYTES >> 20} MiB of files"
            self._supervisor.unmodelled.add(f"a failed sync that reverts, with more than {most}")
            return
        self._old[key] = _content(fd, status.st_size)


def _way_back(fd: int, old: bytes) -> Iterator[tuple[EventKind, int, bytes]]:
    """Give a file its old content; yield what that takes: kind, offset and bytes."""
    now = _content(fd, status_of(fd).st_size)
    if len(now) > len(old):
        os.ftruncate(fd, len(old))
        yield EventKind.TRUNCATE, len(old), b""
        now = now[: len(old)]
    for start in range(0, len(old), PAGE_BYTES):
        page = old[start : start + PAGE_BYTES]
        if page != now[start : start + PAGE_BYTES]:
            os.pwrite(fd, page, start)
            yield EventKind.WRITE, start, page


def _content(fd: int, size: int) -> bytes:
    """Return what a file holds, without its offset being moved."""
    found = bytearray()
    while len(found) < size and (more := os.pread(fd, size - len(found), len(found))):
        found += more
    return bytes(found)


def _key(status: FileStatus) -> _Key:
    return status.st_dev, status.st_ino
