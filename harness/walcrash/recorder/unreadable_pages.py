"""Pages of a mapping that cannot be read: to touch one ends in SIGBUS, as where the disk says EIO.

When a worker has mapped a file, one page of the mapping is replaced by one that lies far behind the
end of the file. The kernel answers a touch of it as it does where a read of the page failed, by
SIGBUS with BUS_ADRERR, and a call that is given its address by EFAULT. All other pages stay those
of the file. The thread that has mapped it makes the replacement itself (`thread_call`), in any
language, without root.

Not here: private mappings, which are not handed over; a page that can be read again later in the
same mapping; mremap(2) of such a mapping, which fails, since it is three.

Source: `mmap(2)`, SIGBUS; Linux, `mm/filemap.c` (`filemap_fault`: VM_FAULT_SIGBUS both where a
page lies behind the end and where its read failed).
"""

import errno
import mmap
import os
from collections.abc import Sequence
from typing import Final

from walcrash.recorder.mappings import PAGE_BYTES
from walcrash.recorder.processes import OpenFile
from walcrash.recorder.status import status_of
from walcrash.recorder.supervisor import Supervisor
from walcrash.recorder.thread_call import StoppedThread, stopped_behind_call
from walcrash.recorder.tracing import NotTraced
from walcrash.values.event import INJECTED, EventKind

_MAP_FIXED: Final = 0x10

_BEHIND_ALL_FILES: Final = 1 << 40
"""A place in a file that no file of a subject reaches, in bytes."""


def page_struck(supervisor: Supervisor, file: OpenFile, offset: int, length: int) -> int | None:
    """Return which page of a mapping is to be unreadable, in bytes from its start; None for none.

    Args:
        supervisor: the watch.
        file: what is mapped.
        offset: where in the file the mapping begins.
        length: how many bytes it has.
    """
    if supervisor.injector is None:
        return None
    inside = max(0, min(length, status_of(file.fd).st_size - offset))
    instead = supervisor.injector.event(
        EventKind.PAGE, supervisor.call, file.path, "", offset, inside, file=file.number
    )
    return None if instead is None or not instead.errno else instead.page * PAGE_BYTES


def map_without(
    supervisor: Supervisor, tid: int, id_: int, file: OpenFile, asked: Sequence[int], page: int
) -> None:
    """Let a thread map a file, make one page of that unreadable, and record it.

    Args:
        supervisor: the watch.
        tid: the thread, which waits in its `mmap`.
        id_: the notification for which it waits.
        file: what it maps.
        asked: the arguments of the call.
        page: the page, in bytes from the start of the mapping.
    """
    assert supervisor.holding is not None, "there is a fault"
    answers = supervisor.holding.answers
    try:
        with stopped_behind_call(tid, lambda: answers.send(id_, None)) as thread:
            is_mapped = thread.result >= 0
            if is_mapped:
                _replace(thread, asked, page)
    except NotTraced as problem:
        supervisor.unmodelled.add(f"a mapped page that cannot be read ({problem})")
        return
    if is_mapped:
        supervisor.record(
            (
                EventKind.PAGE, supervisor.call, file.path, "", file.number, asked[5] + page,
                PAGE_BYTES, b"", INJECTED, False, -errno.EIO, supervisor.thread_number(tid), -1,
            )
        )  # fmt: skip


def _replace(thread: StoppedThread, asked: Sequence[int], page: int) -> None:
    """Have a thread put a page that is behind the end of the file in place of one.

    It is a private one, which the filter hands to nobody.

    Raises:
        NotTraced: the kernel refuses.
    """
    at, flags = thread.result + page, mmap.MAP_PRIVATE | _MAP_FIXED
    found = thread.call("mmap", at, PAGE_BYTES, asked[2], flags, asked[4], _BEHIND_ALL_FILES)
    if found != at:
        raise NotTraced(f"mmap: {os.strerror(-found)}")
