"""Events: what a worker did to its files, and what it said, in one order.

An event is one system call that changed (or would have changed) a file below the subject's
directory, or one message: a reply (the acknowledgement of an operation) or an external effect.
Paths are relative to the subject's directory, with `/` between their parts.
"""

from dataclasses import dataclass
from typing import Final

from walcrash.values.quick_enum import QuickEnum


class EventKind(QuickEnum):
    """What happened; for a system call, the action and not the call's spelling.

    An `open` of a file that is there, a `read`, and a `page` of a mapping that cannot be read, are
    events only where a fault is injected; the last one is where the file is mapped, and the page is
    touched later, or never.
    `slow` is where a call begins that is injected to take long: what it does, and that it returns,
    is the next event of its thread.
    """

    CREATE = "create"
    TRUNCATE = "truncate"
    WRITE = "write"
    ALLOCATE = "allocate"
    RENAME = "rename"
    LINK = "link"
    SYMLINK = "symlink"
    UNLINK = "unlink"
    MKDIR = "mkdir"
    RMDIR = "rmdir"
    ATTRIBUTE = "attribute"
    FSYNC = "fsync"
    FDATASYNC = "fdatasync"
    SYNC_RANGE = "sync-range"
    SYNC_ALL = "sync-all"
    MSYNC = "msync"
    MAP = "map"
    CLOSE = "close"
    OPEN = "open"
    READ = "read"
    PAGE = "page"
    SLOW = "slow"
    REPLY = "reply"
    EFFECT = "effect"


MESSAGES = frozenset({EventKind.REPLY, EventKind.EFFECT})
"""The kinds that are messages and not file-system actions."""

FILE_SYNCS: Final = frozenset({EventKind.FSYNC, EventKind.FDATASYNC})
"""The kinds that make one file, or one directory, durable."""

SYNCS_OF_A_FILE: Final = frozenset({*FILE_SYNCS, EventKind.MSYNC})
"""The kinds that make one file durable, or a range of it, and that say so if that failed."""

READS: Final = frozenset({EventKind.OPEN, EventKind.READ, EventKind.PAGE})
"""The kinds that only read, or begin to."""

CHANGES_NO_FILE: Final = frozenset(
    {
        *SYNCS_OF_A_FILE,
        *(EventKind.SYNC_RANGE, EventKind.SYNC_ALL, EventKind.MAP, EventKind.CLOSE),
        *(*READS, EventKind.SLOW),
    }
)
"""The kinds that are no messages and leave every file and name in memory as it was."""

ONLY_INJECTED = READS | {EventKind.SLOW}
"""The kinds that are events only where a fault is injected, so that no crash falls on them."""

MAPPED: Final = 1 << 31
"""A flag of a `write` that was no call: the bytes were stored through a shared mapping."""

INJECTED: Final = 1 << 30
"""A flag of an event in whose place an injected fault happened, whole or in part."""

REVERTED: Final = 1 << 29
"""A flag of a `truncate` or `write` that was no call: the file went back to its old content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One recorded action or message.

    Attributes:
        kind: what happened.
        call: the position, among the boot's calls, of the operation under way; -1 before the first.
        path: the file or name acted on; empty for a message.
        path_to: the new name of a rename or link; the text of a symlink.
        file: a number for the file itself (its inode) within the trace, from 0; -1 if none.
            It is the same for all names of one file, and a new one for a file made anew.
        offset: where a write, truncation, allocation or msync starts, in bytes.
        length: how many bytes were asked for; of a `slow`, how long the call takes, milliseconds.
        data: the bytes written; for a message, the bytes said; for a `slow`, the kind of call that
            begins.
        flags: the call's flags (open flags for `create`, mode for `allocate`), `MAPPED`,
            `INJECTED` and `REVERTED`.
        is_synchronous: the data was durable when the call returned (O_SYNC, O_DSYNC, RWF_DSYNC).
        result: what the call returned; a negative errno if it failed.
        thread: a number for the thread that made it, from 0, in order of first sight.
        mode: the permission bits that a file or directory has from now on; -1 where the event
            does not set them.
    """

    kind: EventKind
    call: int = -1
    path: str = ""
    path_to: str = ""
    file: int = -1
    offset: int = 0
    length: int = 0
    data: bytes = b""
    flags: int = 0
    is_synchronous: bool = False
    result: int = 0
    thread: int = 0
    mode: int = -1

    @property
    def is_stored(self) -> bool:
        """Whether this is a write that was made by storing through a shared mapping."""
        return self.kind is EventKind.WRITE and bool(self.flags & MAPPED)

    @property
    def is_injected(self) -> bool:
        """Whether an injected fault happened in its place, whole or in part."""
        return bool(self.flags & INJECTED)

    @property
    def fails_late(self) -> bool:
        """Whether this is a sync that returned 0 and had failed: the file's next one says so."""
        return self.is_injected and self.kind in SYNCS_OF_A_FILE and self.result >= 0

    @property
    def is_reverted(self) -> bool:
        """Whether this is no call: a file went back to its old content as a sync of it failed."""
        return bool(self.flags & REVERTED)

    @property
    def is_no_call(self) -> bool:
        """Whether the worker made no call for this change of a file."""
        return self.is_stored or self.is_reverted

    @property
    def begins(self) -> EventKind:
        """The kind of call that begins at a `slow`."""
        return EventKind(self.data.decode())

    @property
    def is_message(self) -> bool:
        """Whether this is something said and not something done to a file."""
        return self.kind in MESSAGES

    def __str__(self) -> str:
        """Return the short form that reports use: `write wal.log, 104 bytes at 208`."""
        text = f"{self.kind.value} {self.path}".rstrip()
        if self.kind is EventKind.SLOW:
            return (
                f"a slow {self.begins.value} of {self.path or 'a file'} begins ({self.length:,} ms)"
            )
        if self.kind is EventKind.PAGE:
            return f"{text}, the one at {self.offset}, mapped: it cannot be read, injected"
        if self.path_to:
            text += f" to {self.path_to}"
        if self.kind in (EventKind.WRITE, EventKind.MSYNC):
            text += f", {self.length} bytes at {self.offset}"
        elif self.kind is EventKind.TRUNCATE:
            text += f" to {self.offset} bytes"
        elif self.kind is EventKind.ATTRIBUTE and self.mode >= 0:
            text += f", mode {self.mode:o}"
        if self.is_stored:
            text += ", stored through a mapping"
        if self.is_reverted:
            text += ", by the file system, to what it was"
        if self.fails_late:
            return f"{text}, injected: 0 is returned, and the next sync fails for it"
        if self.is_injected:
            text += ", injected"
        return text if self.result >= 0 else f"{text} (failed, errno {-self.result})"
