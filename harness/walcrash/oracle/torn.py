"""Writes of which not all is left: torn by a crash, cut short by an error, refused, not synced.

What is left of them lies in a file in front of what is written next. A write that failed, or moved
a part only, may be made again or gone on with: then it is whole.

Not here: what a power loss kept of a write (`walcrash.disk`), what follows for the finding
(`fate`).
"""

import errno
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace

from walcrash.values.event import Event
from walcrash.values.fate import EventRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A part of one write: the file that has it, where it begins, how long it is.

    Attributes:
        failed_sync: the sync of the write that was made and failed; None where none did.
        asked: how long the write was to be.
        is_over: whether it went over bytes that were there and are more than a tail of zeros.
        is_carried: whether a power loss since has kept all that was left of it.
        outlived_by: what took a name behind it, and was kept by the power loss that tore it.
        is_hole: whether no byte of it is there, but the size that it gave its file.
    """

    file: int
    start: int
    length: int
    ref: EventRef
    failed_sync: EventRef | None = None
    asked: int = 0
    is_over: bool = False
    is_carried: bool = False
    outlived_by: EventRef | None = None
    is_hole: bool = False

    @property
    def end(self) -> int:
        """Where the write was to end, not included."""
        return self.start + max(self.length, self.asked)

    def is_within(self, file: int, start: int, end: int) -> bool:
        """Whether all of it lies in a range of a file."""
        return file == self.file and start <= self.start and self.start + self.length <= end

    def may_hide(self, file: int, start: int, written: EventRef) -> bool:
        """Whether a record that begins there may be hidden by it, as it lies in front of that.

        A record that was written before a power loss hides behind no hole that this one made.
        """
        is_before = file == self.file and self.start < start
        return is_before and (not self.is_hole or self.ref.boot < written.boot)


@dataclass(slots=True, kw_only=True, eq=False)
class FailedWrite:
    """A write that failed or moved a part only.

    Attributes:
        ref: the event.
        file: the file's number, as the ledger has it.
        start: where it began, in bytes.
        data: what it was to write.
        done: how many bytes of that are written by now.
        errno: the error that it returned; 0 where it moved a part.
        records: the `ts_ms` of the records that it was to carry.
    """

    ref: EventRef
    file: int
    start: int
    data: bytes
    done: int
    errno: int
    records: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether later writes have made good what it left."""
        return self.done == len(self.data)

    @property
    def part(self) -> Torn | None:
        """What it has left in its file; None where that is nothing, or all."""
        if not self.done or self.is_whole:
            return None
        return Torn(file=self.file, start=self.start, length=self.done, ref=self.ref)

    def take(self, file: int, start: int, data: bytes) -> bool:
        """Take a later write; return whether it went on where this one had ended."""
        rest = self.data[self.done :]
        count = min(len(rest), len(data))
        is_next = file == self.file and start == self.start + self.done
        if not count or not is_next or rest[:count] != data[:count]:
            return False
        self.done += count
        return True


@dataclass(slots=True)
class FailedWrites:
    """All writes of a case that failed or moved a part only, in order."""

    _each: list[FailedWrite] = field(default_factory=list)

    def add(self, event: Event, ref: EventRef, file: int, records: tuple[int, ...]) -> FailedWrite:
        """Note one."""
        done = max(0, event.result)
        made = FailedWrite(
            ref=ref,
            file=file,
            start=event.offset,
            data=event.data,
            done=done,
            errno=max(0, -event.result),
            records=records,
        )
        self._each.append(made)
        return made

    def gone_on_with(self, file: int, start: int, data: bytes) -> Iterator[FailedWrite]:
        """Yield those that a later write goes on with, with what it adds to them."""
        for each in self._each:
            if each.take(file, start, data):
                yield each

    def is_cut_short(self, ts_ms: int, event: EventRef) -> bool:
        """Whether a record is the last one that a write was to carry which moved a part only."""
        return any(
            each.ref == replace(event, is_short=True)
            and not each.is_whole
            and each.records[-1:] == (ts_ms,)
            for each in self._each
        )

    def into(self, files: Container[int]) -> list[EventRef]:
        """Return those that have written nothing to any of these files."""
        return [each.ref for each in self._each if each.file in files and not each.done]

    def of(self, ts_ms: int) -> list[FailedWrite]:
        """Return those that were to carry a record, in order."""
        return [each for each in self._each if ts_ms in each.records]


@dataclass(slots=True)
class FailedSyncs:
    """The syncs of a case that failed, and the writes that they were of."""

    _writes: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    _failed: dict[int, list[tuple[int, EventRef]]] = field(default_factory=dict)
    _errors: dict[tuple[int, int], int] = field(default_factory=dict)

    def note_write(self, write: EventRef, file: int, at: int) -> None:
        """Note a write to a file, and when it was, as a count of events."""
        self._writes[write.place] = file, at

    def note(self, sync: EventRef, file: int, at: int, *, error: int) -> None:
        """Note a sync of a file that failed; `error` is 0 where it returned 0 all the same."""
        self._errors[sync.place] = error
        self._failed.setdefault(file, []).append((at, sync))

    def errno_of(self, sync: EventRef) -> int:
        """Return what a sync that failed has returned."""
        return self._errors[sync.place]

    def of(self, write: EventRef) -> EventRef | None:
        """Return the sync of a write that failed, the decisive one; None where none did."""
        file, at = self._writes.get(write.place, (-1, 0))
        return self.decisive([sync for when, sync in self._failed.get(file, ()) if when > at])

    def decisive(self, failed: Sequence[EventRef]) -> EventRef | None:
        """Return the one of some syncs that failed by which a write was not durable.

        It is the first whose failure comes with a later one, which nobody saw; else the first that
        was not merely interrupted; else the first. Those after it fail for a file that is broken.
        """
        late = [sync for sync in failed if sync.is_late]
        real = [sync for sync in failed if self.errno_of(sync) != errno.EINTR]
        return next(iter((*late, *real, *failed)), None)
