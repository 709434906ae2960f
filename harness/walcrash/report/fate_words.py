"""What became of a record, in sentences: each names the events that show it.

A sentence says only what the events of the case decide; the advice follows from it alone. Where
they decide nothing, nothing is said.

Not here: how a fate is found (`walcrash.oracle.fate`).
"""

import errno
from collections.abc import Iterator
from typing import Final

from walcrash.report.event_words import did, left_words, listing, named
from walcrash.report.found_words import ANEW, KEPT_BESIDE, TRUNCATE, found_advice, found_lines
from walcrash.report.text import escape, shorten
from walcrash.values.cause import directory_of, keeps_beside
from walcrash.values.event import EventKind
from walcrash.values.fate import (
    CopyFate,
    EventRef,
    FailedWriteFate,
    Fate,
    FateKind,
    NumberReuse,
    Outlived,
    Reading,
    RecordFate,
    Taken,
)
from walcrash.values.story import Aspect

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
        return found_lines(fate.found)
    return [] if fate.reuse is None else [_reuse(fate.reuse)]


def fate_advice(fate: Fate | None) -> str:
    """Return what repairs what the events show; empty where they do not say it."""
    if fate is None:
        return ""
    if fate.found is not None:
        return found_advice(fate.found)
    if any(each is not None and each.is_used_again for each in (fate.record, fate.shown)):
        return _USED_AGAIN
    if fate.record is None or not fate.record.is_missing:
        return ""
    return _record_advice(fate.record)


_USED_AGAIN: Final = (
    "Let recovery tell the records of a file that is used again from those that it had before, as "
    "by a number of the file that their checksum covers; or clear the file before."
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
        return ANEW
    if told.torn is not None and (told.reading is Reading.TORN or copy.kind is FateKind.REMOVED):
        if told.torn.is_short:
            return "Cut off what a write that was cut short has left before anything follows it."
        return TRUNCATE
    if told.over is not None:
        return KEPT_BESIDE
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
        return f"Sync {_to_sync(copy)} before {outlived_by.value} is durable."
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


def _to_sync(copy: CopyFate) -> str:
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
        return f"Acknowledge the record when {named(copy.open_sync)}, its sync, has returned."
    whole = "all bytes of the record in " if copy.part_sync is not None else ""
    what = f"Sync {whole}{_to_sync(copy)}"
    if copy.written_over is not None:
        over, name = named(copy.written_over), escape(copy.lost_name)
        return f"{what} before {over} writes over the file that was {name} before."
    early = next((each.by for each in told.copies if copy.was_after(each)), None)
    if early is not None and copy.renamed is not None:
        name, renamed = escape(copy.lost_name), named(copy.renamed)
        return f"Leave {name} where {named(early)} removes it: {renamed} takes its place at once."
    return _before(what, told.ahead, removed[0] if removed else None)


def _before(what: str, ahead: EventRef | None, taken: EventRef | None) -> str:
    """Return before what something has to be done at the latest, for one record.

    Args:
        what: what.
        ahead: what took a file before the reply.
        taken: what took another copy of the record.
    """
    if ahead is not None and (taken is None or ahead.place < taken.place):
        does = f"{named(ahead)} {_DOES[ahead.kind]} {escape(ahead.path)}"
        return f"{what} before {does}, and so before the reply that acknowledges the record."
    if taken is not None:
        return f"{what} before {named(taken)} takes the copy that was there before."
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
        yield f"no write of the case carries {name}, which {named(told.replied)} answered"
        return
    if told.kind is FateKind.NEVER_WRITTEN:
        assert told.replied is not None, "only what was acknowledged is missed"
        yield (f"{name} was answered by {named(told.replied)}, and no write of the case carries it")
        return
    first, *others = told.copies
    yield f"{name} {_copy(first, is_missing=told.is_missing)}{_reading(told)}"
    if told.taken is Taken.HALF_WAY:
        yield f"that `open` began to write {escape(first.path)} anew, and did not return"
    if told.torn is not None:
        lies = "lies" if first.kind is FateKind.THERE else "lay"
        yield f"before it in the file {lies} what {_torn(told, told.torn)}"
    if told.unread is not None:
        did = "had given a part only" if told.unread.is_short else "had failed"
        what = "open" if told.unread.kind is EventKind.OPEN else "read"
        yield f"before that {named(told.unread)}, {what} {escape(told.unread.path)}, {did}"
    if told.over is not None:
        yield f"{named(told.over)} went over it at its place, and was torn"
    if told.failed is not None:
        yield f"in the file that took its place it {_failed(told.failed)}"
    if told.outlasted is not None:
        began, path = named(told.outlasted), escape(first.path)
        if told.is_used_again:
            aside = f"renamed {escape(told.outlasted.path)} to {escape(told.outlasted.path_to)}"
            yield f"since then {began}, of a compaction, {aside}, which was named {path} later"
        else:
            yield f"since then {began}, of a compaction, began to change {path}"
    for other in others:
        yield f"another copy {_copy(other, is_missing=told.is_missing)}"
    yield from _beside(told)


def _torn(told: RecordFate, torn: EventRef) -> str:
    if told.torn_sync is None:
        return f"{named(torn)} {left_words(torn)}"
    return f"{named(torn)} left: {named(told.torn_sync)}, its sync, failed"


def _beside(told: RecordFate) -> Iterator[str]:
    """Yield what happened to other files."""
    if told.ahead is not None:
        yield f"before its reply {listing([told.ahead])}, which the same call had written"
    if told.beside is not None and told.beside.write.kind is EventKind.RENAME:
        write = told.beside.write
        yield (
            f"the power loss took what {named(write)} did, which {did(write)}: no sync of the "
            f"directory {escape(keeps_beside(told.beside))} kept it"
        )
    elif told.beside is not None:
        path = escape(told.beside.write.path)
        yield (
            f"the power loss took what {named(told.beside.write)} wrote to {path}, and nothing of "
            f"any other file: no sync of {path} came after it"
        )
    if told.since:
        yield f"since it was written: {listing(told.since)}"


def _shown(told: RecordFate | None) -> Iterator[str]:
    """Yield what is said of a record that is shown and is not to be."""
    if told is None:
        return
    first, *rest = _record(told)
    yield f"what is shown and is not to be: {first}"
    yield from rest


def _failed(failed: FailedWriteFate) -> str:
    place = f"{escape(failed.event.path)}, {failed.length:,} bytes at {failed.start:,}"
    begin = f"was to be written by {named(failed.event)} ({place}), which"
    if failed.errno:
        name = errno.errorcode.get(failed.errno, f"errno {failed.errno}")
        return f"{begin} failed with {name}"
    return f"{begin} wrote {failed.done_bytes:,} bytes of them"


def _copy(copy: CopyFate, *, is_missing: bool) -> str:
    place = f"{_file(copy)}, bytes {copy.start}-{copy.end - 1}"
    by = "" if copy.by is None else named(copy.by)
    written = named(copy.written)
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
    return f"{lost}, and {named(copy.written_over)} had written over the file that has it again"


def _came_back(copy: CopyFate) -> str:
    if copy.came_back is None:
        return ""
    path = copy.came_back.path
    is_over = copy.kind is FateKind.OVERWRITTEN
    what = f" with what {escape(path)} has" if is_over else f" when {escape(path)} was there again"
    return (
        f"{what}: {named(copy.came_back)} had removed that, and no sync of "
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
        return f": {named(copy.failed_sync)}, its sync, {_how_failed(copy)}"
    if copy.not_synced and copy.open_sync is not None:
        return f": {named(copy.open_sync)}, its sync, had not returned"
    if copy.not_synced and copy.early_sync is not None:
        path = escape(copy.not_synced)
        return f": {named(copy.early_sync)} had begun before it, and no sync of {path} did later"
    if copy.not_synced and copy.part_sync is not None:
        part = copy.part_sync
        return (
            f": {part.event.kind.value} of {part.start}-{part.end - 1} by {named(part.event)} "
            f"left out bytes {part.left_start}-{part.left_end - 1}"
        )
    if copy.not_synced:
        return f": no sync of {_to_sync(copy)} came after it"
    return ""


def _reading(told: RecordFate) -> str:
    if not told.is_missing or told.kind is not FateKind.THERE:
        return ""
    if told.reading is Reading.UNKNOWN:
        return ", and recovery did not show it"
    if told.reading is Reading.ALTERED:
        return ", and recovery showed it altered"
    return f", and recovery did not show it; it shows {told.reading.value}"


def _reuse(reuse: NumberReuse) -> str:
    return (
        f"the offset {reuse.offset:,} was used twice: append returned it for "
        f"`{shorten(reuse.first)}`, and again, after the recovery, for `{shorten(reuse.again)}`"
    )
