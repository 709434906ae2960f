"""What can go wrong with a log, each with a name of its own.

A message says what was asked, what was found and where; `hint` says what can be done about it.
An error that says "damaged" has changed nothing on disk.
"""

from walcrash.values.errors import WalcrashError


class WalError(WalcrashError):
    """The root of all errors of the reference WAL."""

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way between processes with every attribute."""
        return (*super().__reduce__(), self.__dict__)


class DirectoryBusy(WalError):
    """Another process, or another object in this one, has the directory open."""


class WalClosed(WalError):
    """The WAL was closed before this call."""


class WalPoisoned(WalError):
    """A write or sync failed earlier in a way that leaves the disk's content unknown."""


class UnsupportedVersion(WalError):
    """A file was written by a later version of the format."""


class DamagedFile(WalError):
    """A checkpoint or an outbox state does not hold what was written, or they contradict."""


class DamagedLog(WalError):
    """Bytes of the log that were durable are not what was written.

    Attributes:
        offset: the first offset that is not a valid record.
        next_good_offset: the next valid record behind it; None if there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        offset: int = 0,
        next_good_offset: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset
        self.next_good_offset = next_good_offset


class NotABoundary(WalError):
    """A replay was asked for from an offset at which no record starts."""


class ReplayInterrupted(WalError):
    """The log was compacted or closed while a replay of it was under way."""


class ValueRefused(WalError):
    """A record or a time does not fit the format; nothing was written."""


class AppendFailed(WalError):
    """A record could not be written.

    Attributes:
        is_definite: the record is certainly not in the log.
    """

    def __init__(self, message: str, *, hint: str = "", is_definite: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_definite = is_definite


class SyncFailed(WalError):
    """The operating system could not make data durable; the WAL is poisoned from here on."""


class ReplaceFailed(WalError):
    """A file could not be written anew; the old one is untouched."""


class UnknownOperation(WalError):
    """The outbox has no operation of that id."""
