"""The ledger: where the bytes of each record are, event by event, and which event took them.

It follows names and the bytes of records through the events of a case, as memory has them. After
a power loss a piece is there if the image has its bytes at their place; else the loss took it.

Not here: what is durable (`walcrash.disk`): what a power loss took is told by its losses; which
bytes are a record's (`carriers`), and what follows for the finding (`fate`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from walcrash.oracle import power
from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.carriers import Carrier, Carriers, before, left_of, own_bytes, without
from walcrash.oracle.piece import Exchange, Piece, SyncOfFile
from walcrash.oracle.stored_pages import StoredPages
from walcrash.oracle.torn import FailedSyncs, FailedWrites, Torn
from walcrash.values.content import Content
from walcrash.values.event import READS, SYNCS_OF_A_FILE, Event, EventKind
from walcrash.values.fate import EventRef, event_ref
from walcrash.values.image import Image, LinkEntry
from walcrash.values.story import Aspect

_RENAME_EXCHANGE: Final = 2
_PUNCH_HOLE: Final = 0x02
_ZERO_RANGE: Final = 0x10
_KEPT_BY_ALLOCATION: Final = 0x01


class LostTrack(Exception):
    """An event moved bytes in a way that is not followed; nothing is said then."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The files of a case and the pieces of its records.

    Attributes:
        carriers: what finds records in writes.
        appended: the `ts_ms` of what each call appended, by boot and call.
        is_legible: whether records can be found; else an append's own writes stand for it.
        pieces: every piece of every record, in the order in which they were written.
        torn: torn writes whose bytes are there, and those that were cut short.
        failed: writes that failed, or were cut short.
        failed_syncs: syncs that failed, and of which writes they were.
        unkept: writes to files that are there of which the last power loss took everything.
        lost_names: what the last power loss took of names.
        changes: events that changed which names there are, or cut a file, each with its time.
        clock: how many events there were, and power losses.
        names: each name's file.
        made: for each name what made it.
        ever_made: for each name that there ever was what made it last.
        taken: for each name that is gone what took it.
    """

    carriers: Carriers
    appended: Mapping[tuple[int, int], int]
    is_legible: bool
    pieces: list[Piece] = field(default_factory=list)
    torn: list[Torn] = field(default_factory=list)
    failed: FailedWrites = field(default_factory=FailedWrites)
    failed_syncs: FailedSyncs = field(default_factory=FailedSyncs)
    unkept: list[EventRef] = field(default_factory=list)
    lost_names: list[Loss] = field(default_factory=list)
    changes: list[tuple[int, EventRef]] = field(default_factory=list)
    clock: int = 0
    names: dict[str, int] = field(default_factory=dict)
    ever_made: dict[str, EventRef] = field(default_factory=dict)
    taken: dict[str, EventRef] = field(default_factory=dict)
    _bound: dict[int, int] = field(default_factory=dict)
    _last_names: dict[int, tuple[str, EventRef | None]] = field(default_factory=dict)
    _sizes: dict[int, int] = field(default_factory=dict)
    _reached: dict[int, int] = field(default_factory=dict)
    _asked: dict[tuple[int, int], tuple[int, bool]] = field(default_factory=dict)
    _stored: StoredPages = field(default_factory=StoredPages)
    _exchanges: list[Exchange] = field(default_factory=list)
    _returned: list[tuple[EventRef, Content]] = field(default_factory=list)
    _begun: dict[int, tuple[int, EventRef, int]] = field(default_factory=dict)
    _next: int = 0
    _boot: int = 0
    _unread: EventRef | None = None
    _at: int = 0
    _events: tuple[Event, ...] = ()
    _found: Mapping[int, list[Carrier]] = field(default_factory=dict)

    # A boot.

    def begin(self, boot: BootTrace, *, is_recovery: bool = False) -> None:
        """Begin the next boot, or the recovery that is judged."""
        self._boot = 0 if is_recovery else self._boot + 1
        self._bound, self._at, self._begun, self._unread = {}, 0, {}, None
        self._events, self._found = boot.events, self._carried(boot.events)

    def advance(self, until: int) -> None:
        """Take the boot's events up to this position, not included.

        Raises:
            LostTrack: an event is not followed.
        """
        for at in range(self._at, until):
            event = self._events[at]
            ref = event_ref(self._boot, at, event)
            if event.kind in READS and event.is_injected:
                self._unread = replace(ref, is_short=event.result >= 0)
            elif event.result >= 0:
                self._take(event, ref, self._found.get(at, ()))
            elif event.kind in SYNCS_OF_A_FILE:
                self._sync(event, ref, is_made=False)
            elif event.kind is EventKind.WRITE:
                self._note_failed(event, ref, self._number(event))
            self.clock += 1
        self._at = until

    def end(self, boot: BootTrace) -> None:
        """Take what ended the boot, after all its events."""
        if boot.torn is not None:
            self._note_torn(boot, boot.torn)
        if boot.image is None:
            self._drop_nameless()
        else:
            self._lose_power(boot.image, boot.losses)

    def _carried(self, events: Sequence[Event]) -> dict[int, list[Carrier]]:
        """Return what each write carries, with the headers that appends wrote by themselves."""
        carried: dict[int, list[Carrier]] = {}
        for at, event in enumerate(events):
            found = self.carriers.find(event)
            if found:
                carried[at] = found
        for (boot, call), ts_ms in self.appended.items():
            if boot != self._boot:
                continue
            own = {
                at: found[0]
                for at, found in carried.items()
                if events[at].call == call and len(found) == 1 and found[0].ts_ms == ts_ms
            }
            extra = before(events, call, own)
            if not self.is_legible:
                extra = own_bytes(events, call, ts_ms)
            for at, carrier in extra.items():
                carried.setdefault(at, []).append(carrier)
        return carried

    # One event.

    def _take(self, event: Event, ref: EventRef, carried: Iterable[Carrier]) -> None:
        kind = event.kind
        if kind is EventKind.WRITE:
            self._write(event, ref, carried)
        elif kind is EventKind.TRUNCATE:
            self._cut(event, ref)
        elif kind is EventKind.ALLOCATE:
            self._allocate(event, ref)
        elif kind is EventKind.CREATE:
            self._create(event, ref)
        elif kind is EventKind.RENAME:
            self._rename(event, ref)
        elif kind is EventKind.LINK:
            self._name(event.path_to, self._number(event), ref)
        elif kind is EventKind.UNLINK:
            self._forget_name(event.path, ref)
        elif kind in SYNCS_OF_A_FILE:
            self._sync(event, ref, is_made=not event.fails_late)
        elif kind is EventKind.SLOW and event.begins in SYNCS_OF_A_FILE:
            self._begun[event.thread] = self.clock, ref, self._known(event)

    def _number(self, event: Event) -> int:
        """Return the file that an event is about; one that was there before is numbered here."""
        if event.file in self._bound:
            return self._bound[event.file]
        known = self.names.get(event.path)
        number = self._new() if known is None else known
        if known is None and event.path and event.kind is not EventKind.WRITE:
            self.names[event.path] = number
        if event.file >= 0:
            self._bound[event.file] = number
        return number

    def _new(self) -> int:
        self._next += 1
        return self._next

    def _create(self, event: Event, ref: EventRef) -> None:
        number = self._new()
        self._bound[event.file] = number
        self._sizes[number] = 0
        if event.path:
            self._name(event.path, number, ref)

    def _name(self, path: str, number: int, ref: EventRef) -> None:
        if path in self.names and self.names[path] != number:
            self._forget_name(path, ref, is_counted=False)
            for piece in self.pieces:
                piece.heir = number if piece.by is ref else piece.heir
        self.names[path] = number
        self.ever_made[path] = ref
        self.taken.pop(path, None)
        self._last_names.pop(number, None)
        if ref.kind is not EventKind.CREATE:
            self.changes.append((self.clock, ref))
        for piece in self.pieces:
            if piece.file == number and piece.is_there:
                piece.former.append(piece.path)
                piece.path = path

    def _forget_name(self, path: str, ref: EventRef, *, is_counted: bool = True) -> None:
        number = self.names.pop(path, None)
        if is_counted:
            self.taken[path] = ref
            self.changes.append((self.clock, ref))
        if number is None or number in self.names.values():
            return
        self._last_names[number] = path, ref
        for piece in self.pieces:
            if piece.file == number and piece.is_there:
                self._end(piece, ref)
                # A recovery that writes the log anew leaves off at a torn write.
                piece.behind = self._torn_before(piece) if ref.is_recovery else None
                is_anew = ref.is_recovery and ref.kind is EventKind.RENAME
                piece.is_cut_whole = is_anew and self._is_whole_before(piece)

    def _torn_before(self, piece: Piece) -> Torn | None:
        """Return the last torn write in front of a piece."""
        place = piece.file, piece.carrier.start, piece.written
        found = [each for each in self.torn if each.may_hide(*place)]
        return max(found, key=lambda each: each.start, default=None)

    def _rename(self, event: Event, ref: EventRef) -> None:
        source, target = event.path, event.path_to
        if event.flags == _RENAME_EXCHANGE:
            self._exchange(source, target, ref)
            return
        moved: int | None = self.names.get(source)
        inside = [path for path in self.names if path.startswith(source + "/")]
        for path in inside:
            self._name(target + path.removeprefix(source), self.names.pop(path), ref)
        number = self._bound.get(event.file) if moved is None else moved
        if inside or number is None:
            # A directory, or a file that no record is in.
            self.changes.append((self.clock, ref))
            return
        if self.names.get(target) == number:
            return
        self.names.pop(source, None)
        self.taken[source] = ref
        self._name(target, number, ref)

    def _exchange(self, source: str, target: str, ref: EventRef) -> None:
        if source not in self.names or target not in self.names:
            # A directory, or a file that no event has shown.
            raise LostTrack
        moved, spare = self.names[source], self.names[target]
        self._exchanges.append(Exchange(ref=ref, moved=moved, spare=spare))
        self._swap(source, target)
        self.changes.append((self.clock, ref))

    def _swap(self, source: str, target: str) -> None:
        moved, spare = self.names[source], self.names[target]
        self.names[source], self.names[target] = spare, moved
        for piece in self.pieces:
            if piece.is_there and piece.file in (moved, spare):
                piece.former.append(piece.path)
                piece.path = target if piece.file == moved else source

    def _undo_exchanges(self, losses: Sequence[Loss]) -> dict[int, tuple[Exchange, Loss]]:
        """Take back the exchanges of names that a power loss took; return the files' lost names."""
        undone: dict[int, tuple[Exchange, Loss]] = {}
        for each in reversed(self._exchanges):
            own = {
                loss.path: loss
                for loss in losses
                if loss.aspect is Aspect.NAME and power.is_same(loss.ref, each.ref)
            }
            if own and not {each.ref.path, each.ref.path_to} <= own.keys():
                raise LostTrack
            if own:
                self._swap(each.ref.path, each.ref.path_to)
                undone[each.moved] = each, own[each.ref.path_to]
        self._exchanges = []
        return undone

    def _note_reach(self, number: int, start: int, data: bytes) -> None:
        """Note how far a file has other bytes than zeros, which a file made in advance has."""
        reached = self._reached.get(number, 0)
        if start + len(data) >= reached:
            held = len(data.rstrip(b"\0"))
            self._reached[number] = start + held if held else min(reached, start)

    def _write(self, event: Event, ref: EventRef, carried: Iterable[Carrier]) -> None:
        number = self._number(event)
        start, data = event.offset, event.data[: event.result]
        changed = self._stored.first_change(event, number)
        self._asked[ref.place] = event.length, changed < self._reached.get(number, 0)
        self._note_reach(number, start, data)
        self._sizes[number] = max(self._sizes.get(number, 0), start + len(data))
        self._overwrite(number, start, data, ref)
        self.failed_syncs.note_write(ref, number, self.clock)
        for exchange in self._exchanges:
            if exchange.spare == number and exchange.over is None:
                exchange.over = ref
        for failed in self.failed.gone_on_with(number, start, data):
            self.torn = [item for item in self.torn if item.ref != failed.ref]
            self.torn += [] if failed.part is None else [failed.part]
        if event.is_injected and event.result < len(event.data):
            self._note_failed(event, ref, number)
        last, taker = self._last_names.get(number, (event.path, None))
        for carrier in carried:
            piece = Piece(
                carrier=carrier,
                call=(self._boot, event.call),
                written=ref,
                written_at=self.clock,
                file=number,
                path=last,
            )
            self.pieces.append(piece)
            if taker is not None:
                piece.is_nameless = True
                self._end(piece, taker)

    def _note_failed(self, event: Event, ref: EventRef, number: int) -> None:
        told = replace(ref, is_short=event.result >= 0)
        made = self.failed.add(event, told, number, self.carriers.sought(event))
        self.torn += [] if made.part is None else [made.part]

    def empty_names(self) -> frozenset[str]:
        """Return the names of files that are empty."""
        return frozenset(name for name, n in self.names.items() if self._sizes.get(n) == 0)

    def _overwrite(self, number: int, start: int, data: bytes, ref: EventRef) -> None:
        end = start + len(data)
        self.torn = [item for item in self.torn if not item.is_within(number, start, end)]
        for piece in self.pieces:
            carrier = piece.carrier
            low, high = max(start, carrier.start), min(end, carrier.end)
            if piece.file != number or not piece.is_there or low >= high:
                continue
            left = left_of(carrier, low, data[low - start : high - start])
            if left is None:
                self._end(piece, ref)
                piece.source = power.source_of(data, self._returned) if ref.is_recovery else None
            else:
                piece.carrier = left

    def _cut(self, event: Event, ref: EventRef) -> None:
        number = self._number(event)
        own = [item for item in self.torn if item.file == number]
        is_cut = {item for item in own if item.start >= event.offset}
        # What is left of a write up to where it is cut is why it is cut there.
        ends_there = {item for item in own if item.start + item.length == event.offset}
        source = power.rolled_back(self._events, self._returned) if ref.is_recovery else None
        for piece in self.pieces:
            if piece.file != number or not piece.is_there:
                continue
            carrier = piece.carrier
            if carrier.start + carrier.core[1] > event.offset:
                self._end(piece, ref)
                piece.is_cut_whole = ref.is_recovery and self._is_whole_before(piece)
                piece.source = source
                place = number, carrier.start, piece.written
                before_it = [item for item in is_cut | ends_there if item.may_hide(*place)]
                piece.behind = max(before_it, key=lambda item: item.start, default=None)
            elif carrier.end > event.offset:
                piece.carrier = without(carrier, event.offset, carrier.end)
        self.torn = [item for item in self.torn if item not in is_cut]
        was_longer = self._sizes.get(number, event.offset + 1) > event.offset
        self._sizes[number] = event.offset
        self._reached[number] = min(self._reached.get(number, 0), event.offset)
        if event.path and was_longer:
            self.changes.append((self.clock, ref))

    def _allocate(self, event: Event, ref: EventRef) -> None:
        number = self._number(event)
        mode = event.flags & ~_KEPT_BY_ALLOCATION
        if mode & ~(_PUNCH_HOLE | _ZERO_RANGE):
            raise LostTrack
        end = event.offset + event.length
        if not event.flags & _KEPT_BY_ALLOCATION:
            self._sizes[number] = max(self._sizes.get(number, 0), end)
        if mode:
            for piece in self.pieces:
                carrier = piece.carrier
                is_hit = carrier.start < end and event.offset < carrier.end
                if piece.file == number and piece.is_there and is_hit:
                    self._end(piece, ref)

    def _sync(self, event: Event, ref: EventRef, *, is_made: bool) -> None:
        number = self._known(event)
        began, _, _ = self._begun.pop(event.thread, (self.clock, ref, number))
        is_ranged = event.kind is EventKind.MSYNC and event.length > 0
        span = (event.offset, event.offset + event.length) if is_ranged else None
        if not is_made:
            self.failed_syncs.note(ref, number, self.clock, error=max(0, -event.result))
        for piece in self.pieces:
            if piece.file != number or not piece.is_there:
                continue
            if piece.written_at > began:
                piece.early = ref
            else:
                piece.syncs.append(SyncOfFile(ref=ref, is_made=is_made, span=span))

    def _known(self, event: Event) -> int:
        """Return the file that an event is about; -1 for one that no event has shown."""
        return self._bound.get(event.file, self.names.get(event.path, -1))

    def _end(self, piece: Piece, by: EventRef | None) -> None:
        piece.by = by
        piece.gone_at = self.clock
        piece.unread = self._unread if by is not None and by.is_recovery else None

    def _end_by_power(self, piece: Piece, loss: Loss | None) -> None:
        self._end(piece, None)
        piece.is_lost_by_power, piece.loss = True, loss
        open_syncs = (
            ref
            for began, ref, number in self._begun.values()
            if number == piece.file and began > piece.written_at
        )
        piece.open_sync = next(open_syncs, None)

    def _is_whole_before(self, piece: Piece) -> bool:
        """Whether all that lies before a piece is there, and nothing else was lost or torn."""
        start, end = piece.carrier.start, piece.carrier.end
        if self.unkept or self.lost_names:
            return False
        return all(item.file == piece.file and item.start >= end for item in self.torn) and all(
            each.is_there or each.gone_at == self.clock
            for each in self.pieces
            if each.file == piece.file and each.carrier.start < start
        )

    # The end of a boot.

    def _note_torn(self, boot: BootTrace, at: int) -> None:
        event = boot.events[at]
        if event.kind is EventKind.WRITE and event.result > 0:
            ref = event_ref(self._boot, at, event)
            asked, is_over = self._asked[ref.place]
            torn = Torn(
                file=self._known(event), start=event.offset, length=event.result, ref=ref,
                asked=asked, is_over=is_over,
            )  # fmt: skip
            self.torn.append(torn)

    def _drop_nameless(self) -> None:
        named = set(self.names.values())
        for piece in self.pieces:
            if piece.is_there and piece.file not in named:
                self._end(piece, None)

    def _lose_power(self, image: Image, losses: Sequence[Loss]) -> None:
        """Go on with an image: a piece is there if its bytes are at their place in a file."""
        self.clock += 1
        self._stored.forget_all()
        files = {path: image.content(path) for path in image.entries}
        contents = {path: content for path, content in files.items() if content is not None}
        undone = self._undo_exchanges(losses)
        self._returned = list(power.removals_undone(losses, contents))
        paths_of: dict[int, list[str]] = {}
        for path, number in self.names.items():
            paths_of.setdefault(number, []).append(path)
        before, self.names = self.names, {}
        for path, content in contents.items():
            entry = image.entries[path]
            first = entry.first_name if isinstance(entry, LinkEntry) else path
            number = self.names[first] if first in self.names else self._new()
            reached = self._reached.get(before.get(path, -1), len(content))
            self._sizes[number], self._reached[number] = len(content), min(reached, len(content))
            self.names[path] = number
        self.torn = list(power.torn_kept(self.torn, before, self.names, self._sizes, losses))
        for piece in self.pieces:
            place = power.place_of(piece, contents, paths_of.get(piece.file, []))
            if place is not None:
                is_moved = place not in paths_of.get(piece.file, [place])
                piece.exchange, lost = undone.get(piece.file, (None, None))
                piece.lost_name = power.name_loss(piece.path, losses) if is_moved else lost
                piece.file, piece.path = self.names[place], place
                piece.by, piece.gone_at, piece.is_nameless = None, -1, False
            elif piece.is_there:
                self._end_by_power(piece, power.loss_of(piece, losses))
            elif (lost := power.loss_with_its_name_back(piece, losses, contents)) is not None:
                self._end_by_power(piece, lost)
                piece.is_back = True
        self._note_partly_kept(losses)

    def _note_partly_kept(self, losses: Sequence[Loss]) -> None:
        self.unkept = []
        self.lost_names = [loss for loss in losses if loss.aspect is Aspect.NAME]
        for loss in losses:
            if loss.aspect is Aspect.DATA and not loss.kept and loss.path in self.names:
                self.unkept.append(replace(loss.ref, path=loss.path))
        self.torn += power.torn_by_power(
            losses, self.names, self._asked, self.failed_syncs,
            [ref for _, ref in self.changes], self._sizes,
        )  # fmt: skip
