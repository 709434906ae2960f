"""The log: records appended at its end, read back in the same order, never changed in place.

An offset is logical: it grows with every append for as long as the directory lives, also when a
compaction drops records from the front. `append` hands a whole record to the system in one
call. When the record is promised is the sync policy's choice.

Open finds the end, truncates what a crash tore, and makes durable what it is about to show: a
killed predecessor may have left the last records and even the file's name in memory only. What
is not proven durable is written again before it is synced, since after a failed sync the
kernel holds pages that it calls clean and the disk has never seen.

Source: the log of the Vix.cpp sync WAL, with checksums and syncs; Rebello et al., ATC 2020.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Set
from enum import Enum
from typing import Self

from walcrash.values.record import Record
from walcrash.wal.compaction import retained_bytes, write_retained
from walcrash.wal.directory import LOG_NAME, Directory, write_all
from walcrash.wal.errors import (
    AppendFailed,
    DamagedLog,
    NotABoundary,
    ReplayInterrupted,
    SyncFailed,
    WalClosed,
)
from walcrash.wal.layout import (
    LOG_HEADER_BYTES,
    BadBytes,
    LogHeader,
    decode_record,
    encode_record,
)
from walcrash.wal.reader import LogReader, Survey, Take, TornTail, damage, survey

# limits

COPY_BYTES = 1024 * 1024
"""How much is written again at a time when the log is opened."""


class SyncPolicy(Enum):
    """When a record is durable: when `append` returns, when `sync` does, or when it happens."""

    APPEND = "append"
    GROUP = "group"
    NONE = "none"


class Log:
    """An open log; `Log.open` makes one.

    Attributes:
        torn_tail: what open truncated; None if there was nothing.
        policy: when a record is durable.
    """

    __slots__ = (
        "_checksum",
        "_directory",
        "_end",
        "_fd",
        "_header",
        "_offsets",
        "_synced",
        "policy",
        "torn_tail",
    )

    def __init__(
        self, directory: Directory, fd: int, header: LogHeader, found: Survey, policy: SyncPolicy
    ) -> None:
        self._directory = directory
        self._fd = fd
        self._header = header
        self._offsets = found.offsets
        self._checksum = found.checksum
        self._end = self._synced = found.end_offset
        self.policy = policy
        self.torn_tail: TornTail | None = found.torn

    @classmethod
    def open(
        cls,
        directory: Directory,
        *,
        policy: SyncPolicy = SyncPolicy.APPEND,
        floor: int = 0,
        take: Take | None = None,
    ) -> Self:
        """Open the directory's log, or make an empty one.

        Args:
            directory: where it is.
            policy: when a record is durable.
            floor: the offset up to which the state and the checkpoint say the log is durable.
            take: is handed each record, so that nobody has to read the log a second time.

        Raises:
            DamagedLog: records that were durable are gone or not valid; nothing was changed.
            UnsupportedVersion: a later version wrote the file.
            SyncFailed: what was found could not be made durable.
        """
        fd = directory.open_file(LOG_NAME)
        if fd is None:
            fd = _create(directory, floor)
        try:
            path = directory.name(LOG_NAME)
            header = LogHeader.decode(os.pread(fd, LOG_HEADER_BYTES, 0), path=path)
            found = survey(LogReader(fd, header, path=path), floor=floor, take=take)
            _settle(directory, fd, header, found)
        except BaseException:
            os.close(fd)
            raise
        return cls(directory, fd, header, found, policy)

    @property
    def base_offset(self) -> int:
        """The offset of the first record, or where it will be."""
        return self._header.base_offset

    @property
    def compacted_below(self) -> int:
        """Records of operations that were done below this offset have been dropped."""
        return self._header.compacted_below

    @property
    def sealed_offset(self) -> int:
        """The end of the log at its last compaction."""
        return self._header.sealed_offset

    @property
    def end_offset(self) -> int:
        """The offset behind the last record, where the next one will start."""
        return self._end

    @property
    def synced_offset(self) -> int:
        """Everything below it is durable."""
        return self._synced

    def append(self, record: Record) -> int:
        """Append one record and return the offset at which it starts.

        With `SyncPolicy.APPEND` it is durable when this returns.

        Raises:
            ValueRefused: the record does not fit the format.
            AppendFailed: it could not be written.
            SyncFailed: it could not be made durable; it may be there or not.
            WalPoisoned: an earlier write or sync failed.
        """
        self.check()
        offset = self._end
        data, checksum = encode_record(
            record,
            base=self.base_offset,
            offset=offset,
            previous=self._checksum,
            synced_offset=self._synced,
        )
        self._write(data, offset)
        if self.policy is SyncPolicy.APPEND:
            self._directory.sync_data(self._fd, LOG_NAME)
            self._synced = offset + len(data)
        self._offsets.append(offset)
        self._checksum = checksum
        self._end = offset + len(data)
        return offset

    def sync(self) -> None:
        """Make every record appended so far durable.

        Raises:
            SyncFailed: none of those since the last sync is promised.
            WalPoisoned: an earlier write or sync failed.
        """
        self.check()
        if self._synced < self._end:
            self._directory.sync_data(self._fd, LOG_NAME)
            self._synced = self._end

    def replay(self, from_offset: int = 0) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) in append order, up to the end as it is now.

        Args:
            from_offset: where a record starts, or the end; 0 is the first record, whatever
                its offset.

        Raises:
            NotABoundary: no record starts there; raised at once.
            ReplayInterrupted: the log was compacted or closed while this went on.
            DamagedLog: a record went bad after the log was opened.
        """
        if self._fd < 0:
            raise WalClosed(f"{self._directory.path} was closed", hint="open it again")
        start = from_offset or self.base_offset
        self.require_boundary(start)
        reader = LogReader(self._fd, self._header, path=self._directory.name(LOG_NAME))
        return self._records(reader, self._offsets[bisect_left(self._offsets, start) :])

    def require_boundary(self, offset: int) -> None:
        """Refuse an offset at which no record starts and which is not the end.

        Raises:
            NotABoundary: the message has the nearest boundaries.
        """
        index = bisect_left(self._offsets, offset)
        if offset == self._end or (index < len(self._offsets) and self._offsets[index] == offset):
            return
        below = self._offsets[index - 1] if index else None
        above = self._offsets[index] if index < len(self._offsets) else self._end
        before = "there is none before it" if below is None else f"the one before it is {below}"
        after = f"the next is {above}" if offset < above else f"the log ends at {above}"
        raise NotABoundary(
            f"read {self._directory.name(LOG_NAME)} from offset {offset}: no record starts there; "
            f"{before}, {after}",
            hint="use an offset that append or replay returned, or 0 for the start",
        )

    def compact(self, dropped: Set[str], *, below: int) -> None:
        """Write the log anew without the records of some operations.

        Every offset from `below` on stays what it was; those before it move up, since the
        records that stay end where they did. A crash leaves the old log or the new one.

        Args:
            dropped: ids of operations without a record at or behind `below`.
            below: a record boundary.

        Raises:
            NotABoundary: no record starts at `below`.
            ReplaceFailed: the new log could not be written; the old one goes on.
            SyncFailed: the new log is in place, but perhaps not after a power loss.
        """
        self.check()
        self.require_boundary(below)
        header = LogHeader(
            base_offset=below - retained_bytes(self.replay(), dropped, below, self._end),
            compacted_below=below,
            sealed_offset=self._end,
        )
        kept = ((offset, record) for offset, record in self.replay() if record.id not in dropped)
        surveys: list[Survey] = []

        def write(fd: int) -> None:
            write_retained(fd, header, kept)
            # Read it back before it takes the old log's name, while there still is an old log.
            reader = LogReader(fd, header, path=self._directory.name(LOG_NAME))
            surveys.append(survey(reader, floor=self._end))

        fd = self._directory.replace(LOG_NAME, write)
        os.close(self._fd)
        self._fd = fd
        self._header = header
        self._offsets = surveys[0].offsets
        self._checksum = surveys[0].checksum
        self._synced = self._end

    def check(self) -> None:
        """Refuse to go on after `close` or after a failure.

        Raises:
            WalClosed: it was closed.
            WalPoisoned: an earlier write or sync failed.
        """
        self._directory.check()
        if self._fd < 0:
            raise WalClosed(f"{self._directory.path} was closed", hint="open it again")

    def close(self) -> None:
        """Make everything durable, unless a failure forbids it, and close the file."""
        if self._fd < 0:
            return
        try:
            if not self._directory.is_poisoned:
                self.sync()
        finally:
            os.close(self._fd)
            self._fd = -1

    def _records(self, reader: LogReader, offsets: "array[int]") -> Iterator[tuple[int, Record]]:
        for index, offset in enumerate(offsets):
            if self._fd < 0 or self._header is not reader.header:
                raise ReplayInterrupted(
                    f"replay {reader.path}: it was compacted or closed meanwhile",
                    hint="finish a replay before compact or close, or start it again",
                )
            try:
                frame, body = reader.read_record(offset, previous=None)
            except BadBytes as bad:
                following = offsets[index + 1] if index + 1 < len(offsets) else None
                raise damage(reader.path, offset, str(bad), following, self._end) from None
            yield offset, decode_record(frame, body)

    def _write(self, data: bytes, offset: int) -> None:
        position = _position(self._header, offset)
        try:
            write_all(self._fd, data, position)
        except OSError as problem:
            is_definite = self._truncate_to(position, problem)
            raise AppendFailed(
                f"append at offset {offset} of {self._directory.name(LOG_NAME)}: {problem}",
                hint=f"check for free space: df {self._directory.path}",
                is_definite=is_definite,
            ) from problem

    def _truncate_to(self, position: int, problem: OSError) -> bool:
        """Drop the part of a record that was written, so that it hides no later one."""
        try:
            os.ftruncate(self._fd, position)
        except OSError:
            self._directory.poison(f"append to {LOG_NAME}: {problem}")
            return False
        return True


def _create(directory: Directory, floor: int) -> int:
    """Make an empty log that has its header before it has its name."""
    if floor > 0:
        raise DamagedLog(
            f"open {directory.name(LOG_NAME)}: it is gone, though records up to offset {floor} "
            "were applied",
            hint="restore the file from a copy; nothing was changed",
        )
    return directory.replace(LOG_NAME, lambda fd: write_all(fd, LogHeader().encode(), 0))


def _settle(directory: Directory, fd: int, header: LogHeader, found: Survey) -> None:
    """Truncate the torn tail, and make durable what is left, before anything is appended."""
    end = _position(header, found.end_offset)
    try:
        if found.torn is not None:
            os.ftruncate(fd, end)
        position = _position(header, found.proven_offset)
        while position < end:
            data = os.pread(fd, min(COPY_BYTES, end - position), position)
            write_all(fd, data, position)
            position += len(data)
    except OSError as problem:
        raise SyncFailed(
            f"open {directory.name(LOG_NAME)}: its end could not be made durable: {problem}",
            hint=f"check for free space: df {directory.path}",
        ) from problem
    directory.sync_data(fd, LOG_NAME)
    directory.sync()


def _position(header: LogHeader, offset: int) -> int:
    """Return where in the file an offset is."""
    return LOG_HEADER_BYTES + offset - header.base_offset
