"""What usually repairs a kind of bug: by invariant, by fault, and by what was lost.

It is advice and not a verdict: the finding says what broke, this says where others found the
reason. Where nothing is said of a combination, the invariant's own advice stands.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from walcrash.values.moments import Placement
from walcrash.values.persistence import is_power_loss
from walcrash.values.story import Aspect, Story, StoryCrash
from walcrash.values.verdict import Invariant


class Taken(Enum):
    """What the crashes of a story took, the most telling of it."""

    TORN = "a part of one write"
    STALE = "data, with other bytes in its place"
    DATA = "data"
    NAME = "a name"
    POWER_NOTHING = "nothing, though the power was lost"
    KILL_TORN = "the rest of a write that a kill cut"
    KILL_NOTHING = "nothing: a kill leaves the page cache"


def taken(story: Story) -> Taken:
    """Return what the crashes of a story took."""
    found = {_taken(boot.crash) for boot in story.boots if boot.crash is not None}
    return next((each for each in Taken if each in found), Taken.KILL_NOTHING)


def _taken(crash: StoryCrash) -> Taken:
    if not is_power_loss(crash.model):
        is_torn = crash.placement is Placement.WITHIN
        return Taken.KILL_TORN if is_torn else Taken.KILL_NOTHING
    lost = [fate for fate in crash.fates if not fate.is_kept]
    if any(fate.is_stale for fate in lost):
        return Taken.STALE
    if any(fate.kept and fate.lost for fate in lost):
        return Taken.TORN
    if any(fate.aspect is not Aspect.NAME for fate in lost):
        return Taken.DATA
    return Taken.NAME if lost else Taken.POWER_NOTHING


def advice(invariant: Invariant, what: Taken) -> str:
    """Return what usually repairs this kind of bug, in one or two sentences."""
    return _BY_LOSS.get((invariant, what)) or _BY_INVARIANT[invariant]


_SYNC_FIRST: Final = (
    "The reply came before the bytes were durable: sync the file (fsync, fdatasync, or msync for "
    "a mapping) after the last byte of the record, and acknowledge only when that has returned "
    "without an error."
)
_SYNC_DIRECTORY: Final = (
    "The bytes were synced and the name was not: after a file is created, linked or renamed, "
    "sync the directory that holds it before anything in it is acknowledged."
)
_TRUNCATE_TAIL: Final = (
    "What follows a torn record is read as a part of it: before the first append, recovery has to "
    "cut the log after its last whole record, and sync the cut."
)
_CHECK_WHOLE: Final = (
    "A part of a record was taken for all of it: put a checksum over the whole record, its length "
    "included, and end the log at the first record that does not match."
)
_OTHER_BYTES: Final = (
    "Bytes that were never written here were taken for a record: a checksum that zeros do not "
    "satisfy, salted with the position and the log's generation, tells them apart."
)
_REPLACE: Final = (
    "Replace a file as a whole: write a temporary one, sync it, rename it over the old one, and "
    "sync the directory."
)
_TORN_IS_NORMAL: Final = (
    "A torn end is what crashes leave: recovery has to take the first incomplete record at the "
    "end for the end of the log, and start from there without an error."
)

_BY_INVARIANT: Final[Mapping[Invariant, str]] = {
    Invariant.LOST_PUT: (
        "Look for what stands between the acknowledgement and the disk: a buffer that was not "
        "written, a sync that came later or on another descriptor, a file that recovery does not "
        "read."
    ),
    Invariant.LOST_MARK: (
        "A mark needs the same care as a PutOperation: written and synced before it is "
        "acknowledged, and kept by every compaction."
    ),
    Invariant.ALTERED_RECORD: (
        "Check each record as a whole before it is returned, and write and read texts and bytes "
        "with one stated encoding."
    ),
    Invariant.PHANTOM_RECORD: _OTHER_BYTES,
    Invariant.ORDER: (
        "Replay in the order of the log and each record once: a journal or an old segment that "
        "was already taken over must not be read again, and the next one not before it is whole."
    ),
    Invariant.DETERMINISM: (
        "Recovery may depend on the bytes of its directory only: sort directory listings, iterate "
        "over nothing that hashes order, and take times from the records."
    ),
    Invariant.IDEMPOTENCE: (
        "A recovery must leave what it would itself read in the same way: it counts, stamps and "
        "moves nothing twice, and what it writes is replaced as a whole."
    ),
    Invariant.CHECKPOINT_AHEAD: (
        "Apply first: make the state durable, and only then write the checkpoint, in place of the "
        "old one as a whole."
    ),
    Invariant.CHECKPOINT_STATE: (
        "State and checkpoint are of two moments: keep them in one file that is replaced as a "
        "whole, or make applying a record twice change nothing."
    ),
    Invariant.UNRECOVERABLE: _TORN_IS_NORMAL,
    Invariant.NOT_APPENDABLE: (
        "After recovery the log has to be as good as a new one: cut the torn end, open the file "
        "that recovery has read for writing, and take the next offset from there."
    ),
    Invariant.EFFECT_BEFORE_APPEND: (
        "Append the PutOperation and make it durable before the effect leaves the process."
    ),
    Invariant.REPEATED_EFFECT: (
        "Once a MarkDone is acknowledged nothing may send again: the mark has to be durable "
        "first, and the outbox has to be built from all marks before the engine starts."
    ),
    Invariant.REQUEUE: (
        "At boot put back whatever was in flight for longer than the timeout, measured with the "
        "times of the records, and drop no operation that has no MarkDone."
    ),
    Invariant.UNREPORTED_ERROR: (
        "Pass on every error of a write or a sync, and take the log for broken after a failed "
        "sync: the kernel may have dropped the pages, so a second sync proves nothing."
    ),
    Invariant.SILENT_ROT: (
        "Check every record when it is read, and report damage before the last record as damage: "
        "only at the end may a bad record be taken for a torn one."
    ),
}

_BY_LOSS: Final[Mapping[tuple[Invariant, Taken], str]] = {
    (Invariant.LOST_PUT, Taken.KILL_TORN): _TRUNCATE_TAIL,
    (Invariant.LOST_PUT, Taken.KILL_NOTHING): (
        "A kill takes nothing that was written, so the record was still in the process when it "
        "was acknowledged, or recovery did not look where it is: hand every record to the kernel "
        "before the reply, and follow what a renamed or half-made file leaves."
    ),
    (Invariant.LOST_PUT, Taken.DATA): _SYNC_FIRST,
    (Invariant.LOST_PUT, Taken.NAME): _SYNC_DIRECTORY,
    (Invariant.LOST_PUT, Taken.TORN): (
        "More than the torn record is gone: it has to be found out alone, by its checksum, and "
        "all whole records before it have to stay. A record that was acknowledged must not share "
        "a sector with one that is rewritten later."
    ),
    (Invariant.LOST_PUT, Taken.STALE): _OTHER_BYTES,
    (Invariant.LOST_MARK, Taken.KILL_TORN): _TRUNCATE_TAIL,
    (Invariant.LOST_MARK, Taken.DATA): _SYNC_FIRST,
    (Invariant.LOST_MARK, Taken.NAME): _SYNC_DIRECTORY,
    (Invariant.ALTERED_RECORD, Taken.KILL_TORN): _CHECK_WHOLE,
    (Invariant.ALTERED_RECORD, Taken.TORN): _CHECK_WHOLE,
    (Invariant.ALTERED_RECORD, Taken.DATA): _CHECK_WHOLE,
    (Invariant.ALTERED_RECORD, Taken.STALE): _OTHER_BYTES,
    (Invariant.PHANTOM_RECORD, Taken.KILL_TORN): _CHECK_WHOLE,
    (Invariant.PHANTOM_RECORD, Taken.TORN): _CHECK_WHOLE,
    (Invariant.PHANTOM_RECORD, Taken.KILL_NOTHING): (
        "What was replaced or cut off is read again: make old and half-made files impossible to "
        "take for the log, by their name, or by a generation in their header."
    ),
    (Invariant.PHANTOM_RECORD, Taken.NAME): (
        "An older file has come back under its name: sync the directory after a removal or a "
        "rename, before what replaces it is relied upon."
    ),
    (Invariant.ORDER, Taken.DATA): (
        "A later record reached the disk before an earlier one: sync a segment before the next one "
        "takes records, and end the replay at the first hole."
    ),
    (Invariant.CHECKPOINT_AHEAD, Taken.TORN): _REPLACE,
    (Invariant.CHECKPOINT_AHEAD, Taken.KILL_TORN): _REPLACE,
    (Invariant.CHECKPOINT_AHEAD, Taken.DATA): (
        "The checkpoint was durable before what it stands for: sync the log, then the state, then "
        "write the checkpoint."
    ),
    (Invariant.CHECKPOINT_AHEAD, Taken.NAME): _SYNC_DIRECTORY,
    (Invariant.CHECKPOINT_STATE, Taken.TORN): _REPLACE,
    (Invariant.CHECKPOINT_STATE, Taken.KILL_TORN): _REPLACE,
    (Invariant.UNRECOVERABLE, Taken.NAME): (
        "A file was missing, or an older one was there: sync the directory after each file is made "
        "or renamed, and let recovery go on from a directory in which a step is not yet done."
    ),
    (Invariant.UNRECOVERABLE, Taken.DATA): (
        "A name or a size was durable before the content: sync a new file before it is renamed "
        "into place, and let recovery take an empty or short one for a step not yet done."
    ),
    (Invariant.UNRECOVERABLE, Taken.STALE): _OTHER_BYTES,
    (Invariant.UNRECOVERABLE, Taken.KILL_NOTHING): (
        "Each state between two calls is one that a crash leaves: recovery has to go on from a "
        "file that is made and still empty, and from either side of each rename and removal."
    ),
    (Invariant.NOT_APPENDABLE, Taken.KILL_TORN): _TRUNCATE_TAIL,
    (Invariant.NOT_APPENDABLE, Taken.TORN): _TRUNCATE_TAIL,
    (Invariant.IDEMPOTENCE, Taken.KILL_TORN): _REPLACE,
    (Invariant.IDEMPOTENCE, Taken.TORN): _REPLACE,
    (Invariant.EFFECT_BEFORE_APPEND, Taken.DATA): (
        "The effect left before its PutOperation was durable: sync the log between the append and "
        "the effect."
    ),
    (Invariant.REPEATED_EFFECT, Taken.DATA): _SYNC_FIRST,
    (Invariant.REPEATED_EFFECT, Taken.NAME): _SYNC_DIRECTORY,
}
