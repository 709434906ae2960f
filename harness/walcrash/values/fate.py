"""Fates: what became of the bytes that a subject wrote for a record, and who did it.

A finding that is about a record says from its case's own events where the record's bytes are, or
which event took them. Nothing here is a guess: where the events do not decide it, there is no
fate.

Not here: how a record is found in what was written (`walcrash.oracle.carriers`), how its bytes
are followed (`walcrash.oracle.ledger`), what is said of it (`walcrash.report.fate_words`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from walcrash.values.event import Event, EventKind
from walcrash.values.forms import SPARSE
from walcrash.values.story import Aspect

# limits
COPIES_SHOWN: Final = 3
"""Copies of one record whose fates are kept, the one that decides first."""

SINCE_SHOWN: Final = 3
"""Events after a record that are kept, the last ones."""


class FateKind(Enum):
    """What became of a record's bytes."""

    NEVER_WRITTEN = "never-written"
    NOT_DURABLE = "not-durable"
    REMOVED = "removed"
    OVERWRITTEN = "overwritten"
    THERE = "there"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRef:
    """One event of a case, as far as a sentence names it.

    Attributes:
        boot: its boot, from 1; 0 for the recovery that showed the violation.
        event: its position in the trace of that.
        kind: what happened.
        path: the file or name that it acted on.
        path_to: the new name of a rename or link.
        is_recovery: whether the subject was opening then.
        is_short: whether it is a write or a read that moved a part only, and no crash tore it.
        is_late: whether it is a sync that returned 0 and had failed, as the file's next one says.
        is_hole: whether it is a write of which a power loss kept the size alone.
    """

    boot: int
    event: int
    kind: EventKind
    path: str = ""
    path_to: str = ""
    is_recovery: bool = False
    is_short: Annotated[bool, SPARSE] = False
    is_late: Annotated[bool, SPARSE] = False
    is_hole: Annotated[bool, SPARSE] = False

    @property
    def name(self) -> str:
        """The name that it gave, or else the one that it acted on."""
        return self.path_to or self.path

    @property
    def place(self) -> tuple[int, int]:
        """Its boot and its position there: no two events of a case have one, and it orders them."""
        return self.boot, self.event


def event_ref(boot: int, index: int, event: Event) -> EventRef:
    """Return what names an event; `boot` is as in `EventRef`, `index` its place in the trace."""
    return EventRef(
        boot=boot,
        event=index,
        kind=event.kind,
        path=event.path,
        path_to=event.path_to if event.kind is not EventKind.SYMLINK else "",
        is_recovery=boot != 1 and event.call <= 0,
        is_late=event.fails_late,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSync:
    """A sync of a range of a file that left out bytes which were written before it.

    Attributes:
        event: it.
        start: where its range begins in the file.
        end: where that ends, not included.
        left_start: where the bytes begin that it left out.
        left_end: where they end, not included.
    """

    event: EventRef
    start: int
    end: int
    left_start: int
    left_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFate:
    """What became of one place at which a record was written.

    Attributes:
        kind: what became of it; never `NEVER_WRITTEN`.
        path: the name of the file that holds it, or the last that it had.
        start: where its bytes begin in that file.
        end: where they end, not included.
        written: the event that wrote them, the last one where there were several.
        by: what removed or overwrote them; None where nothing did.
        is_nameless: whether the file had no name any more when they were written; then `by` took
            its last name.
        aspect: of what was not durable, what a power loss took; else None.
        not_synced: the name whose sync is missing, a directory's with a slash at its end; empty
            where it is not known or a sync was made.
        early_sync: a slow sync that returned behind its write, and had begun before it; None where
            there is none.
        failed_sync: the sync that was made and failed; None where there is none.
        sync_errno: the error that this returned.
        open_sync: a slow sync that began behind its write and had not returned when the power was
            lost; None where there is none, or a sync was made.
        lost_name: the name that the file had when a power loss took that, where its bytes are
            there under an earlier one, or a recovery took them there.
        renamed: the rename that had given it that name, where this is known and was lost with it.
        written_over: where that was an exchange of two names, the first write since to the file
            that has the lost name again.
        came_back: of bytes that a recovery wrote over or cut off, the removal of a file which has
            what it wrote, or which it removed once more, and which is there since a power loss took
            that removal.
        part_sync: of bytes that were not durable, the last sync of a range since their write, which
            left out some of them; None where there is none.
    """

    kind: FateKind
    path: str
    start: int
    end: int
    written: EventRef
    by: EventRef | None = None
    is_nameless: bool = False
    aspect: Aspect | None = None
    not_synced: str = ""
    failed_sync: EventRef | None = None
    lost_name: Annotated[str, SPARSE] = ""
    renamed: Annotated[EventRef | None, SPARSE] = None
    early_sync: Annotated[EventRef | None, SPARSE] = None
    open_sync: Annotated[EventRef | None, SPARSE] = None
    sync_errno: Annotated[int, SPARSE] = 0
    written_over: Annotated[EventRef | None, SPARSE] = None
    came_back: Annotated[EventRef | None, SPARSE] = None
    part_sync: Annotated[PartSync | None, SPARSE] = None

    def was_after(self, other: "CopyFate") -> bool:
        """Whether a lost rename gave it the name of another copy, after that had been removed.

        Between the two events nothing had the name, so that a kill there loses it as well.
        """
        by, renamed = other.by, self.renamed
        return (
            renamed is not None
            and by is not None
            and by.kind is EventKind.UNLINK
            and not by.is_recovery
            and other.path == by.path == self.lost_name
            and by.boot == renamed.boot
            and by.event < renamed.event
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWriteFate:
    """The write that was to carry a record and failed, or moved a part only.

    Attributes:
        event: it.
        start: where it was to begin in its file, in bytes.
        length: how many bytes it was to write.
        done_bytes: how many are written of them.
        errno: the error that it returned; 0 where it moved a part.
    """

    event: EventRef
    start: int
    length: int
    done_bytes: int = 0
    errno: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LostBeside:
    """A write that is no record's own and that a power loss took; it took from no other file.

    Or a rename, where it took nothing but names of what came before the record's reply.

    Attributes:
        write: the write, the last one before `removal`, or before the record's reply; or the last
            rename before that.
        removal: what took another copy of the record then; None where the call that wrote the
            record made the write as well.
    """

    write: EventRef
    removal: EventRef | None = None


class Outlived(Enum):
    """What shows that a record is missing which was not promised."""

    HOLE = "a record that was appended behind it"
    STATE = "the state or the checkpoint that knows of it"


class Taken(Enum):
    """What is known of a recovery that took a record away."""

    HALF_WAY = "its `open` began to write the file anew, and did not return"
    WHOLE = "all of the file that lay before the record was there"


class Reading(Enum):
    """What recovery showed of the file in which a record still is."""

    NOTHING = "nothing that is in this file only"
    TORN = "all of this file that lies before a torn write, and nothing behind that"
    UNTIL = "records of this file that lie before it, and none behind it"
    AROUND = "records of this file that lie before and behind it"
    BEHIND = "records of this file that lie behind it, and none before it"
    ALTERED = "the record, and altered"
    UNKNOWN = "nothing that tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFate:
    """What became of one record.

    Attributes:
        record: the record, such as `PutOperation op-2`.
        is_missing: whether recovery did not show it; else it was shown and should not be there,
            or not so.
        kind: what became of the copy that decides; `NEVER_WRITTEN` where there is no copy.
        copies: each place at which it was written, the one that decides first.
        replied: the reply that acknowledged it.
        reading: for a record that is there and was not shown, what was shown of its file.
        torn: a torn write before it in the same file, whose bytes are still there, if there is
            one.
        since: what happened to other names after it was written, the last of it.
        outlived_by: for a record that is missed though it was not promised, what shows that.
        failed: for one that was never written as a whole, the last write that was to carry it; for
            one that a rename took, the write that was to carry it in the new file.
        unread: for one that a recovery took, the last open or read in it that was made to fail, or
            to give a part only.
        is_damaged: whether files were damaged at rest in front of the recovery.
        torn_sync: the sync of the torn write that was made and failed, so that it was not torn by a
            crash alone.
        over: a torn write that went over it after it had been acknowledged, in its place.
        taken: for one that a recovery cut off or left out of a new file, what is known of it.
        outlasted: for one that is shown, the event by which the last compaction began to change the
            file of its first copy, behind that; or put it aside, and it got another name since.
        ahead: for one that was not durable, or not shown for `beside`, what took a file between
            its write and its reply that the same call had written before it.
        beside: for one whose bytes no power loss took, what the last one took in their place.
    """

    record: str
    is_missing: bool
    kind: FateKind
    copies: tuple[CopyFate, ...] = ()
    replied: EventRef | None = None
    reading: Reading = Reading.UNKNOWN
    torn: EventRef | None = None
    since: tuple[EventRef, ...] = ()
    outlived_by: Annotated[Outlived | None, SPARSE] = None
    failed: Annotated[FailedWriteFate | None, SPARSE] = None
    unread: Annotated[EventRef | None, SPARSE] = None
    is_damaged: Annotated[bool, SPARSE] = False
    torn_sync: Annotated[EventRef | None, SPARSE] = None
    over: Annotated[EventRef | None, SPARSE] = None
    taken: Annotated[Taken | None, SPARSE] = None
    outlasted: Annotated[EventRef | None, SPARSE] = None
    ahead: Annotated[EventRef | None, SPARSE] = None
    beside: Annotated[LostBeside | None, SPARSE] = None

    @property
    def is_used_again(self) -> bool:
        """Whether the file of its first copy was put aside by a compaction, and used again."""
        since = self.outlasted
        if since is None or since.kind is not EventKind.RENAME:
            return False
        return self.copies[0].path != since.path_to


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFate:
    """What a recovery had found that failed, or that new records were lost behind.

    Attributes:
        torn: writes of which a part is there.
        new: what made the names that no successful `open` of the case had found; empty where
            `torn`, `lost` or `failed` says more.
        gone: what took names that the last successful `open` had found or made; empty as `new` is.
        named: what took names that the recovery itself says that it lacks.
        lost: writes to files that are there of which a power loss took everything.
        failed: writes that failed to files that are there and are empty.
        failed_sync: the sync of one of these that was made and failed; of several the decisive one.
        is_over: whether the last of `torn` went over bytes that were there and are more than a
            tail of zeros.
        is_left: whether the recovery has opened and left the `torn`; new records came behind it.
        outlived_by: what took a name behind the last of `torn`, and was kept by the power loss that
            tore it.
        kept_after: the one change that the call of the last of `lost` made behind it and that the
            power loss kept as a whole; None where there are none, or several.
        half_done: renames of which a power loss kept the new name and not that the old one goes, so
            that both are names of one file; empty where anything else here says more.
        cut_by: what cut the file of the last of `half_done` since then, by its old name.
        emptied: what emptied a file, in a call that was to fill it again and had not when the crash
            came, or whose write to it is the last of `lost`.
        unnamed: what made names that a power loss took, though it kept one that was made later;
            where there are some, `new` and `gone` are empty.
    """

    torn: tuple[EventRef, ...] = ()
    new: tuple[EventRef, ...] = ()
    gone: tuple[EventRef, ...] = ()
    lost: Annotated[tuple[EventRef, ...], SPARSE] = ()
    failed: Annotated[tuple[EventRef, ...], SPARSE] = ()
    failed_sync: Annotated[EventRef | None, SPARSE] = None
    named: Annotated[tuple[EventRef, ...], SPARSE] = ()
    is_over: Annotated[bool, SPARSE] = False
    is_left: Annotated[bool, SPARSE] = False
    outlived_by: Annotated[EventRef | None, SPARSE] = None
    kept_after: Annotated[EventRef | None, SPARSE] = None
    half_done: Annotated[tuple[EventRef, ...], SPARSE] = ()
    cut_by: Annotated[EventRef | None, SPARSE] = None
    emptied: Annotated[EventRef | None, SPARSE] = None
    unnamed: Annotated[tuple[EventRef, ...], SPARSE] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberReuse:
    """One offset that the subject gave to two records.

    Attributes:
        offset: what both appends returned.
        first: the record that had it before.
        again: the record that got it after a recovery.
    """

    offset: int
    first: str
    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the events of a case say about the first rule that it broke.

    Attributes:
        record: what became of a record; at most one of this, `found` and `reuse` is known.
        found: what a recovery had found.
        reuse: an offset that was given twice.
        shown: where the record is there and not shown, one that the same recovery shows and that is
            not to be there.
    """

    record: RecordFate | None = None
    found: FoundFate | None = None
    reuse: NumberReuse | None = None
    shown: Annotated[RecordFate | None, SPARSE] = None
