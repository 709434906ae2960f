"""Calls into which an error is injected, and the errors that the kernel can give for each.

A call is named as events are. `open` is that of a file which is there and keeps its content;
`create` and `truncate` are opens that make or empty one. `fsync` is both fsync and fdatasync,
`unlink` is also rmdir. What is left out is refused by the scenario's checks.

Not here: `sync(2)`, which always succeeds; pages of a mapping that cannot be read (SIGBUS), but for
those behind the end of a file that was cut (`rot`).

Source: the section ERRORS of the manual page of each call, section 2; `errno(3)`; ESTALE:
`nfs(5)`; EROFS of `write` and `fsync`: Linux, `fs/ext4/file.c` and `fs/ext4/fsync.c` after
`errors=remount-ro` (from memory); `msync` returns what the sync of its file does: Linux,
`mm/msync.c` (from memory); EIO of `open`, `mkdir` and `rename`: POSIX.1-2017, `rename`, and
`errno(3)`, for a directory whose blocks cannot be read.
"""

import errno
from collections.abc import Mapping
from enum import Enum
from typing import Final

from walcrash.values.event import EventKind


class FaultCall(Enum):
    """A call that may fail; the value is its name in scenarios."""

    CREATE = "create"
    OPEN = "open"
    READ = "read"
    WRITE = "write"
    FSYNC = "fsync"
    MSYNC = "msync"
    TRUNCATE = "truncate"
    ALLOCATE = "allocate"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    MKDIR = "mkdir"
    MAP = "map"
    PAGE = "page"
    CLOSE = "close"

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds of events that are this call."""
        return _KINDS.get(self) or frozenset({EventKind(self.value)})


class ErrorName(Enum):
    """An error by its name in `errno(3)`."""

    EIO = "EIO"
    ENOSPC = "ENOSPC"
    EDQUOT = "EDQUOT"
    EINTR = "EINTR"
    EAGAIN = "EAGAIN"
    EROFS = "EROFS"
    EMFILE = "EMFILE"
    ENFILE = "ENFILE"
    ESTALE = "ESTALE"
    ENOMEM = "ENOMEM"
    EFBIG = "EFBIG"
    EOPNOTSUPP = "EOPNOTSUPP"

    @property
    def number(self) -> int:
        """The error's number on this machine."""
        number: int = getattr(errno, self.value)
        return number


_KINDS: Final[Mapping[FaultCall, frozenset[EventKind]]] = {
    FaultCall.FSYNC: frozenset({EventKind.FSYNC, EventKind.FDATASYNC}),
    FaultCall.UNLINK: frozenset({EventKind.UNLINK, EventKind.RMDIR}),
}

_FULL: Final = "EIO ENOSPC EDQUOT"

_GIVEN: Final[Mapping[FaultCall, str]] = {
    FaultCall.CREATE: f"{_FULL} EINTR EROFS EMFILE ENFILE ENOMEM ESTALE",
    FaultCall.OPEN: "EIO EINTR EROFS EMFILE ENFILE ENOMEM ESTALE",
    FaultCall.READ: "EIO EINTR ESTALE",
    FaultCall.WRITE: f"{_FULL} EINTR EROFS EFBIG ESTALE",
    FaultCall.FSYNC: f"{_FULL} EINTR EROFS ESTALE",
    FaultCall.MSYNC: _FULL,
    FaultCall.TRUNCATE: "EIO EINTR EROFS EFBIG ESTALE",
    FaultCall.ALLOCATE: f"{_FULL} EINTR EFBIG EOPNOTSUPP ESTALE",
    FaultCall.RENAME: f"{_FULL} EROFS ENOMEM ESTALE",
    FaultCall.LINK: f"{_FULL} EROFS ENOMEM ESTALE",
    FaultCall.UNLINK: "EIO EROFS ENOMEM ESTALE",
    FaultCall.MKDIR: f"{_FULL} EROFS ENOMEM ESTALE",
    FaultCall.PAGE: "EIO",
    FaultCall.MAP: "EAGAIN ENFILE ENOMEM",
    FaultCall.CLOSE: f"{_FULL} EINTR",
}

ERRORS: Final[Mapping[FaultCall, tuple[ErrorName, ...]]] = {
    call: tuple(map(ErrorName, names.split())) for call, names in _GIVEN.items()
}
"""The errors that the kernel can give for each call, the most frequent first."""

PASSING: Final = frozenset({ErrorName.EINTR, ErrorName.EAGAIN})
"""Errors that say: try again. None of them comes for ever."""

ON_REQUEST: Final = frozenset(
    {
        FaultCall.OPEN,
        FaultCall.READ,
        FaultCall.CLOSE,
        FaultCall.MAP,
        FaultCall.PAGE,
        FaultCall.MSYNC,
    }
)
"""Calls that fail only where a scenario names them: to see each of the first three costs time."""

TRANSFERS: Final = (FaultCall.WRITE, FaultCall.READ)
"""Calls that may do a part of what they are asked for."""
