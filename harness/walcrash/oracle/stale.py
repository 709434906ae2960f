"""Stale bytes: a record that is shown from what was to be left behind.

A record that an earlier recovery had shown to be gone is shown again, or one that lies where a
compaction has begun to write its file anew, or in a file that one has put aside and that was used
again. Where another record is missing for that, though its bytes are there, the one that is shown
decides.

Not here: what became of a record's bytes (`fate`), which record is not to be there (`records`,
`order`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from walcrash.oracle.boot_trace import BootTrace
from walcrash.values.event import CHANGES_NO_FILE, MESSAGES, EventKind
from walcrash.values.fate import (
    COPIES_SHOWN,
    CopyFate,
    EventRef,
    FateKind,
    Reading,
    RecordFate,
    event_ref,
)
from walcrash.values.history import History
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.verdict import Invariant, Violation


@dataclass(frozen=True, slots=True)
class Stale:
    """What tells a record that is shown from a stale place.

    Attributes:
        history: all boots of the case.
        boots: the events of each.
        tell: the fate of a record by its `ts_ms`; None where the events do not decide it.
    """

    history: History
    boots: Sequence[BootTrace]
    tell: Callable[[int], RecordFate | None]

    def with_compaction(self, told: RecordFate) -> RecordFate:
        """Return a record's fate with the compaction since, if it is shown and there was one."""
        if not _is_shown(told):
            return told
        return replace(told, outlasted=self._compacted(told.copies[0]))

    def come_back(self, violation: Violation) -> RecordFate | None:
        """Return the fate of a record that only the recovery behind new records shows again."""
        told = None if violation.record_ts_ms is None else self.tell(violation.record_ts_ms)
        if told is None or told.kind is not FateKind.THERE or told.copies[0].lost_name:
            return None
        is_back = told.is_missing and violation.breaks_as is Invariant.PHANTOM_RECORD
        shown = RecordFate(
            record=told.record, is_missing=False, kind=told.kind, copies=told.copies,
            replied=told.replied, since=told.since,
        )  # fmt: skip
        shown = self.with_compaction(shown)
        is_stale = violation.breaks_as is Invariant.ORDER and shown.outlasted is not None
        return shown if is_back or is_stale else None

    def instead(
        self, told: RecordFate, missing: Record, beside: Iterable[Violation]
    ) -> RecordFate | None:
        """Return the fate of a record that is shown and not to be, where another is not shown.

        Args:
            told: what became of the one that is not shown.
            missing: that one.
            beside: what else the same recovery breaks.
        """
        if told.kind is FateKind.REMOVED and missing.type is not RecordType.PUT:
            return self._put_of_used_again(told, missing)
        if not _is_passed_over(told):
            return None
        for each in beside:
            shown = None if each.record_ts_ms is None else self.tell(each.record_ts_ms)
            if not _is_shown(shown):
                continue
            shown = self.with_compaction(shown)
            is_stale = each.invariant is Invariant.ORDER and shown.outlasted is not None
            if is_stale or each.invariant is Invariant.PHANTOM_RECORD:
                return shown
        return None if missing.type is RecordType.PUT else self._put_of(told, missing)

    def _put_of(self, told: RecordFate, mark: Record) -> RecordFate | None:
        """Return the fate of the PutOperation of a mark, where it is shown from a stale place.

        A compaction may drop both. It has begun to write a file anew that has the PutOperation from
        before, and nothing is shown that is in the mark's file only.
        """
        if told.reading is not Reading.NOTHING:
            return None
        shown = self._shown_put(mark)
        if shown is None:
            return None
        if len(shown.copies) == COPIES_SHOWN:
            # There may be a newer one.
            return None
        there = [copy for copy in shown.copies if copy.kind is FateKind.THERE]
        for copy in there:
            since = self._compacted(copy)
            if since is None or copy.path == told.copies[0].path:
                continue
            if all(each.written.place < since.place for each in there):
                return _shown_from(copy, shown, since)
        return None

    def _put_of_used_again(self, told: RecordFate, mark: Record) -> RecordFate | None:
        """Return the fate of the PutOperation of a mark that a compaction has removed.

        It is shown from a file that a compaction has put aside, and that was used again.
        """
        by, shown = told.copies[0].by, self._shown_put(mark)
        if by is None or not self._is_compaction(by) or shown is None:
            return None
        for copy in shown.copies:
            since = self._put_aside(copy) if copy.kind is FateKind.THERE else None
            if since is not None:
                return _shown_from(copy, shown, since)
        return None

    def _shown_put(self, mark: Record) -> RecordFate | None:
        """Return the fate of the PutOperation of a mark, if it is shown and there is one only."""
        appended = (call.operation.record for boot in self.history.boots for call in boot.calls)
        puts = {
            record.ts_ms
            for record in appended
            if record is not None and record.type is RecordType.PUT and record.id == mark.id
        }
        shown = self.tell(puts.pop()) if len(puts) == 1 else None
        return shown if _is_shown(shown) else None

    def _put_aside(self, copy: CopyFate) -> EventRef | None:
        """Return the rename by which a compaction put the file of a copy aside.

        None where none did, or where the file has got no other name since.
        """
        name, aside = copy.written.path, None
        for number, boot in enumerate(self.boots, start=1):
            for index, event in enumerate(boot.events):
                if event.kind is not EventKind.RENAME or event.path != name or event.result < 0:
                    continue
                ref = event_ref(number, index, event)
                if copy.written.boot and ref.place > copy.written.place:
                    name = event.path_to
                    aside = ref if self._is_compaction(ref) else aside
        is_used_again = aside is not None and name == copy.path != aside.path_to
        return aside if is_used_again else None

    def _is_compaction(self, ref: EventRef) -> bool:
        """Whether an event was made in a compaction."""
        if not 0 < ref.boot <= len(self.boots):
            return False
        call = self.boots[ref.boot - 1].events[ref.event].call
        calls = self.history.boots[ref.boot - 1].calls
        return 0 <= call < len(calls) and calls[call].operation.kind is OperationKind.COMPACT

    def _compacted(self, copy: CopyFate) -> EventRef | None:
        """Return the event by which the last compaction began to change the file of a copy."""
        first: EventRef | None = None
        if not copy.written.boot:
            return None
        for number, boot in enumerate(self.boots, start=1):
            last_call = -1
            for index, event in enumerate(boot.events):
                is_change = event.kind not in CHANGES_NO_FILE | MESSAGES and event.result >= 0
                if not is_change or copy.path not in (event.path, event.path_to):
                    continue
                ref = event_ref(number, index, event)
                is_since = ref.place > copy.written.place and event.call != last_call
                if is_since and self._is_compaction(ref):
                    first, last_call = ref, event.call
        return first or self._put_aside(copy)


def _shown_from(copy: CopyFate, shown: RecordFate, since: EventRef) -> RecordFate:
    """Return the fate of a record that is shown from this copy, with the compaction since."""
    others = tuple(each for each in shown.copies if each is not copy)
    return replace(shown, copies=(copy, *others), outlasted=since)


def _is_shown(told: RecordFate | None) -> TypeGuard[RecordFate]:
    """Whether a record is shown, and the bytes that are are known."""
    return told is not None and not told.is_missing and told.kind is FateKind.THERE


def _is_passed_over(told: RecordFate) -> bool:
    """Whether a record is there whole, under its last name, and nothing but recovery hides it."""
    return (
        told.is_missing
        and told.kind is FateKind.THERE
        and told.reading is not Reading.TORN
        and not told.copies[0].lost_name
        and not told.copies[0].not_synced
        and (told.over, told.failed, told.unread) == (None, None, None)
    )
