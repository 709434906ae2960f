"""Pieces: bytes of one record in one file, from the event that wrote them to what took them.

Not here: how they are followed through events (`ledger`), what a power loss takes (`power`).
"""

from dataclasses import dataclass, field

from walcrash.oracle.boot_trace import Loss
from walcrash.oracle.carriers import Carrier, Span
from walcrash.oracle.torn import Torn
from walcrash.values.fate import EventRef


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """An exchange of two names that is not durable yet.

    Attributes:
        ref: the event.
        moved: the file that got the name that is exchanged for.
        spare: the file that had it.
        over: the first write to that one since; None where there is none.
    """

    ref: EventRef
    moved: int
    spare: int
    over: EventRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOfFile:
    """A sync of a file, or of a range of it.

    Attributes:
        ref: the event.
        is_made: whether it did not fail.
        span: the range, the end not included; None for all of the file.
    """

    ref: EventRef
    is_made: bool
    span: Span | None = None

    def hits(self, carrier: Carrier) -> bool:
        """Whether it was of any of these bytes."""
        return self.span is None or (self.span[0] < carrier.end and carrier.start < self.span[1])


@dataclass(slots=True, kw_only=True, eq=False)
class Piece:
    """Bytes of one record in one file, from the event that wrote them to what took them.

    Attributes:
        carrier: the bytes.
        call: the boot and the call that wrote them.
        written: the event that did.
        written_at: when, as a count of events.
        file: the file's number here.
        path: the file's name, the last one that it had.
        early: a slow sync that returned since, and had begun before they were written.
        former: names that it had before, since the bytes were written.
        by: what took them; None while they are there, and where a power loss took them.
        heir: the file that took the name of theirs with that; -1 where none did.
        unread: the last open or read before that, in the same recovery, that an error struck.
        gone_at: when they were gone, as a count of events; -1 while they are there.
        is_nameless: whether the file had no name any more when they were written.
        loss: what the power loss took that they are gone by.
        behind: a torn write before them in their file that was cut off with them.
        lost_name: the name that a power loss took, where the bytes are there under an earlier one.
        syncs: syncs of the file since they were written, also of ranges that they are not in.
        open_sync: a slow sync of the file that began behind them, and had not returned when the
            power was lost.
        is_back: whether a power loss took them that gave their file the name back which `by` of
            theirs had taken.
        exchange: the exchange of names that a power loss undid, where it had given their file the
            name that recovery reads.
        source: the removal of a name which a power loss undid, where a recovery wrote over them
            what that file has, or cut them off and removed it once more.
        is_cut_whole: whether a recovery took them though all that lay before them was there, and
            no power loss had taken anything but what lies behind them.
    """

    carrier: Carrier
    call: tuple[int, int]
    written: EventRef
    written_at: int
    file: int
    path: str
    by: EventRef | None = None
    heir: int = -1
    gone_at: int = -1
    unread: EventRef | None = None
    is_nameless: bool = False
    loss: Loss | None = None
    is_lost_by_power: bool = False
    behind: Torn | None = None
    lost_name: Loss | None = None
    syncs: list[SyncOfFile] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    early: EventRef | None = None
    open_sync: EventRef | None = None
    is_back: bool = False
    exchange: Exchange | None = None
    source: EventRef | None = None
    is_cut_whole: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the bytes are in memory."""
        return self.gone_at < 0

    @property
    def unsynced(self) -> list[Span]:
        """What of the bytes that a power loss took was in no sync that was made."""
        start, end = self.carrier.start, self.carrier.end
        left = [(start, end)]
        if self.loss is not None and self.loss.lost:
            lost = [(max(low, start), min(high, end)) for low, high in self.loss.lost]
            left = [(low, high) for low, high in lost if low < high] or left
        for sync in self.syncs:
            if sync.is_made:
                low, high = sync.span or (start, end)
                parts = [part for a, b in left for part in ((a, min(b, low)), (max(a, high), b))]
                left = [(a, b) for a, b in parts if a < b]
        return left
