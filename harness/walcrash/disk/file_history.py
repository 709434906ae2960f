"""One file: what of it is durable, and what was done to it since, in order.

The durable content and size are kept flat; every later change is an extent of bytes or zeros,
or a change of size. So the content at any moment, and of any sector at any moment of its own,
can be worked out; and making the file durable lays everything down and forgets the past.

A sector's past is cumulative: memory holds whole pages, so a sector that is written out carries
everything that had been written to it until then.

A sync that failed leaves its pages marked as clean, so that no later one writes them, unless
their block has been changed again meanwhile. Such sectors are lost to syncs: they keep their past.

Not here: names (`names`), which moments a persistence model may mix (`model`).
"""

import copy
import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from walcrash.disk import laying
from walcrash.disk.extents import END_OF_ALL_FILES, Extent, SizeChange, SizePromise, round_up
from walcrash.disk.reserved import Reserved
from walcrash.disk.written import written_size
from walcrash.values.content import Buffer, Content
from walcrash.values.moments import BLOCK_BYTES, STALE, Moment, after, before, part, sectors_of


class FileHistory:
    """One file's durable content and its pending changes.

    Attributes:
        number: the file's own number in the model.
        mode: its permission bits.
        changed: when anything of the file, its names included, last changed.
        resized: when its size or map last changed.
        base, base_size: the durable content; bytes behind its end are zeros.
        durable_content_size: up to here every sector's content is durable, and not just the size.
        size: the size in memory.
        extents, sizes: the pending changes, in order.
        durable_since: for sectors that were made durable alone: the moment that they have at least.
        is_truncated: whether it was truncated to nothing, and not closed since.
        promised: sizes that ext4 has on the disk without a sync of the file (rename, close,
            `fallocate`); see `harness/walcrash/docs/reference/models/ext4.md`.
        reserved: the blocks that it has though nothing was written to them.
        block_bytes: the unit in which memory is dirty and blocks are allocated.
        failed: for sectors that a failed sync has marked as clean, when that was.
        sure_size: what the size is for certain where blocks that a failed sync has marked as clean
            are all that lies behind it; None where the durable size is certain.
        unallocated_from: for sectors whose content a later sync could not make durable: the
            `durable_content_size` that holds for them.
        without_syncs: the same file where no sync counts that came after its last name had gone;
            None where there was none, or where nothing needs to know.
        is_without_syncs: whether this is that file.
        if_late: the same file where a sync counts as failed that returned 0; what it is from the
            file's next sync on, which fails for it. None where there was none.
    """

    __slots__ = (
        "_flat", "_freed", "_has_map_changes", "_in_block", "_index", "_sector_bytes", "_snapshots",
        "base", "base_size", "block_bytes", "changed", "durable_content_size", "durable_since",
        "extents", "failed", "if_late", "is_truncated", "is_without_syncs", "mode", "number",
        "promised", "reserved", "resized", "size", "sizes", "sure_size", "unallocated_from",
        "without_syncs",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        content: Content,
        mode: int,
        sector_bytes: int,
        block_bytes: int = BLOCK_BYTES,
        freed: Callable[["FileHistory", int], bytes | None] | None = None,
        *,
        is_new: bool = False,
    ) -> None:
        self.number = number
        self.mode = mode
        self.changed: Moment = 0
        self.resized: Moment = 0
        self.base = laying.changeable(content)
        self.base_size = self.durable_content_size = self.size = len(content)
        self.extents: list[Extent] = []
        self.sizes: list[SizeChange] = []
        self.durable_since: dict[int, Moment] = {}
        self.is_truncated = False
        self.promised: list[SizePromise] = []
        self.block_bytes = block_bytes
        self.reserved = Reserved(block_bytes, is_unknown=not is_new)
        self.failed: dict[int, Moment] = {}
        self.sure_size: int | None = None
        self.unallocated_from: dict[int, int] = {}
        self.without_syncs: FileHistory | None = None
        self.is_without_syncs = False
        self.if_late: FileHistory | None = None
        self._freed = freed
        self._sector_bytes = sector_bytes
        self._in_block = max(1, block_bytes // sector_bytes)
        self._flat: Content | None = content
        self._index: dict[int, list[Extent]] | None = None
        self._has_map_changes: bool | None = None
        self._snapshots: laying.Snapshots | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is pending."""
        return not self.extents and not self.sizes

    @property
    def has_map_changes(self) -> bool:
        """Whether a pending change is one of the file's map: a truncation, a hole."""
        if self._has_map_changes is None:
            self._has_map_changes = any(extent.is_whole for extent in self.extents)
        return self._has_map_changes

    @property
    def histories(self) -> "tuple[FileHistory, ...]":
        """The file, and the same file without some syncs: what changes one changes all."""
        every = (self, self.without_syncs, self.if_late)
        return tuple(each for each in every if each is not None)

    def keep_without_syncs(self) -> None:
        """Remember the file as it is without the sync that comes now, and all later ones."""
        if self.without_syncs is None and not self.is_settled:
            self.without_syncs = self._copied()
            self.without_syncs.is_without_syncs = True

    def keep_if_late(self, now: Moment) -> None:
        """Remember the file as it is where the sync that comes now has failed and returns 0."""
        self.if_late = self._copied()
        self.if_late.fail(now)

    def _copied(self) -> "FileHistory":
        other = copy.copy(self)
        other.base, other.reserved = self.base.copy(), copy.copy(self.reserved)
        other.extents, other.sizes = list(self.extents), list(self.sizes)
        other.promised, other.failed = list(self.promised), dict(self.failed)
        other.durable_since = dict(self.durable_since)
        other.unallocated_from = dict(self.unallocated_from)
        other._index = other._snapshots = other._has_map_changes = None
        other.without_syncs = other.if_late = None
        return other

    # Changes.

    def write(self, event: int, offset: int, data: bytes) -> None:
        """Write bytes; the size follows where they reach behind the end."""
        end = offset + len(data)
        if not data:
            return
        self._lay(Extent(event, offset, end, data, is_whole=False))
        if end > self.size:
            self._set_size(SizeChange(event, self.size, end, offset))

    def resize(self, event: int, size: int) -> None:
        """Truncate or lengthen the file; what a truncation took is zeros if it comes back."""
        if size <= self.size:
            self.reserved.free(size)
        if size < self.size:
            self._lay(Extent(event, size, END_OF_ALL_FILES, None, is_whole=True))
        if size != self.size:
            self._set_size(SizeChange(event, self.size, size, None))

    def zero(self, event: int, start: int, end: int, *, keeps_blocks: bool) -> None:
        """Make a range read as zeros; the size stays."""
        self._lay(Extent(event, start, end, None, is_whole=True, keeps_blocks=keeps_blocks))

    def replace_tail(self, event: int, start: int, tail: bytes) -> None:
        """Put other bytes behind a place, by a change of the file's map."""
        end = start + len(tail)
        self._lay(Extent(event, start, end, tail, is_whole=True))
        self._lay(Extent(event, end, END_OF_ALL_FILES, None, is_whole=True))
        self._set_size(SizeChange(event, self.size, end, None))

    def forget_event(self, event: int) -> None:
        """Undo the last event, a write."""
        while self.extents and self.extents[-1].event == event:
            self.extents.pop()
        while self.sizes and self.sizes[-1].event == event:
            self.size = self.sizes.pop().size_before
        self._index = self._flat = self._has_map_changes = None
        if self._snapshots is not None:
            self._snapshots.forget_after(len(self.extents))

    def _lay(self, extent: Extent) -> None:
        self.extents.append(extent)
        self._index = self._flat = self._has_map_changes = None

    def _set_size(self, change: SizeChange) -> None:
        self.sizes.append(change)
        self.size = change.size
        self._flat = None

    # Durability.

    def settle(self) -> None:
        """Make all of it durable but what is lost to syncs."""
        if lost := self.lost_to_syncs():
            self._settle_but(lost)
        else:
            self._settle_all()

    def _settle_all(self) -> None:
        self.base = laying.with_room(self.base, self.size)
        for extent in self.extents:
            extent.lay(self.base, extent.start, min(extent.end, self.size))
        laying.cut(self.base, self.size)
        self.base_size = self.durable_content_size = self.size
        self.extents.clear()
        self.sizes.clear()
        self.durable_since.clear()
        self.promised.clear()
        self.failed.clear()
        self.sure_size = None
        self.unallocated_from.clear()
        self._index = self._snapshots = self._has_map_changes = None

    def settle_until(self, event: int) -> None:
        """Make durable what there was after an event; what came later stays pending.

        Where parts of the file were made durable alone since, or a sync has failed, all of it is
        made durable: that promises more than POSIX does.
        """
        later = [extent for extent in self.extents if extent.event > event]
        sizes = [change for change in self.sizes if change.event > event]
        moments = (*self.durable_since.values(), *self.failed.values())
        if any(moment > after(event) for moment in moments) or not (later or sizes):
            self.settle()
            return
        promised = [promise for promise in self.promised if promise.moment > after(event)]
        self.extents = [extent for extent in self.extents if extent.event <= event]
        self.sizes = [change for change in self.sizes if change.event <= event]
        self._index = self._has_map_changes = None
        self.size = self.sizes[-1].size if self.sizes else self.base_size
        self.settle()
        for change in sizes:
            self._set_size(change)
        self.extents, self.promised = [*self.extents, *later], promised
        self._index = self._flat = self._has_map_changes = None

    def _settle_but(self, lost: list[int]) -> None:
        """Make size and map durable, and all content but that of some sectors."""
        bottoms = {sector: self._durable_moment(sector) for sector in lost}
        contents = [self.sector(sector, moment) for sector, moment in bottoms.items()]
        pieces = [
            piece for extent in self.extents for piece in extent.pieces(bottoms, self._sector_bytes)
        ]
        unallocated_from = {
            sector: self.unallocated_from.get(sector, self.durable_content_size)
            for sector in lost
            if self.may_be_stale(sector)
        }
        failed = {sector: self.failed[sector] for sector in lost}
        known = self.base_size if self.sure_size is None else self.sure_size
        sure_size = written_size(known, self.sizes, self.extents, set(lost), self._sector_bytes)
        self._settle_all()
        self.sure_size = sure_size if sure_size < self.size else None
        for sector, content in zip(lost, contents, strict=True):
            self._put_in_base(sector, content[: self.size - sector * self._sector_bytes])
        self.extents, self.unallocated_from, self.failed = pieces, unallocated_from, failed
        self._flat = self._has_map_changes = None

    def _durable_moment(self, sector: int) -> Moment:
        """Return the moment that a lost sector is at for certain: the map's last change of it."""
        moments = [
            extent.moment(sector, self._sector_bytes)
            for extent in self.past_of(sector)
            if extent.is_whole and extent.covers(sector, self._sector_bytes)
        ]
        return max([self.durable_since.get(sector, 0), *moments])

    def settle_range(self, now: Moment, start: int, end: int, *, writer: int = -1) -> None:
        """Make the sectors of a range durable, and the size as far as a sync of it does.

        Args:
            now: the moment after the sync.
            start: where the range begins, in bytes.
            end: where it ends.
            writer: the event of the synchronous write that this is; -1 for a sync of its own.
        """
        sectors = sectors_of(start, end, self._sector_bytes)
        low, high = sectors.start * self._sector_bytes, sectors.stop * self._sector_bytes
        if all(low <= extent.start and extent.end <= high for extent in self.extents):
            self.settle()
            return
        lost = set(self.lost_to_syncs())
        # All others are durable as they are, and a range can be far larger than what is pending.
        for sector in sorted(sector for sector in self.pending_sectors() if sector in sectors):
            if sector not in lost:
                self._put_in_base(sector, self.sector(sector, now))
                self.durable_since[sector] = now
        self._settle_size(start, end, writer)
        self._flat = None

    def _settle_size(self, start: int, end: int, writer: int) -> None:
        """Make sizes that were set durable, and growth as far as a sync of a range needs it."""
        explicit = [at for at, change in enumerate(self.sizes) if change.is_explicit]
        later = self.sizes[explicit[-1] + 1 :] if explicit else self.sizes
        size = self.sizes[explicit[-1]].size if explicit else self.base_size
        if explicit:
            reset = part(self.sizes[explicit[-1]].event, 1)
            self.promised = [promise for promise in self.promised if promise.moment >= reset]
        if later and later[-1].event == writer:
            size = self.size
        else:
            # Of a block that the file has already the size does not follow, not even on a sync.
            blocks_end = round_up(size, self.block_bytes)
            ends = (
                min(extent.end, end)
                for extent in self.extents
                if not extent.is_whole and extent.start < end and start < extent.end
            )
            reached = round_up(max(ends, default=0), self.block_bytes)
            if reached > blocks_end:
                size = max(size, min(self.size, reached))
        if explicit or size > self.base_size:
            self.sure_size = None
        self.base_size = size
        self.sizes = [
            replace(change, size_before=max(change.size_before, size))
            for change in later
            if change.size > size
        ]

    def _put_in_base(self, sector: int, content: bytes) -> None:
        at = sector * self._sector_bytes
        self.base, self._snapshots = laying.with_room(self.base, at + len(content)), None
        laying.put(self.base, at, content)

    def fail(self, now: Moment, start: int = 0, end: int = END_OF_ALL_FILES) -> None:
        """Mark what is pending in a range as clean: a sync of it has failed."""
        lost = set(self.lost_to_syncs())
        sectors = sectors_of(start, end, self._sector_bytes)
        for sector in self.pending_sectors():
            if sector in sectors and sector not in lost:
                self.failed[sector] = now

    def lost_to_syncs(self) -> list[int]:
        """Return the sectors that no sync writes, in order: failed, and not dirty again since."""
        return [sector for sector in sorted(self.failed) if self._is_lost(sector)]

    def _is_lost(self, sector: int) -> bool:
        if sector * self._sector_bytes >= self.size:
            return False
        bottom = self._durable_moment(sector)
        unit = self._sector_bytes
        if not any(each.is_after(bottom, sector, unit) for each in self.past_of(sector)):
            return False
        first = sector // self._in_block * self._in_block
        failed = self.failed[sector]
        return not any(
            extent.moment(other, self._sector_bytes) > failed
            for other in range(first, first + self._in_block)
            for extent in self.past_of(other)
        )

    # What it is at a moment.

    def size_at(self, moment: Moment) -> int:
        """Return the size at a moment."""
        index = bisect_left(self.sizes, moment, key=lambda change: before(change.event))
        if not index:
            return self.base_size
        return self.sizes[index - 1].size_at(moment, self._sector_bytes)

    def reached(self, moment: Moment) -> Moment:
        """Return the first moment with the content of one: nothing is written in between."""
        count = bisect_left(self.extents, moment, key=lambda each: before(each.event))
        return min(moment, after(self.extents[count - 1].event)) if count else 0

    def content(self, size: int, moment: Moment, special: Mapping[int, Moment]) -> Content:
        """Return the file as of a moment, but of another moment in some sectors."""
        if self.is_settled:
            if self._flat is None:
                self._flat = laying.finished(self.base.copy(), self.size)
            return self._flat
        data = laying.with_room(self.base.copy(), size)
        first = 0
        if isinstance(data, Buffer):
            self._snapshots = self._snapshots or laying.Snapshots(data)
            whole = bisect_right(self.extents, moment, key=lambda each: after(each.event))
            data, first = self._snapshots.before(self.extents, whole)
        for extent in islice(self.extents, first, None):
            if before(extent.event) >= moment:
                break
            end = min(size, extent.end_at(moment, self._sector_bytes))
            extent.lay(data, extent.start, end)
        unit = self._sector_bytes
        for first, end, at in laying.runs_of(special, may_be_long=not self.durable_since):
            if end - first > laying.LONG_RUN_SECTORS:
                run = range(first * unit, min(size, end * unit))
                laying.lay_run(data, self.base, self.extents, run, moment=at, sector_bytes=unit)
                continue
            for sector in range(first, min(end, -(-size // unit))):
                is_stale = at == STALE
                part = self.stale_sector(sector) if is_stale else self.sector(sector, at)
                laying.put(data, sector * unit, part)
        return laying.finished(data, size)

    def sector(self, sector: int, moment: Moment) -> bytes:
        """Return what a sector holds at a moment, or when it became durable if that is later."""
        unit = self._sector_bytes
        start, since = sector * unit, self.durable_since.get(sector, STALE)
        later: list[Extent] = []
        # The last one that covers it hides all before it.
        for extent in reversed(self.past_of(sector)):
            if since < extent.moment(sector, unit) <= moment:
                if extent.covers(sector, unit):
                    data, at = extent.data, start - extent.start
                    content = bytes(unit) if data is None else data[at : at + unit]
                    break
                later.append(extent)
        else:
            content = bytes(self.base[start : start + unit]).ljust(unit, b"\0")
        if not later:
            return content
        changed = bytearray(content)
        for extent in reversed(later):
            low = max(extent.start, start)
            extent.lay(changed, low, min(extent.end, start + unit), origin=start)
        return bytes(changed)

    def stale_sector(self, sector: int) -> bytes:
        """Return a sector with the bytes of another file.

        Where no file of the trace has any there, the bytes are a fixed pattern.
        """
        stale = None if self._freed is None else self._freed(self, sector)
        if stale is None:
            pattern = hashlib.blake2b(f"{self.number}:{sector}".encode()).digest()
            stale = pattern * (self._sector_bytes // len(pattern) + 1)
        return stale[: self._sector_bytes]

    def may_be_stale(self, sector: int) -> bool:
        """Whether a sector lies in space that was not allocated to the file durably.

        The sector in which the durable size ends was written whole, with zeros behind the end.
        """
        start = sector * self._sector_bytes
        is_allocated = (
            start < self.unallocated_from.get(sector, self.durable_content_size)
            or sector in self.durable_since
        )
        return not is_allocated and bool(self.past_of(sector))

    def past_of(self, sector: int) -> list[Extent]:
        """Return the pending extents that touch a sector, in order."""
        return self.pending_sectors().get(sector, [])

    def pending_sectors(self) -> Mapping[int, list[Extent]]:
        """Return the sectors with a past, each with its extents, in order."""
        if self._index is None:
            self._index = {}
            reach = self.reach()
            for extent in self.extents:
                end = min(extent.end, reach)
                touched = sectors_of(extent.start, end, self._sector_bytes)
                sectors: Iterable[int] = touched
                is_allocated = end <= self.durable_content_size and not self.unallocated_from
                if extent.data is None and is_allocated:
                    sectors = laying.sectors_to_zero(
                        self.base, touched, self.extents, self._sector_bytes
                    )
                for sector in sectors:
                    self._index.setdefault(sector, []).append(extent)
        return self._index

    def reach(self) -> int:
        """Return the largest size that the file has, or has had since it was durable."""
        written = (extent.end for extent in self.extents if extent.end != END_OF_ALL_FILES)
        return max([len(self.base), self.base_size, self.size, *written])

    # Blocks.

    def block_of(self, sector: int) -> int:
        """Return the block in which a sector lies."""
        return sector // self._in_block

    def moments_of(self, sector: int) -> list[Moment]:
        """Return when a sector changed since it became durable, in order."""
        since = self.durable_since.get(sector, STALE)
        moments = [o.moment(sector, self._sector_bytes) for o in self.past_of(sector)]
        return sorted({moment for moment in moments if moment > since})

    def size_moments(self) -> list[Moment]:
        """Return when the size changed, in order."""
        return sorted({m for change in self.sizes for m in change.moments(self._sector_bytes)})
