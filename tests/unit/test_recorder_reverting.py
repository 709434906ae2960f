"""A sync that fails and takes its file back: what the worker reads then, and what is recorded."""

import errno
import os
from pathlib import Path

from watching import run_watched

from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import CallError, ErrorName, FaultCall
from walcrash.values.faults.sync_failure import SyncFailure

OLD, NEW, LAST = b"o" * 5000, b"n" * 6000, b"last"


def written() -> tuple[int, bytes, bytes]:
    fd = os.open("log", os.O_RDWR | os.O_CREAT)
    os.write(fd, OLD)
    os.fsync(fd)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, NEW)
    number = 0
    try:
        os.fsync(fd)
    except OSError as problem:
        number = problem.errno or 0
    after = os.pread(fd, 10_000, 0)
    os.write(fd, LAST)
    os.fsync(fd)
    return number, after, os.pread(fd, 10_000, 0)


def test_a_file_goes_back_to_its_last_sync_and_the_offset_stays(
    zygote: Zygote, tmp_path: Path
) -> None:
    fault = CallError(
        boot=0, call=0, on=FaultCall.FSYNC, ordinal=1, error=ErrorName.EIO,
        failed_sync=SyncFailure.REVERTED,
    )  # fmt: skip
    run = run_watched(zygote, written, tmp_path, faults=[fault])
    number, after, end = run.result
    assert (number, after) == (errno.EIO, OLD)
    assert end == OLD + bytes(1000) + LAST
    back = [event for event in run.events if event.is_reverted]
    assert [(event.kind, event.offset, len(event.data)) for event in back] == [
        (EventKind.TRUNCATE, 5000, 0),
        (EventKind.WRITE, 0, 4096),
        (EventKind.WRITE, 4096, 904),
    ]
    assert str(back[0]) == "truncate log to 5000 bytes, by the file system, to what it was"
