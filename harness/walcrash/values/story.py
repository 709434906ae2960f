"""The story of one finding: what was done, what was durable, what a crash took, what was found.

It is what explanations and timelines are drawn from, and nothing else. It is bounded: a long
trace is elided in the middle, which shows as a jump in the numbers of its events and calls, and
each text is shortened at its end. So a story is some kilobytes whatever the case was.

Paths are listed once and named by their position; ranges are pairs of a start and an end in
bytes, the end not included.

Not here: how a story is made of a case (`findings.story`); what was broken, which is in the
finding.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.forms import Row
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.moments import Placement

# limits
STEPS_SHOWN: Final = 64
"""Events of all boots of a story together."""

CALLS_SHOWN: Final = 32
"""Calls of one boot of a story."""

PATHS_SHOWN: Final = 24
"""Names of a story, that of its view aside; what happens under others has no state."""

RANGES_SHOWN: Final = 8
"""Pending ranges of one file; those behind are shown as one."""

FATES_SHOWN: Final = 24
"""Pending changes whose fate in one power loss is shown."""

RECORDS_SHOWN: Final = 12
"""Records of one recovery."""

VIEW_BYTES: Final = 256
"""Bytes of a view into a file."""

MARKS_SHOWN: Final = 12
"""Records that are marked in a view."""

TEXT_CHARACTERS: Final = 60
"""Longest text, such as an operation with its id, or an error."""

Range = tuple[int, int]
Ranges = tuple[Range, ...]


class Durability(Enum):
    """Where a name stands: in memory, and after a power loss that keeps only what is durable.

    `pending-name` is there but not durably; `pending-removal` is gone but durable still;
    `pending-other` leads to another file than the durable one; `absent` is neither.
    """

    DURABLE = "durable"
    NEW = "pending-name"
    REMOVED = "pending-removal"
    REPLACED = "pending-other"
    ABSENT = "absent"


class Aspect(Enum):
    """What of a file or a directory was changed."""

    NAME = "name"
    MODE = "mode"
    SIZE = "size"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class PathState(Row):
    """One name after an event.

    Attributes:
        path: the name's position in the story's paths.
        durability: where the name stands.
        size: the size in memory, in bytes; 0 for a directory.
        durable_size: the size that is durable.
        pending: ranges that were changed and are not durable.
    """

    path: int
    durability: Durability
    size: int = 0
    durable_size: int = 0
    pending: Ranges = ()


@dataclass(frozen=True, slots=True)
class Step(Row):
    """One event of a boot, and what it changed.

    Attributes:
        event: its position in the boot's trace.
        call: the position of the call under way; -1 before the first.
        kind: what happened.
        path: the position of the name it acted on in the story's paths; -1 for a message.
        offset: where it starts, in bytes.
        length: how many bytes were asked for.
        states: the names whose state is another one than before, those of events that are
            left out before it included.
        result: what the call returned, where that is not success in full; a negative errno.
        thread: the thread that made it, in order of first sight.
        path_to: the position of the new name; -1 if none.
        is_synchronous: whether the data was durable when the call returned.
        text: for an effect, the operation's id; for a `slow`, the kind of call that begins, which
            takes `length` milliseconds.
        is_injected: whether a fault happened in its place, whole or in part.
    """

    event: int
    call: int
    kind: EventKind
    path: int = -1
    offset: int = 0
    length: int = 0
    states: tuple[PathState, ...] = ()
    result: int | None = None
    thread: int = 0
    path_to: int = -1
    is_synchronous: bool = False
    text: str = ""
    is_injected: bool = False


@dataclass(frozen=True, slots=True)
class StoryCall(Row):
    """One call on the subject.

    Attributes:
        number: its position among the boot's calls.
        operation: what was called, such as `append PutOperation op-2`.
        outcome: how it ended.
        offset: what an acknowledged append returned; -1 if nothing.
        error: the subject's words where it refused.
    """

    number: int
    operation: str
    outcome: Outcome
    offset: int = -1
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fate(Row):
    """What a power loss made of one change that was pending.

    Attributes:
        boot: the boot whose event made the change, from 1.
        event: the event's position in the boot's trace.
        path: the position of the name in the story's paths; -1 if it is not among them.
        aspect: what was changed.
        kept: ranges that were kept; of a name or a size, empty.
        lost: ranges that were lost; of a name or a size, empty.
        is_kept: whether all of it was kept.
        is_stale: whether bytes of another time are in its place.
    """

    boot: int
    event: int
    path: int
    aspect: Aspect
    is_kept: bool = True
    kept: Ranges = ()
    lost: Ranges = ()
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCrash:
    """Where a boot crashed, and what became of what was pending.

    Attributes:
        event: the event before, within or after which the crash fell.
        placement: which of these.
        kept_bytes: how many bytes of the write within which it fell reached memory.
        model: `kill` where the page cache survived, else the model of the power loss.
        fates: what became of each pending change, those lost first.
        fate_count: how many changes were pending.
        states: the names whose state is another one after the crash.
    """

    event: int
    placement: Placement
    kept_bytes: int
    model: PersistenceModel
    fates: tuple[Fate, ...] = ()
    fate_count: int = 0
    states: tuple[PathState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryBoot:
    """One boot.

    Attributes:
        calls: in order; jumps in their numbers are calls left out.
        call_count: how many there were.
        steps: in order; jumps in their events are events left out.
        event_count: how many events there were before the crash.
        end: how the boot ended.
        crash: where it crashed, if it did and that is known.
    """

    calls: tuple[StoryCall, ...]
    call_count: int
    steps: tuple[Step, ...]
    event_count: int
    end: BootEnd
    crash: StoryCrash | None = None


@dataclass(frozen=True, slots=True)
class ShownRecord(Row):
    """A record that a recovery showed: its place in the replay, its offset, and what it is."""

    number: int
    offset: int
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecovery:
    """One recovery, and what it showed.

    Attributes:
        where: which one, such as `boot 2` or `first recovery`.
        records: in replay order; jumps in their numbers are records left out.
        record_count: how many there were.
        failure: how it failed, such as `refused: bad checksum`; empty if it did not.
        checkpoint: the checkpoint that it showed, if the subject has one.
        applied: the offset up to which its state reflects the log.
    """

    where: str
    records: tuple[ShownRecord, ...]
    record_count: int
    failure: str = ""
    checkpoint: int | None = None
    applied: int | None = None


@dataclass(frozen=True, slots=True)
class Mark(Row):
    """Where a record, or what one call wrote, starts in a file.

    `is_offset` distinguishes an offset that the subject returned from the start of a write.
    """

    offset: int
    label: str
    is_offset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteView:
    """A part of one file around the loss.

    Attributes:
        path: the position of the name in the story's paths.
        boot: the boot whose crash it is about, from 1.
        start: where the view begins in the file, in bytes.
        written: the bytes as the subject had written them when the crash fell, the write that
            was under way included as a whole.
        found: the bytes as the last recovery found them; shorter where the file was.
        size_written: the file's whole size, as written.
        size_found: the file's whole size, as found; -1 where there was no such file.
        marks: where records and writes start.
    """

    path: int
    boot: int
    start: int
    written: bytes
    found: bytes
    size_written: int
    size_found: int
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The story of one finding's case.

    Attributes:
        paths: the names that it is about, relative to the subject's directory; a directory's ends
            with a slash.
        rules: the persistence model by whose rules things are called durable.
        boots: in order.
        recoveries: what the recoveries showed.
        view: the bytes around the loss, where there is a place to show.
        unknown: why nothing is said of what was durable; empty if it is.
    """

    paths: tuple[str, ...]
    rules: PersistenceModel
    boots: tuple[StoryBoot, ...]
    recoveries: tuple[ShownRecovery, ...]
    view: ByteView | None = None
    unknown: str = ""
