"""What became of a record, in sentences: each names the events that show it.

A sentence says only what the events of the case decide; the advice follows from it alone. Where
they decide nothing, nothing is said.

Not here: how a fate is found (`walcrash.oracle.fate`).
"""

import errno
from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.report.text import escape, shorten
from walcrash.values.cause import directory_of, keeps_beside
from walcrash.values.event import EventKind
from walcrash.values.fate import (
    CopyFate,
    EventRef,
    FailedWriteFate,
    Fate,
    FateKind,
    FoundFate,
    NumberReuse,
    Outlived,
    Reading,
    RecordFate,
    Taken,
)
from walcrash.values.story import Aspect

_DONE = {
    EventKind.CREATE: "made",
    EventKind.WRITE: "wrote",
    EventKind.TRUNCATE: "cut",
    EventKind.ALLOCATE: "emptied a range of",
    EventKind.RENAME: "renamed",
    EventKind.LINK: "linked",
    EventKind.UNLINK: "removed",
}

_DOES: Final = {
    EventKind.TRUNCATE: "cuts",
    EventKind.RENAME: "renames",
    EventKind.UNLINK: "removes",
}


def fate_sentences(fate: Fate | None) -> list[str]:
    """Return what the events say, a sentence each, the most telling first."""
    if fate is None:
        return []
    if fate.record is not None:
        return [*_record(fate.record), *_shown(fate.shown)]
    if fate.found is not None:
        return list(_found(fate.found))
    return [] if fate.reuse is None else [_reuse(fate.reuse)]


def fate_advice(fate: Fate | None) -> str:
    """Return what repairs what the events show; empty where they do not say it."""
    if fate is None:
        return ""
    if fate.found is not None:
        return _found_advice(fate.found)
    if any(each is not None and each.is_used_again for each in (fate.record, fate.shown)):
        return _USED_AGAIN
    if fate.record is None or not fate.record.is_missing:
        return ""
    return _record_advice(fate.record)


_TRUNCATE: Final = (
    "Recovery has to truncate the log after its last whole record before anything is appended, and "
    "sync the truncation."
)

_ANEW: Final = (
    "Write anew what a sync that failed was of before anything relies on it, also when it is read "
    "at the next start: a later sync may return 0 and leave it out."
)


_USED_AGAIN: Final = (
    "Let recovery tell the records of a file that is used again from those that it had before, as "
    "by a number of the file that their checksum covers; or clear the file before."
)

_KEPT_BESIDE: Final = (
    "Keep another copy of what a write goes over until that is durable: a torn one leaves neither "
    "the old bytes nor the new."
)

_TAKEN: Final = {
    Taken.HALF_WAY: (
        "Write the log anew in a file of its own, sync it and rename it to the old one's name: "
        "what is cut off first is gone where an `open` ends half-way."
    ),
    Taken.WHOLE: (
        "Recovery has to keep what is whole: it may cut off what lies behind the last whole "
        "record, and no more."
    ),
}


def _record_advice(told: RecordFate) -> str:
    if told.failed is not None or told.unread is not None or told.is_damaged:
        return _struck_advice(told)
    if told.outlived_by is not None:
        return _order_advice(told, told.outlived_by)
    if told.kind is FateKind.NEVER_WRITTEN:
        return "Hand every record to the kernel before the reply that acknowledges it."
    copy = told.copies[0]
    if copy.failed_sync is not None and copy.aspect is not Aspect.NAME:
        return _failed_sync_advice(copy)
    if copy.not_synced and (copy.kind is FateKind.NOT_DURABLE or copy.lost_name):
        return _sync_advice(told, copy)
    if copy.came_back is not None:
        path = copy.came_back.path
        return (
            f"Sync the directory {escape(directory_of(path))} when {escape(path)} is removed, and "
            "before the reply that acknowledges the record: else it may come back."
        )
    if copy.is_nameless:
        return "Write to no file whose name was removed: nobody finds it again."
    return _recovery_advice(told, copy)


def _recovery_advice(told: RecordFate, copy: CopyFate) -> str:
    """Return what a recovery asks for that did not show, or took, what was durable."""
    if told.torn_sync is not None:
        return _ANEW
    if told.torn is not None and (told.reading is Reading.TORN or copy.kind is FateKind.REMOVED):
        if told.torn.is_short:
            return "Cut off what a write that was cut short has left before anything follows it."
        return _TRUNCATE
    if told.over is not None:
        return _KEPT_BESIDE
    if told.beside is not None:
        what = keeps_beside(told.beside)
        directory = "the directory " if what.endswith("/") else ""
        return _before(f"Sync {directory}{escape(what)}", told.ahead, told.beside.removal)
    return "" if told.taken is None else _TAKEN[told.taken]


def _failed_sync_advice(copy: CopyFate) -> str:
    if copy.failed_sync is not None and copy.failed_sync.is_late:
        return (
            f"Acknowledge a record when a second sync of {escape(copy.path)} has returned 0 as "
            "well, where the failure of one comes with the next."
        )
    if copy.sync_errno == errno.EINTR:
        return (
            "Call a sync again that was interrupted, and acknowledge nothing before it has "
            "returned 0."
        )
    return "Acknowledge nothing behind a sync that failed, and take the log for broken."


def _order_advice(told: RecordFate, outlived_by: Outlived) -> str:
    """Return in which order records and what knows of them belong, where no promise was broken."""
    if told.kind is FateKind.NEVER_WRITTEN:
        return f"Hand the record to the kernel before {outlived_by.value}."
    copy = told.copies[0]
    if copy.kind is FateKind.NOT_DURABLE and copy.not_synced:
        return f"Sync {_named(copy)} before {outlived_by.value} is durable."
    return ""


def _struck_advice(told: RecordFate) -> str:
    """Return what a write or a read that failed asks for, and damage at rest."""
    if told.failed is not None and told.copies:
        return "Leave the old file in its place until the new one is written as a whole."
    if told.failed is not None:
        return _failed_advice(told, told.failed)
    if told.unread is not None and told.unread.is_short:
        return "Read on where a read has given a part only: that is no end of the file."
    if told.unread is not None:
        return "Refuse to open where not all could be read: what is not read may be there."
    return "Report what is damaged, and keep what was acknowledged behind it."


def _failed_advice(told: RecordFate, failed: FailedWriteFate) -> str:
    """Return what a write that failed asks for, where its record was answered all the same."""
    if told.replied is None:
        return ""
    if failed.errno:
        return "Refuse what was to be written where its write failed, or write it again."
    return "Write what a write that moved a part has left, or refuse what was to be written."


def _found_advice(found: FoundFate) -> str:
    if found.failed_sync is not None:
        return _ANEW
    if found.is_left:
        return _TRUNCATE
    if found.outlived_by is not None:
        path, event = escape(found.torn[-1].path), _event(found.outlived_by)
        return f"Sync {path} before {event}, which came after that write, and was kept."
    if found.torn and found.is_over:
        return _KEPT_BESIDE
    if found.torn:
        return "Recovery has to open on what is left of a write: what lies before it is whole."
    if found.lost:
        paths = ", ".join(dict.fromkeys(escape(ref.path) for ref in found.lost))
        return (
            f"Sync {paths} before anything relies on it. Recovery may open without that only where "
            "no promised record was in it."
        )
    if found.failed:
        return "Recovery has to open on the empty file, or what was there has to stay until then."
    if found.named:
        paths = ", ".join(dict.fromkeys(escape(ref.path) for ref in found.named))
        return f"Leave {paths} until nothing that recovery reads needs it, and that is durable."
    if found.new:
        return "Recovery has to open where this was made and nothing more has happened."
    if found.half_done and found.cut_by is None:
        return ""
    if found.half_done:
        old = escape(found.half_done[-1].path)
        return f"Remove {old} and make it anew, and do not cut it: it may have another name."
    return "Recovery has to open without these names, or they have to stay."


def _named(copy: CopyFate) -> str:
    if copy.aspect is Aspect.NAME or copy.lost_name:
        return f"the directory {escape(copy.not_synced)}"
    return _file(copy, "," if _had_other_name(copy) else "")


def _had_other_name(copy: CopyFate) -> bool:
    """Whether its file had another name when it was written."""
    return copy.written.path not in ("", copy.path) and not copy.is_nameless


def _file(copy: CopyFate, mark: str = "") -> str:
    """Return a file by the name that it had at its write, and by the last one."""
    name = escape(copy.path)
    return f"{escape(copy.written.path)}, later {name}{mark}" if _had_other_name(copy) else name


def _sync_advice(told: RecordFate, copy: CopyFate) -> str:
    removed = [each.by for each in told.copies[1:] if each.kind is FateKind.REMOVED]
    if copy.open_sync is not None:
        return f"Acknowledge the record when {_event(copy.open_sync)}, its sync, has returned."
    whole = "all bytes of the record in " if copy.part_sync is not None else ""
    what = f"Sync {whole}{_named(copy)}"
    if copy.written_over is not None:
        over, name = _event(copy.written_over), escape(copy.lost_name)
        return f"{what} before {over} writes over the file that was {name} before."
    early = next((each.by for each in told.copies if copy.was_after(each)), None)
    if early is not None and copy.renamed is not None:
        name, renamed = escape(copy.lost_name), _event(copy.renamed)
        return f"Leave {name} where {_event(early)} removes it: {renamed} takes its place at once."
    return _before(what, told.ahead, removed[0] if removed else None)


def _before(what: str, ahead: EventRef | None, taken: EventRef | None) -> str:
    """Return before what something has to be done at the latest, for one record.

    Args:
        what: what.
        ahead: what took a file before the reply.
        taken: what took another copy of the record.
    """
    if ahead is not None and (taken is None or ahead.place < taken.place):
        does = f"{_event(ahead)} {_DOES[ahead.kind]} {escape(ahead.path)}"
        return f"{what} before {does}, and so before the reply that acknowledges the record."
    if taken is not None:
        return f"{what} before {_event(taken)} takes the copy that was there before."
    return f"{what} before the reply that acknowledges the record."


# A record.


def _record(told: RecordFate) -> Iterator[str]:
    name = f"`{shorten(told.record)}`"
    if told.failed is not None and not told.copies:
        more = "the rest" if told.failed.done_bytes else "it"
        yield f"{name} {_failed(told.failed)}, and no other write carries {more}"
        return
    if told.kind is FateKind.NEVER_WRITTEN and told.outlived_by is not None:
        assert told.replied is not None, "only what was acknowledged is missed"
        yield f"no write of the case carries {name}, which {_event(told.replied)} answered"
        return
    if told.kind is FateKind.NEVER_WRITTEN:
        assert told.replied is not None, "only what was acknowledged is missed"
        yield (
            f"{name} was answered by {_event(told.replied)}, and no write of the case carries it"
        )
        return
    first, *others = told.copies
    yield f"{name} {_copy(first, is_missing=told.is_missing)}{_reading(told)}"
    if told.taken is Taken.HALF_WAY:
        yield f"that `open` began to write {escape(first.path)} anew, and did not return"
    if told.torn is not None:
        lies = "lies" if first.kind is FateKind.THERE else "lay"
        left = f"left: {_event(told.torn_sync)}, its sync, failed" if told.torn_sync else ""
        yield f"before it in the file {lies} what {_event(told.torn)} {left or _left(told.torn)}"
    if told.unread is not None:
        did = "had given a part only" if told.unread.is_short else "had failed"
        what = "open" if told.unread.kind is EventKind.OPEN else "read"
        yield f"before that {_event(told.unread)}, {what} {escape(told.unread.path)}, {did}"
    if told.over is not None:
        yield f"{_event(told.over)} went over it at its place, and was torn"
    if told.failed is not None:
        yield f"in the file that took its place it {_failed(told.failed)}"
    if told.outlasted is not None:
        began, path = _event(told.outlasted), escape(first.path)
        if told.is_used_again:
            aside = f"renamed {escape(told.outlasted.path)} to {escape(told.outlasted.path_to)}"
            yield f"since then {began}, of a compaction, {aside}, which was named {path} later"
        else:
            yield f"since then {began}, of a compaction, began to change {path}"
    for other in others:
        yield f"another copy {_copy(other, is_missing=told.is_missing)}"
    yield from _beside(told)


def _beside(told: RecordFate) -> Iterator[str]:
    """Yield what happened to other files."""
    if told.ahead is not None:
        yield f"before its reply {_listing([told.ahead])}, which the same call had written"
    if told.beside is not None and told.beside.write.kind is EventKind.RENAME:
        write = told.beside.write
        yield (
            f"the power loss took what {_event(write)} did, which {_did(write)}: no sync of the "
            f"directory {escape(keeps_beside(told.beside))} kept it"
        )
    elif told.beside is not None:
        path = escape(told.beside.write.path)
        yield (
            f"the power loss took what {_event(told.beside.write)} wrote to {path}, and nothing of "
            f"any other file: no sync of {path} came after it"
        )
    if told.since:
        yield f"since it was written: {_listing(told.since)}"


def _shown(told: RecordFate | None) -> Iterator[str]:
    """Yield what is said of a record that is shown and is not to be."""
    if told is None:
        return
    first, *rest = _record(told)
    yield f"what is shown and is not to be: {first}"
    yield from rest


def _failed(failed: FailedWriteFate) -> str:
    place = f"{escape(failed.event.path)}, {failed.length:,} bytes at {failed.start:,}"
    begin = f"was to be written by {_event(failed.event)} ({place}), which"
    if failed.errno:
        name = errno.errorcode.get(failed.errno, f"errno {failed.errno}")
        return f"{begin} failed with {name}"
    return f"{begin} wrote {failed.done_bytes:,} bytes of them"


def _left(ref: EventRef) -> str:
    if ref.is_hole:
        return "left, a write of which a power loss kept the size alone"
    return "left, a write that was cut short" if ref.is_short else "left of a torn write"


def _copy(copy: CopyFate, *, is_missing: bool) -> str:
    place = f"{_file(copy)}, bytes {copy.start}-{copy.end - 1}"
    by = "" if copy.by is None else _event(copy.by)
    written = _event(copy.written)
    if copy.is_nameless:
        return f"was written by {written} to a file that has no name since {by} ({place})"
    if copy.kind is FateKind.THERE:
        there = f"is still there in {place}, as {written} wrote it"
        return f"{there}{_lost_name(copy)}"
    if copy.kind is FateKind.OVERWRITTEN:
        more = _lost_name(copy) or _came_back(copy)
        return f"was overwritten by {by} ({place}, written by {written}){more}"
    if copy.kind is FateKind.REMOVED:
        did = "cut off" if copy.by and copy.by.kind is EventKind.TRUNCATE else "removed"
        more = _lost_name(copy) or _came_back(copy)
        return f"was {did} by {by} ({place}, written by {written}){more}"
    if not is_missing:
        return f"was written by {written} ({place}), and not all of it was durable"
    return f"was written by {written} ({place}) and was not durable{_not_durable(copy)}"


def _lost_name(copy: CopyFate) -> str:
    if not copy.lost_name:
        return ""
    lost = f", under an earlier name: {escape(copy.lost_name)} was lost"
    directory = escape(copy.not_synced)
    lost += f", no sync of the directory {directory} kept it" if directory else ""
    if copy.written_over is None:
        return lost
    return f"{lost}, and {_event(copy.written_over)} had written over the file that has it again"


def _came_back(copy: CopyFate) -> str:
    if copy.came_back is None:
        return ""
    path = copy.came_back.path
    is_over = copy.kind is FateKind.OVERWRITTEN
    what = f" with what {escape(path)} has" if is_over else f" when {escape(path)} was there again"
    return (
        f"{what}: {_event(copy.came_back)} had removed that, and no sync of "
        f"the directory {escape(directory_of(path))} kept it so"
    )


def _how_failed(copy: CopyFate) -> str:
    if copy.failed_sync is not None and copy.failed_sync.is_late:
        return "returned 0 and had failed, as the next one said"
    return "was interrupted" if copy.sync_errno == errno.EINTR else "failed"


def _not_durable(copy: CopyFate) -> str:
    if copy.aspect is Aspect.NAME and copy.not_synced:
        return (
            f": its name was lost, and no sync of the directory {escape(copy.not_synced)} kept it"
        )
    if copy.failed_sync is not None:
        return f": {_event(copy.failed_sync)}, its sync, {_how_failed(copy)}"
    if copy.not_synced and copy.open_sync is not None:
        return f": {_event(copy.open_sync)}, its sync, had not returned"
    if copy.not_synced and copy.early_sync is not None:
        path = escape(copy.not_synced)
        return f": {_event(copy.early_sync)} had begun before it, and no sync of {path} did later"
    if copy.not_synced and copy.part_sync is not None:
        part = copy.part_sync
        return (
            f": {part.event.kind.value} of {part.start}-{part.end - 1} by {_event(part.event)} "
            f"left out bytes {part.left_start}-{part.left_end - 1}"
        )
    if copy.not_synced:
        return f": no sync of {_named(copy)} came after it"
    return ""


def _reading(told: RecordFate) -> str:
    if not told.is_missing or told.kind is not FateKind.THERE:
        return ""
    if told.reading is Reading.UNKNOWN:
        return ", and recovery did not show it"
    return f", and recovery did not show it; it shows {told.reading.value}"


# What a failed recovery had found, and numbers.


def _found(state: FoundFate) -> Iterator[str]:
    for ref in state.torn:
        did = "recovery opened, and kept" if state.is_left else "it found"
        yield f"{did} what {_event(ref)} {_left(ref)}"
    if state.outlived_by is not None:
        yield f"after that {_listing([state.outlived_by])}, which was kept"
    for ref in state.lost:
        yield f"{escape(ref.path)} lacked what {_event(ref)} wrote to it, which was not durable"
    if state.kept_after is not None and not state.torn:
        yield f"behind that {_listing([state.kept_after])}, which was kept"
    for ref in state.failed:
        yield f"{escape(ref.path)} is empty: {_event(ref)}, its write, failed"
    if state.failed_sync is not None:
        yield f"{_event(state.failed_sync)}, its sync, had failed"
    if state.new:
        yield f"it found names that no `open` before had found: {_listing(state.new)}"
    for ref in state.named:
        yield f"it names {escape(ref.path)}, which {_event(ref)} had removed"
    if state.gone:
        yield f"names were gone that the last `open` had: {_listing(state.gone)}"
    for ref in state.half_done:
        both = f"{escape(ref.path)} and {escape(ref.path_to)} are names of one file"
        yield f"{both}: {_event(ref)} renamed it, and the power loss left both"
    if state.cut_by is not None:
        yield f"since then {_listing([state.cut_by])}"


def _reuse(reuse: NumberReuse) -> str:
    return (
        f"the offset {reuse.offset:,} was used twice: append returned it for "
        f"`{shorten(reuse.first)}`, and again, after the recovery, for `{shorten(reuse.again)}`"
    )


def _listing(refs: Sequence[EventRef]) -> str:
    return "; ".join(f"{_event(ref)} {_did(ref)}" for ref in refs)


def _did(ref: EventRef) -> str:
    to = f" to {escape(ref.path_to)}" if ref.path_to else ""
    during = ", in its recovery" if ref.is_recovery and ref.boot else ""
    return f"{_DONE.get(ref.kind, ref.kind.value)} {escape(ref.path)}{to}{during}"


def _event(ref: EventRef) -> str:
    """Return an event's name, as `explain` and the event log number it."""
    whose = f"boot {ref.boot}" if ref.boot else "that recovery"
    return f"event {ref.event} of {whose}"
