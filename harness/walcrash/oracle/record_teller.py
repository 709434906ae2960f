"""The fate of one record of one recovery, as the ledger of its case has it.

Not here: which record a violation is about, and what is told beside it (`fate`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from walcrash.oracle.beside import lost_beside, taken_ahead
from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.copies import Copy, copies_of, deciding_first
from walcrash.oracle.followed import opened_at
from walcrash.oracle.ledger import Ledger
from walcrash.oracle.piece import Piece
from walcrash.oracle.torn import FailedWrite, Torn
from walcrash.values.cause import directory_of
from walcrash.values.event import EventKind
from walcrash.values.fate import (
    COPIES_SHOWN,
    SINCE_SHOWN,
    CopyFate,
    EventRef,
    FailedWriteFate,
    FateKind,
    PartSync,
    Reading,
    RecordFate,
    Taken,
    event_ref,
)
from walcrash.values.history import History, Outcome
from walcrash.values.record import Record
from walcrash.values.recovery import Recovery
from walcrash.values.story import Aspect


@dataclass(slots=True)
class RecordTeller:
    """Tells the fate of records of one recovery."""

    history: History
    boots: Sequence[BootTrace]
    ledger: Ledger
    recovery: Recovery
    number: int
    denied: frozenset[int]

    def tell(self, ts_ms: int) -> RecordFate | None:
        """Return a record's fate; None where the events do not decide it."""
        record = self.ledger.carriers.records.get(ts_ms)
        if record is None or ts_ms in self.denied:
            return None
        is_missing = all(item.record.ts_ms != ts_ms for item in self.recovery.records)
        pieces = [piece for piece in self.ledger.pieces if piece.carrier.ts_ms == ts_ms]
        failed = self.ledger.failed.of(ts_ms)
        full = [each for each in pieces if not self.ledger.failed.is_cut_short(ts_ms, each.written)]
        copies = [copy for copy in copies_of(full) if self._is_whole(ts_ms, copy)]
        if not copies and failed:
            return self._not_written(record, failed) if is_missing else None
        if not pieces:
            return self._never_written(record, is_missing=is_missing)
        copies = deciding_first(copies)
        shown = [self._copy_fate(copy) for copy in copies]
        if not shown or None in shown:
            return None
        fates = tuple(fate for fate in shown if fate is not None)[:COPIES_SHOWN]
        decisive = copies[0]
        is_unread = is_missing and decisive.is_there
        replied = self._replied(ts_ms)
        torn = self._torn_before(decisive) if is_unread else decisive.decisive.behind
        # A recovery cuts off what a write left that went over the record, and was torn.
        written_over = self.ledger.torn if is_unread else [torn] if torn is not None else []
        over = self._over(decisive, replied, written_over) if is_missing else None
        if over is not None and torn is not None and torn.ref == over:
            torn = None
        taken = self._taken(decisive.decisive) if is_missing else None
        beside = None
        if is_missing and torn is None and over is None and taken is None and not failed:
            before = self.boots[: self.number - 1]
            beside = lost_beside(copies, before, replied, self.ledger.failed_syncs)
        is_of_call = beside is not None and beside.removal is None
        is_unkept = is_missing and (is_of_call or fates[0].kind is FateKind.NOT_DURABLE)
        ahead = taken_ahead(decisive, replied, self.boots, beside) if is_unkept else None
        since = self._since(decisive) if decisive.is_there else ()
        return RecordFate(
            record=str(record),
            is_missing=is_missing,
            kind=fates[0].kind,
            copies=fates,
            replied=replied,
            reading=self._reading(decisive, torn) if is_unread else Reading.UNKNOWN,
            torn=None if torn is None or not is_missing else torn.ref,
            torn_sync=None if torn is None or not is_missing else torn.failed_sync,
            over=over,
            failed=self._not_in_heir(decisive.decisive, failed) if is_missing else None,
            unread=decisive.decisive.unread if is_missing else None,
            taken=taken,
            ahead=ahead,
            beside=beside,
            since=tuple(ref for ref in since if ref != ahead),
        )

    def _not_written(self, record: Record, failed: Sequence[FailedWrite]) -> RecordFate | None:
        """Return the fate of a record whose writes failed; None where one was made good."""
        if any(each.is_whole for each in failed):
            return None
        last = failed[-1]
        return RecordFate(
            record=str(record),
            is_missing=True,
            kind=FateKind.NEVER_WRITTEN,
            replied=self._replied(record.ts_ms),
            failed=_failed_fate(last),
        )

    def _not_in_heir(
        self, decisive: Piece, failed: Sequence[FailedWrite]
    ) -> FailedWriteFate | None:
        """Return the write that failed to carry a record into the file that took its own's name."""
        into = [each for each in failed if each.file == decisive.heir and not each.is_whole]
        return _failed_fate(into[-1]) if into else None

    def _never_written(self, record: Record, *, is_missing: bool) -> RecordFate | None:
        replied = self._replied(record.ts_ms)
        if not is_missing or replied is None:
            return None
        if not self.ledger.is_legible and self._has_written(record.ts_ms):
            return None
        if self.ledger.is_legible and not self._is_searchable(record):
            return None
        return RecordFate(
            record=str(record), is_missing=True, kind=FateKind.NEVER_WRITTEN, replied=replied
        )

    def _is_searchable(self, record: Record) -> bool:
        """Whether the record would be found: it is sought by its time, and others of its type are.

        A time that is also when another is tried again is no record's own.
        """
        if not self.ledger.carriers.is_timed(record.ts_ms):
            return False
        found = {piece.carrier.ts_ms for piece in self.ledger.pieces}
        known = self.ledger.carriers.records
        return any(known[ts].type is record.type for ts in found)

    def _has_written(self, ts_ms: int) -> bool:
        """Whether anything at all was written since a record was appended."""
        boot, index = next(key for key, ts in self.ledger.appended.items() if ts == ts_ms)
        later = [event for one in self.boots[boot:] for event in one.events]
        own = [event for event in self.boots[boot - 1].events if event.call >= index]
        return any(event.kind is EventKind.WRITE for event in (*own, *later))

    def _is_whole(self, ts_ms: int, copy: Copy) -> bool:
        return not self.ledger.is_legible or self.ledger.carriers.is_whole(ts_ms, copy.data)

    def _copy_fate(self, copy: Copy) -> CopyFate | None:
        piece = copy.decisive
        kind = _kind(piece)
        if kind is None:
            return None
        in_file = [each for each in copy.pieces if each.file == piece.file]
        aspect = None if piece.loss is None else piece.loss.aspect
        failed = [sync.ref for sync in piece.syncs if not sync.is_made and sync.hits(piece.carrier)]
        has_sync = any(sync.is_made for sync in piece.syncs) and not piece.unsynced
        is_unsynced = piece.is_lost_by_power and not has_sync
        failed_sync = self.ledger.failed_syncs.decisive(failed) if piece.is_lost_by_power else None
        lost_name = piece.lost_name if _has_lost_name(piece) else None
        not_synced = _not_synced(piece, has_sync=has_sync)
        return CopyFate(
            kind=kind,
            path=piece.path,
            start=min(each.carrier.start for each in in_file),
            end=max(each.carrier.end for each in in_file),
            written=max(in_file, key=lambda each: each.written_at).written,
            by=piece.by,
            is_nameless=piece.is_nameless,
            aspect=aspect,
            not_synced=not_synced,
            early_sync=piece.early if is_unsynced else None,
            open_sync=piece.open_sync if is_unsynced else None,
            failed_sync=failed_sync,
            sync_errno=0 if not failed_sync else self.ledger.failed_syncs.errno_of(failed_sync),
            lost_name=lost_name.path if lost_name else "",
            renamed=_rename_of(lost_name),
            written_over=None if piece.exchange is None else piece.exchange.over,
            came_back=piece.source,
            part_sync=_part_sync(piece) if not_synced and aspect is not Aspect.NAME else None,
        )

    def _replied(self, ts_ms: int) -> EventRef | None:
        for (number, index), ts in self.ledger.appended.items():
            call = self.history.boots[number - 1].calls[index]
            if ts != ts_ms or call.outcome is not Outcome.ACKNOWLEDGED:
                continue
            for at, event in enumerate(self.boots[number - 1].events):
                if event.kind is EventKind.REPLY and event.call == index:
                    return event_ref(number, at, event)
        return None

    def _taken(self, piece: Piece) -> Taken | None:
        """Return what is known of the recovery that took a record."""
        if piece.by is None or not piece.by.is_recovery:
            return None
        if piece.by.boot and piece.by.kind is EventKind.TRUNCATE:
            boot = self.boots[piece.by.boot - 1]
            is_anew = any(
                event.kind is EventKind.WRITE and event.path == piece.by.path
                for event in boot.events[piece.by.event + 1 :]
            )
            if is_anew and opened_at(boot) is None:
                return Taken.HALF_WAY
        return Taken.WHOLE if piece.is_cut_whole else None

    # A record that is there and was not shown.

    def _reading(self, copy: Copy, torn: Torn | None) -> Reading:
        """Return what was shown of the file that holds a record."""
        piece = copy.pieces[0]
        if torn is not None and self._ends_at(torn):
            return Reading.TORN
        places: dict[int, list[Piece]] = {}
        for each in self.ledger.pieces:
            if each.is_there:
                places.setdefault(each.carrier.ts_ms, []).append(each)
        is_before = is_behind = False
        for item in self.recovery.records:
            own = places.get(item.record.ts_ms, [])
            # What is in another file as well may have been read there.
            if not own or any(each.file != piece.file for each in own):
                continue
            is_before |= any(each.carrier.start < piece.carrier.start for each in own)
            is_behind |= any(each.carrier.start > piece.carrier.start for each in own)
        if is_before:
            return Reading.AROUND if is_behind else Reading.UNTIL
        return Reading.BEHIND if is_behind else Reading.NOTHING

    def _torn_before(self, copy: Copy) -> Torn | None:
        piece = copy.pieces[0]
        found = [
            item
            for item in self.ledger.torn
            if item.may_hide(piece.file, piece.carrier.start, piece.written)
            if not item.is_hole or self._ends_at(item)
        ]
        return found[-1] if found else None

    def _over(self, copy: Copy, replied: EventRef | None, torn: Sequence[Torn]) -> EventRef | None:
        """Return which of some torn writes went over a record, after it had been acknowledged."""
        if replied is None:
            return None
        carrier = copy.pieces[0].carrier
        over = [
            item.ref
            for item in torn
            if item.is_over and item.file == copy.pieces[0].file
            if item.start <= carrier.start and carrier.end <= item.end
            if item.ref.place > replied.place
        ]
        return over[-1] if over else None

    def _ends_at(self, torn: Torn) -> bool:
        """Whether of its file all was shown that lies before a torn write, and nothing else."""
        shown = {item.record.ts_ms for item in self.recovery.records}
        return all(
            (piece.carrier.ts_ms in shown) is (piece.carrier.end <= torn.start)
            for piece in self.ledger.pieces
            if piece.is_there and piece.file == torn.file
        )

    def _since(self, copy: Copy) -> Iterator[EventRef]:
        piece = max(copy.pieces, key=lambda each: each.written_at)
        last: dict[tuple[EventKind, str, str], EventRef] = {}
        for at, ref in self.ledger.changes:
            is_own = piece.path in (ref.path, ref.path_to)
            if at > piece.written_at and not is_own:
                key = ref.kind, ref.path, ref.path_to
                last.pop(key, None)
                last[key] = ref
        yield from list(last.values())[-SINCE_SHOWN:]


def _has_lost_name(piece: Piece) -> bool:
    """Whether its bytes lie under an earlier name, or were taken there by a recovery."""
    is_taken = piece.by is not None and piece.by.is_recovery
    return piece.lost_name is not None and (piece.is_there or is_taken)


def _rename_of(lost_name: Loss | None) -> EventRef | None:
    is_rename = lost_name is not None and lost_name.ref.kind is EventKind.RENAME
    return lost_name.ref if lost_name is not None and is_rename else None


def _failed_fate(failed: FailedWrite) -> FailedWriteFate:
    return FailedWriteFate(
        event=failed.ref,
        start=failed.start,
        length=len(failed.data),
        done_bytes=failed.done,
        errno=failed.errno,
    )


def _kind(piece: Piece) -> FateKind | None:
    if piece.is_there:
        return FateKind.THERE
    if piece.is_lost_by_power:
        return FateKind.NOT_DURABLE
    if piece.by is None:
        return None
    is_overwritten = piece.by.kind is EventKind.WRITE
    return FateKind.OVERWRITTEN if is_overwritten else FateKind.REMOVED


def _part_sync(piece: Piece) -> PartSync | None:
    """Return the last sync of a range that left out bytes which a power loss took."""
    made = [sync for sync in piece.syncs if sync.is_made and sync.span is not None]
    own = [sync for sync in made if sync.hits(piece.carrier)] or made
    if not own or not piece.is_lost_by_power:
        return None
    last = own[-1]
    assert last.span is not None, "only those of a range are here"
    (start, end), (left_start, left_end) = last.span, piece.unsynced[0]
    return PartSync(event=last.ref, start=start, end=end, left_start=left_start, left_end=left_end)


def _not_synced(piece: Piece, *, has_sync: bool) -> str:
    """Return the name whose sync is missing; empty where that is not certain."""
    has_lost_name = _has_lost_name(piece)
    loss = piece.lost_name if has_lost_name else piece.loss
    if loss is None or not (has_lost_name or piece.is_lost_by_power):
        return ""
    if loss.aspect is Aspect.NAME:
        return directory_of(loss.path)
    return "" if has_sync else piece.path
