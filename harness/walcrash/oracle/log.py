"""The expected log: what may and what must be there, across calls, crashes and boots.

A log is the list of all records that may be in it, in append order. Each append adds one
entry. When a boot has ended, the contract says for each entry how certain it is:

- `PROMISED`: it must be there.
- `KEPT`: its append has replied, but the contract does not promise it yet. It may be missing
  together with everything behind it, but it is no hole.
- `MAYBE`: its append was not answered or was refused. It may be there or not.

What a recovery shows becomes the whole log of the next boot. A boot that ends before its
recovery is shown changes nothing but the certainty: each entry is as certain as under the
weakest of all ends since the last recovery that was shown.

A record that a recovery has shown survives a later kill, since it was in the file. After a
power loss it is promised only if it had been promised before or was synced since: the page
cache that it was read from is gone.

`compact` may leave out records of operations that were done when it was called. The protocol
sets no time for that, so they stay optional from then on. Nor does it say that a compaction is
durable: where the power goes after it, a later recovery may show again what an earlier one had
not, each record in its old place.

Source: `harness/walcrash/docs/reference/driver-protocol.md`, `[contract]` and `compact`;
`harness/walcrash/docs/reference/invariants.md`, `lost-put`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import BootEnd, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import Recovery

Position = tuple[int, int]
"""A call: its boot, from 1, and its position among the boot's calls, `open` being 0."""

NOWHERE: Position = (0, 0)
"""The position of a record that nobody appended."""


class Certainty(IntEnum):
    """How surely a record is there after the boots so far; a larger one is surer."""

    MAYBE = 0
    KEPT = 1
    PROMISED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record that may be in the log.

    Attributes:
        record: as it was appended.
        position: the call that appended it.
        is_replied: its append was acknowledged.
        is_promised: the contract's promise is due, whatever comes later.
        is_shown: a recovery has shown it.
        offset: where the subject said it is; None if it did not say.
        is_moved: compaction may have changed the offset since.
    """

    record: Record
    position: Position
    is_replied: bool = False
    is_promised: bool = False
    is_shown: bool = False
    offset: int | None = None
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """One entry, with how certain it is at the moment of a recovery or of a live replay."""

    entry: Entry
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a replay may show.

    Attributes:
        items: the records in append order.
        before: records that lie before the place from which the replay started, by `ts_ms`.
        refused: records whose append failed for certain, by `ts_ms`.
        gone: records that an earlier recovery showed to be gone, by `ts_ms`.
        compactable: operations whose records may be left out.
        boundaries: every record boundary that the subject ever named.
    """

    items: tuple[Expected, ...]
    before: Mapping[int, Record]
    refused: Mapping[int, Record]
    gone: Mapping[int, Record]
    compactable: frozenset[str]
    boundaries: frozenset[int]

    def promised_types(self) -> set[RecordType]:
        """Return the types of the records that have to be shown."""
        return {
            item.entry.record.type
            for item in self.items
            if item.certainty is Certainty.PROMISED and item.entry.record.id not in self.compactable
        }


class Log:
    """The log of one case, brought forward call by call and boot by boot."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.entries: list[Entry] = []
        self.compactable: set[str] = set()
        self._synced_count = 0
        self._ends: list[BootEnd] = []
        self._refused: dict[int, Record] = {}
        self._gone: dict[int, Record] = {}
        self._boundaries: set[int] = {0}
        self._is_compaction_open = False
        # What a whole replay may show, as long as nothing has happened since it was asked for.
        self._expectation: Expectation | None = None

    def call(self, call: Call, position: Position) -> None:
        """Take in one call of the boot under way."""
        self._expectation = None
        kind = call.operation.kind
        is_acknowledged = call.outcome is Outcome.ACKNOWLEDGED
        if kind is OperationKind.APPEND and call.operation.record is not None:
            self._append(call, call.operation.record, position)
        elif kind is OperationKind.SYNC and is_acknowledged:
            self._synced_count = len(self.entries)
        elif kind is OperationKind.APPLY and call.checkpoint is not None:
            self._boundaries.add(call.checkpoint)
        elif kind is OperationKind.COMPACT:
            self._compact(is_acknowledged=is_acknowledged)

    def end_boot(self, end: BootEnd) -> None:
        """Take in how a boot ended."""
        self._expectation = None
        self._ends.append(end)

    def show(self, recovery: Recovery, matches: Sequence[int | None]) -> None:
        """Make what a recovery showed the log of the next boot.

        Args:
            recovery: what was shown.
            matches: for each shown record the index of its entry, or None if it has none.
        """
        self._expectation = None
        shown_times = {item.record.ts_ms for item in recovery.records}
        missing = [
            (index, entry)
            for index, entry in enumerate(self.entries)
            if entry.record.ts_ms not in shown_times
        ]
        # What a compaction dropped is there again where a power loss undoes the compaction.
        # It never drops a mark and keeps its put: such a mark was lost.
        puts = {item.record.id for item in recovery.records if item.record.type is RecordType.PUT}
        compacted = self.compactable - puts
        dropped = deque(item for item in missing if item[1].record.id in compacted)
        self._gone.update(
            (entry.record.ts_ms, entry.record)
            for _, entry in missing
            if entry.record.id not in compacted
        )
        shown: list[Entry] = []
        taken: set[int] = set()
        for item, index in zip(recovery.records, matches, strict=True):
            # What is there twice breaks `order` once; later it is one record.
            if index in taken:
                continue
            known = Entry(record=item.record, position=NOWHERE)
            is_promised = False
            if index is not None:
                taken.add(index)
                while dropped and dropped[0][0] < index:
                    shown.append(self._dropped(*dropped.popleft()))
                known = self.entries[index]
                is_promised = self._is_promised(index)
            shown.append(
                Entry(
                    record=item.record,
                    position=known.position,
                    is_replied=known.is_replied,
                    is_promised=is_promised,
                    is_shown=True,
                    offset=item.offset,
                )
            )
        self.entries = [*shown, *(self._dropped(*item) for item in dropped)]
        self._synced_count = 0
        self._ends = []
        self._is_compaction_open = False
        self._boundaries.update(item.offset for item in recovery.records)
        self._boundaries.add(recovery.end)

    def _dropped(self, index: int, entry: Entry) -> Entry:
        return replace(entry, is_promised=self._is_promised(index), is_shown=False, is_moved=True)

    @property
    def promise(self) -> Promise:
        """The weakest promise of the ends since the last recovery that was shown."""
        promises = {self._promise_after(end) for end in self._ends}
        weakest_first = (Promise.NONE, Promise.PREFIX)
        return next((item for item in weakest_first if item in promises), Promise.ALL)

    @property
    def promises_nothing(self) -> bool:
        """Whether the contract leaves open everything that the next recovery shows."""
        return self.promise is Promise.NONE

    def expectation(self, *, start: int = 0) -> Expectation:
        """Return what a replay from the entry with index `start` may show now."""
        if start:
            return self._expectation_from(start)
        if self._expectation is None:
            self._expectation = self._expectation_from(0)
        return self._expectation

    def _expectation_from(self, start: int) -> Expectation:
        return Expectation(
            items=tuple(
                Expected(self.entries[index], self._certainty(index))
                for index in range(start, len(self.entries))
            ),
            before={entry.record.ts_ms: entry.record for entry in self.entries[:start]},
            refused=self._refused,
            gone=self._gone,
            compactable=frozenset(self.compactable),
            boundaries=frozenset(self._boundaries),
        )

    def index_at(self, offset: int) -> int | None:
        """Return the index of the entry at this offset; None if it is not known for certain."""
        for index, entry in enumerate(self.entries):
            if entry.offset == offset and not entry.is_moved:
                return index
        return None

    def _append(self, call: Call, record: Record, position: Position) -> None:
        if call.outcome is Outcome.REFUSED_DEFINITE:
            self._refused[record.ts_ms] = record
            return
        is_replied = call.outcome is Outcome.ACKNOWLEDGED
        if call.offset is not None:
            self._boundaries.add(call.offset)
        self.entries.append(
            Entry(
                record=record,
                position=position,
                is_replied=is_replied,
                is_promised=is_replied and self.contract.acknowledges is Acknowledges.APPEND,
                offset=call.offset,
                is_moved=self._is_compaction_open,
            )
        )

    def _compact(self, *, is_acknowledged: bool) -> None:
        """A MarkDone that may be there is enough: the subject may have seen it."""
        self.compactable.update(
            entry.record.id for entry in self.entries if entry.record.type is RecordType.DONE
        )
        self.entries = [replace(entry, is_moved=True) for entry in self.entries]
        # The next open may finish a compaction that failed, and so move later records too.
        self._is_compaction_open = self._is_compaction_open or not is_acknowledged

    def _certainty(self, index: int) -> Certainty:
        entry = self.entries[index]
        if not (entry.is_replied or entry.is_shown):
            return Certainty.MAYBE
        return min(
            (self._certainty_after(end, index) for end in self._ends),
            default=Certainty.PROMISED,
        )

    def _certainty_after(self, end: BootEnd, index: int) -> Certainty:
        promise = self._promise_after(end)
        if end is BootEnd.CLOSED:
            return Certainty.PROMISED
        if promise is Promise.NONE:
            return Certainty.MAYBE
        if promise is Promise.PREFIX:
            return Certainty.KEPT
        was_in_the_file = self.entries[index].is_shown and end is not BootEnd.POWER_LOST
        is_certain = was_in_the_file or self._is_promised(index)
        return Certainty.PROMISED if is_certain else Certainty.KEPT

    def _is_promised(self, index: int) -> bool:
        entry = self.entries[index]
        is_synced = index < self._synced_count and (entry.is_replied or entry.is_shown)
        return entry.is_promised or is_synced

    def _promise_after(self, end: BootEnd) -> Promise:
        """A subject that died by itself left what a kill leaves."""
        if end is BootEnd.CLOSED:
            return Promise.ALL
        return self.contract.power if end is BootEnd.POWER_LOST else self.contract.kill
