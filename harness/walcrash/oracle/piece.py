"""Pieces: bytes of one record in one file, from the event that wrote them to what took them.

Not here: how they are followed through events (`ledger`), what a power loss takes (`power`).
"""

from dataclasses import dataclass, field

from walcrash.oracle.boot_trace import Loss
from walcrash.oracle.carriers import Carrier
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
        syncs: syncs of the file since they were written, with whether each was made.
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
    syncs: list[tuple[EventRef, bool]] = field(default_factory=list)
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
