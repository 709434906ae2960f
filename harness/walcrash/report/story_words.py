"""A story in words: one short line for an event, a state, a crash, a loss, a recovery.

The terminal's explanation and the HTML report say the same things with them. All texts are
escaped here; HTML is quoted by its template.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from errno import errorcode

from walcrash.report.text import counted, escape
from walcrash.values.event import EventKind
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.moments import Placement
from walcrash.values.persistence import is_power_loss
from walcrash.values.story import (
    Aspect,
    Durability,
    Fate,
    PathState,
    Ranges,
    ShownRecovery,
    Step,
    Story,
    StoryBoot,
    StoryCall,
    StoryCrash,
)


def ranges_text(ranges: Ranges) -> str:
    """Return `bytes 16-136, 200-299`; the ends are included, as people count."""
    parts = [str(start) if end - start == 1 else f"{start}-{end - 1}" for start, end in ranges]
    is_one = len(ranges) == 1 and ranges[0][1] - ranges[0][0] == 1
    return f"{'byte' if is_one else 'bytes'} {', '.join(parts)}"


def path_text(story: Story, number: int) -> str:
    """Return a name of the story; a name that is not among them is a dash."""
    return escape(story.paths[number]) if 0 <= number < len(story.paths) else "-"


def event_text(story: Story, step: Step) -> str:
    """Return an event: `write wal.log, bytes 208-311`."""
    if step.kind is EventKind.EFFECT:
        return f"effect {escape(step.text)}"
    if step.kind is EventKind.SLOW:
        return f"{step.text} {path_text(story, step.path)} begins, and takes {step.length:,} ms"
    text: str = step.kind.value
    if step.path >= 0:
        text += f" {path_text(story, step.path)}"
    if step.path_to >= 0:
        text += f" to {path_text(story, step.path_to)}"
    if step.kind is EventKind.WRITE and step.length:
        text += f", {ranges_text(((step.offset, step.offset + step.length),))}"
    elif step.kind is EventKind.TRUNCATE:
        text += f" to {counted(step.offset, 'byte')}"
    elif step.kind in (EventKind.ALLOCATE, EventKind.MSYNC, EventKind.SYNC_RANGE) and step.length:
        text += f", {ranges_text(((step.offset, step.offset + step.length),))}"
    return text + _how(step)


def _how(step: Step) -> str:
    text = ", synchronous" if step.is_synchronous else ""
    if step.result is None:
        return text
    injected = " (injected)" if step.is_injected else ""
    if step.result < 0:
        number = -step.result
        return f"{text}, failed with {errorcode.get(number, f'errno {number}')}{injected}"
    return f"{text}, {step.result:,} of {step.length:,} bytes done{injected}"


def call_text(call: StoryCall) -> str:
    """Return a call: `append PutOperation op-2`."""
    return escape(call.operation)


def outcome_text(call: StoryCall) -> str:
    """Return how a call ended: `acknowledged, offset 208`."""
    words = {
        Outcome.ACKNOWLEDGED: "acknowledged",
        Outcome.REFUSED: "refused, may be there or not",
        Outcome.REFUSED_DEFINITE: "refused, is not there",
        Outcome.UNANSWERED: "not answered",
        Outcome.NOT_ASKED: "not asked: the operation was not known by then",
    }
    text = words[call.outcome]
    if call.offset >= 0:
        text += f", offset {call.offset}"
    return f"{text}: {escape(call.error)}" if call.error else text


def state_text(story: Story, state: PathState) -> str:
    """Return where a name stands: `wal.log: 208 bytes durable, bytes 208-311 pending`."""
    name = path_text(story, state.path)
    durability = {
        Durability.DURABLE: "",
        Durability.NEW: "name pending",
        Durability.REMOVED: "removed, the disk still has it",
        Durability.REPLACED: "name pending, the disk has the older file",
        Durability.ABSENT: "gone",
    }[state.durability]
    if state.durability in (Durability.REMOVED, Durability.ABSENT):
        return f"{name}: {durability}"
    content = _content_text(state)
    return f"{name}: {'; '.join(part for part in (durability, content) if part) or 'durable'}"


def _content_text(state: PathState) -> str:
    if not state.pending and state.size == state.durable_size:
        return f"{counted(state.size, 'byte')} durable" if state.size else ""
    pending = f"{ranges_text(state.pending)} pending" if state.pending else ""
    if state.size == state.durable_size:
        return pending
    sizes = f"size {state.size:,}, durable {state.durable_size:,}"
    return f"{sizes}; {pending}" if pending else sizes


def crash_text(number: int, boot: StoryBoot) -> str:
    """Return how a boot ended: `power lost after event 14 (ext4)`."""
    crash = boot.crash
    if crash is None:
        words = {
            BootEnd.CLOSED: "closed",
            BootEnd.KILLED: "killed, at no stated event",
            BootEnd.POWER_LOST: "the power was lost, at no stated event",
            BootEnd.DIED: "ended by itself",
        }
        return f"boot {number}: {words[boot.end]}"
    is_kill = not is_power_loss(crash.model)
    what = "killed" if is_kill else "the power was lost"
    text = f"boot {number}: {what} {crash.placement.value} event {crash.event}"
    if crash.placement is Placement.WITHIN:
        text += f", when {counted(crash.kept_bytes, 'byte')} of it had reached memory"
    return text if is_kill else f"{text} ({crash.model.value})"


def kept_text(crash: StoryCrash) -> str:
    """Return what a crash took, in a sentence."""
    if not is_power_loss(crash.model):
        return "a kill takes nothing of what the page cache has"
    lost = sum(not fate.is_kept for fate in crash.fates)
    if not crash.fate_count:
        return "nothing was pending, so nothing was lost"
    if not lost:
        return f"all of {counted(crash.fate_count, 'pending change')} kept"
    return f"of {counted(crash.fate_count, 'pending change')} not all were kept"


@dataclass(frozen=True, slots=True)
class FateLine:
    """What became of one event's changes: a word, the event, and what of it."""

    word: str
    event: str
    what: str


def fate_lines(story: Story, number: int, crash: StoryCrash) -> Iterator[FateLine]:
    """Yield what became of the pending changes, one line for each event and word."""
    grouped: dict[tuple[str, int, int], list[str]] = {}
    for fate in crash.fates:
        for word, what in _fate_parts(story, fate):
            grouped.setdefault((word, fate.boot, fate.event), []).append(what)
    for (word, boot, event), parts in grouped.items():
        where = f"event {event}" if boot == number else f"event {event} of boot {boot}"
        yield FateLine(word, where, "; ".join(dict.fromkeys(parts)))
    if crash.fate_count > len(crash.fates):
        more = counted(crash.fate_count - len(crash.fates), "more pending change")
        yield FateLine("and", more, "left out here")


def _fate_parts(story: Story, fate: Fate) -> Iterator[tuple[str, str]]:
    path = path_text(story, fate.path)
    if fate.aspect is not Aspect.DATA:
        yield "kept" if fate.is_kept else "lost", f"{path}, its {fate.aspect.value}"
        return
    if fate.lost:
        stale = ", bytes of another time in their place" if fate.is_stale else ""
        yield "lost", f"{path}, {ranges_text(fate.lost)}{stale}"
    if fate.kept:
        zeros = "zeros in " if _is_truncation(story, fate) else ""
        yield "kept", f"{path}, {zeros}{ranges_text(fate.kept)}"


def _is_truncation(story: Story, fate: Fate) -> bool:
    """Whether a change truncated a file: what it leaves of the bytes behind its end are zeros."""
    steps = story.boots[fate.boot - 1].steps
    return any(step.event == fate.event and step.kind is EventKind.TRUNCATE for step in steps)


def recovery_lines(recovery: ShownRecovery) -> Iterator[str]:
    """Yield what a recovery showed, the first line for all of it."""
    if recovery.failure:
        yield f"failed: {escape(recovery.failure)}"
        return
    text = counted(recovery.record_count, "record")
    if recovery.checkpoint is not None:
        text += f"; checkpoint {recovery.checkpoint}, applied {recovery.applied}"
    yield text
    before = -1
    for record in recovery.records:
        if record.number > before + 1:
            yield f"({counted(record.number - before - 1, 'record')} left out)"
        yield f"{escape(record.record)} at {record.offset}"
        before = record.number


def jumps(numbers: Sequence[int]) -> dict[int, int]:
    """Return, for each number that does not follow the one before it, how many are left out."""
    found: dict[int, int] = {}
    expected = 0
    for number in numbers:
        if number > expected:
            found[number] = number - expected
        expected = number + 1
    return found


@dataclass(frozen=True, slots=True)
class BytesRow:
    """One line of a view: where it starts, the bytes found and those written; None is no byte."""

    offset: int
    found: tuple[int | None, ...]
    written: tuple[int | None, ...]
    marks: tuple[str, ...]


def bytes_rows(story: Story, *, width: int = 16) -> Iterator[BytesRow]:
    """Yield a story's view in rows."""
    view = story.view
    if view is None:
        return
    length = max(len(view.written), len(view.found))
    for at in range(0, length, width):
        offset, columns = view.start + at, range(at, min(at + width, length))
        yield BytesRow(
            offset,
            tuple(_bytes(view.found, columns)),
            tuple(_bytes(view.written, columns)),
            tuple(
                f"{mark.offset}: {escape(mark.label)}"
                for mark in view.marks
                if offset <= mark.offset < offset + width
            ),
        )


def _bytes(data: bytes, columns: Iterable[int]) -> Iterator[int | None]:
    return (data[at] if at < len(data) else None for at in columns)
