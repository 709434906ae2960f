"""The invariants: their stable ids, and one rule for each.

Others write against the ids: scenarios, reports, bundles, kept findings. So an id is never
changed or given to another rule.

Not here: how a rule is judged; `walcrash.oracle.rules` names the function for each invariant.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from walcrash.values.contract import Promise
from walcrash.values.rule import Occasion, Rule, Taken


class Invariant(Enum):
    """A rule that recovery must keep; the value is its stable id."""

    LOST_PUT = "lost-put"
    LOST_MARK = "lost-mark"
    ALTERED_RECORD = "altered-record"
    PHANTOM_RECORD = "phantom-record"
    ORDER = "order"
    DETERMINISM = "determinism"
    IDEMPOTENCE = "idempotence"
    CHECKPOINT_AHEAD = "checkpoint-ahead"
    CHECKPOINT_STATE = "checkpoint-state"
    UNRECOVERABLE = "unrecoverable"
    NOT_APPENDABLE = "not-appendable"
    EFFECT_BEFORE_APPEND = "effect-before-append"
    REPEATED_EFFECT = "repeated-effect"
    REQUEUE = "requeue"
    UNREPORTED_ERROR = "unreported-error"
    SILENT_ROT = "silent-rot"


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
    "truncate the log after its last whole record, and sync the truncation."
)
_CHECK_WHOLE: Final = (
    "A part of a record was taken for all of it: put a checksum over the whole record, its length "
    "included, and end the log at the first record that does not match."
)
_OTHER_BYTES: Final = (
    "Bytes that were never written here were taken for a record: a checksum that zeros do not "
    "satisfy, salted with the position and the log's generation, rejects them."
)
_REPLACE: Final = (
    "Replace a file as a whole: write a temporary one, sync it, rename it over the old one, and "
    "sync the directory."
)

RULES: Final[Mapping[Invariant, Rule]] = {
    Invariant.LOST_PUT: Rule(
        text="every acknowledged PutOperation is there after recovery",
        rank=20,
        promise=Promise.ALL,
        advice=(
            "Look for what stands between the acknowledgement and the disk: a buffer that was not "
            "written, a sync that came later or on another descriptor, a file that recovery does "
            "not read."
        ),
        advice_after={
            Taken.KILL_TORN: _TRUNCATE_TAIL,
            Taken.KILL_NOTHING: (
                "A kill takes nothing that was written, so the record was still in the process "
                "when it was acknowledged, or recovery did not read the file that holds it: hand "
                "every record to the kernel before the reply, and follow what a renamed or "
                "half-made file leaves."
            ),
            Taken.DATA: _SYNC_FIRST,
            Taken.NAME: _SYNC_DIRECTORY,
            Taken.TORN: (
                "More than the torn record is gone: it has to be detected alone, by its checksum, "
                "and all whole records before it have to stay. A record that was acknowledged must "
                "not share a sector with one that is rewritten later."
            ),
            Taken.STALE: _OTHER_BYTES,
        },
    ),
    Invariant.LOST_MARK: Rule(
        text=(
            "every acknowledged MarkDone and MarkFailed is there: no done operation comes back "
            "to life"
        ),
        rank=30,
        promise=Promise.ALL,
        advice=(
            "A mark needs the same care as a PutOperation: written and synced before it is "
            "acknowledged, and kept by every compaction."
        ),
        advice_after={
            Taken.KILL_TORN: _TRUNCATE_TAIL,
            Taken.DATA: _SYNC_FIRST,
            Taken.NAME: _SYNC_DIRECTORY,
        },
    ),
    Invariant.ALTERED_RECORD: Rule(
        text="every recovered record equals the appended one, byte for byte",
        rank=40,
        advice=(
            "Check each record as a whole before it is returned, and write and read texts and "
            "bytes with one stated encoding."
        ),
        advice_after={
            Taken.KILL_TORN: _CHECK_WHOLE,
            Taken.TORN: _CHECK_WHOLE,
            Taken.DATA: _CHECK_WHOLE,
            Taken.STALE: _OTHER_BYTES,
        },
    ),
    Invariant.PHANTOM_RECORD: Rule(
        text="nothing is recovered that was never appended",
        rank=50,
        advice=_OTHER_BYTES,
        advice_after={
            Taken.KILL_TORN: _CHECK_WHOLE,
            Taken.TORN: _CHECK_WHOLE,
            Taken.KILL_NOTHING: (
                "What was replaced or truncated is read again: make old and half-made files "
                "impossible to take for the log, by their name, or by a generation in their header."
            ),
            Taken.NAME: (
                "An older file has come back under its name: sync the directory after a removal or "
                "a rename, before what replaces it is relied upon."
            ),
        },
    ),
    Invariant.ORDER: Rule(
        text="recovered records keep append order, no hole before an acknowledged one, none twice",
        rank=60,
        advice=(
            "Replay in the order of the log and each record once: a journal or an old segment "
            "that was already taken over must not be read again, and the next one not before it "
            "is whole."
        ),
        advice_after={
            Taken.DATA: (
                "A later record reached the disk before an earlier one: sync a segment before the "
                "next one takes records, and end the replay at the first hole."
            ),
        },
    ),
    Invariant.DETERMINISM: Rule(
        text=(
            "recovering the same image twice, in other processes with another hash seed, clock, "
            "time zone, locale and file order, gives the same output"
        ),
        rank=120,
        occasion=Occasion.PERTURBED,
        advice=(
            "Recovery may depend on the bytes of its directory only: sort directory listings, "
            "iterate over nothing that hashes order, and take times from the records."
        ),
    ),
    Invariant.IDEMPOTENCE: Rule(
        text="recovering what a recovery (also one that crashed) left gives the same output",
        rank=130,
        occasion=Occasion.AGAIN,
        advice=(
            "A recovery must leave what it would itself read in the same way: it counts, stamps "
            "and moves nothing twice, and what it writes is replaced as a whole."
        ),
        advice_after={Taken.KILL_TORN: _REPLACE, Taken.TORN: _REPLACE},
    ),
    Invariant.CHECKPOINT_AHEAD: Rule(
        text="a checkpoint never exceeds the applied state, and lies on a record boundary",
        rank=90,
        occasion=Occasion.STATE,
        capability="checkpoint",
        advice=(
            "Apply first: make the state durable, and only then write the checkpoint, in place of "
            "the old one as a whole."
        ),
        advice_after={
            Taken.TORN: _REPLACE,
            Taken.KILL_TORN: _REPLACE,
            Taken.DATA: (
                "The checkpoint was durable before what it stands for: sync the log, then the "
                "state, then write the checkpoint."
            ),
            Taken.NAME: _SYNC_DIRECTORY,
        },
    ),
    Invariant.CHECKPOINT_STATE: Rule(
        text="applied state at the checkpoint plus replay from it equals replay from 0",
        rank=100,
        occasion=Occasion.STATE,
        capability="checkpoint",
        advice=(
            "State and checkpoint are of two moments: keep them in one file that is replaced as a "
            "whole, or make applying a record twice change nothing."
        ),
        advice_after={Taken.TORN: _REPLACE, Taken.KILL_TORN: _REPLACE},
    ),
    Invariant.UNRECOVERABLE: Rule(
        text=(
            "recovery neither fails, hangs nor exceeds its memory limit on an image that a crash "
            "can leave"
        ),
        rank=10,
        advice=(
            "A torn end is what crashes leave: recovery has to take the first incomplete record at "
            "the end for the end of the log, and start from there without an error."
        ),
        advice_after={
            Taken.NAME: (
                "A file was missing, or an older one was there: sync the directory after each file "
                "is made or renamed, and let recovery go on from a directory in which a step is "
                "not yet done."
            ),
            Taken.DATA: (
                "A name or a size was durable before the content: sync a new file before it is "
                "renamed into place, and let recovery take an empty or short one for a step not "
                "yet done."
            ),
            Taken.STALE: _OTHER_BYTES,
            Taken.KILL_NOTHING: (
                "Each state between two calls is one that a crash leaves: recovery has to go on "
                "from a file that is made and still empty, and from either side of each rename and "
                "removal."
            ),
        },
    ),
    Invariant.NOT_APPENDABLE: Rule(
        text=(
            "after recovery new records can be appended, and survive the next recovery with all "
            "that came before"
        ),
        rank=140,
        occasion=Occasion.WORK,
        advice=(
            "After recovery the log has to be as good as a new one: truncate the torn end, open "
            "the file that recovery has read for writing, and take the next offset from there."
        ),
        advice_after={Taken.KILL_TORN: _TRUNCATE_TAIL, Taken.TORN: _TRUNCATE_TAIL},
    ),
    Invariant.EFFECT_BEFORE_APPEND: Rule(
        text=(
            "no external effect of an operation is visible before its PutOperation would survive "
            "the crash"
        ),
        rank=70,
        capability="effects",
        advice="Append the PutOperation and make it durable before the effect leaves the process.",
        advice_after={
            Taken.DATA: (
                "The effect left before its PutOperation was durable: sync the log between the "
                "append and the effect."
            ),
        },
    ),
    Invariant.REPEATED_EFFECT: Rule(
        text="no effect after an acknowledged MarkDone",
        rank=80,
        also_on=frozenset({Occasion.WORK}),
        capability="effects",
        advice=(
            "Once a MarkDone is acknowledged nothing may send again: the mark has to be durable "
            "first, and the outbox has to be built from all marks before the engine starts."
        ),
        advice_after={Taken.DATA: _SYNC_FIRST, Taken.NAME: _SYNC_DIRECTORY},
    ),
    Invariant.REQUEUE: Rule(
        text=(
            "an operation in flight for longer than the timeout is eligible again after boot; one "
            "not done never vanishes"
        ),
        rank=110,
        occasion=Occasion.TICK,
        also_on=frozenset({Occasion.STATE}),
        capability="effects",
        advice=(
            "At boot put back whatever was in flight for longer than the timeout, measured with "
            "the times of the records, and drop no operation that has no MarkDone."
        ),
    ),
    Invariant.UNREPORTED_ERROR: Rule(
        text=(
            "an append or sync whose I/O failed is not acknowledged, and does no harm to earlier "
            "or later records"
        ),
        rank=150,
        occasion=Occasion.IO_ERROR,
        advice=(
            "Pass on every error of a write or a sync, and take the log for broken after a failed "
            "sync: the kernel may have dropped the pages, so a second sync proves nothing."
        ),
    ),
    Invariant.SILENT_ROT: Rule(
        text=(
            "damage is reported, never returned as data, never a reason to drop acknowledged "
            "records without a word"
        ),
        rank=160,
        occasion=Occasion.ROT,
        advice=(
            "Check every record when it is read, and report damage before the last record as "
            "damage: only at the end may a bad record be taken for a torn one."
        ),
    ),
}

MOST_SEVERE_FIRST: Final = tuple(sorted(Invariant, key=lambda each: RULES[each].rank))
"""The invariants by rank."""
