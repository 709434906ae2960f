"""The bytes around a loss: as they were written, and as the last recovery found them.

The place is that of the last crash which took something: the first lost bytes of a power loss,
or the place at which a kill tore a write. Where no crash took anything it is the last write.

Not here: which bytes a power loss may take (`walcrash.disk`).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import ChangeFate, Pending
from walcrash.disk.file_history import FileHistory
from walcrash.findings.story_parts import short
from walcrash.subjects.messages import effect_id
from walcrash.values.content import PIECE_BYTES, Buffer, Content
from walcrash.values.event import Event, EventKind
from walcrash.values.history import Call, Outcome
from walcrash.values.image import Image
from walcrash.values.story import MARKS_SHOWN, VIEW_BYTES, Aspect, ByteView, Mark

# limits
WRITES_KEPT: Final = 4096
"""Writes of a case among which marks are sought, from its end."""

BEFORE_THE_LOSS_BYTES: Final = 64
"""How much of a view lies before the loss."""

LINE_BYTES: Final = 16
"""A view begins at a multiple of this."""

_WORTH: Final = (Aspect.DATA, Aspect.SIZE, Aspect.NAME, Aspect.MODE)


@dataclass(frozen=True, slots=True)
class _Write:
    """One write: of which boot and call, where, and how the call is named."""

    boot: int
    call: int
    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a file, and the file as it was in memory when the crash fell."""

    boot: int
    path: str
    offset: int
    content: Content


@dataclass(slots=True)
class Touched:
    """What a case has written so far, and the last place at which something was lost."""

    writes: deque[_Write] = field(default_factory=lambda: deque(maxlen=WRITES_KEPT))
    calls: dict[tuple[int, int], Call] = field(default_factory=dict)
    place: _Place | None = None
    boot: int = 0

    def begin(self, number: int, boot: WatchedBoot) -> None:
        """Begin another boot."""
        self.boot = number
        self.calls.update({(number, at): call for at, call in enumerate(boot.history.calls)})

    def see(self, event: Event) -> None:
        """Take the next event."""
        if event.kind is EventKind.WRITE and event.result > 0:
            end = event.offset + event.result
            self.writes.append(_Write(self.boot, event.call, event.path, event.offset, end))
        elif event.kind is EventKind.RENAME and event.result >= 0:
            moved = [
                replace(write, path=event.path_to) if write.path == event.path else write
                for write in self.writes
                if write.path != event.path_to
            ]
            self.writes = deque(moved, maxlen=WRITES_KEPT)

    def tear_write(self, event: Event, disk: Pending) -> None:
        """Note a kill within a write, of which memory has a part."""
        content = Buffer(_content(disk, event.path) or b"")
        content.write(event.offset, event.data)
        at = event.offset + max(0, event.result)
        self.place = _Place(self.boot, event.path, at, content.content())

    def lose(self, fates: Sequence[tuple[ChangeFate, int]], disk: Pending, image: Image) -> None:
        """Note what a power loss took.

        Args:
            fates: what became of each pending change, and the call of this boot that made it
                (-1 if it was none of this boot).
            disk: memory as it was, with all that was written until then.
            image: what was left.
        """
        lost = [(fate, call) for fate, call in fates if not fate.is_kept and fate.path]
        # What memory had goes before what has come back.
        lost.sort(key=lambda each: (*self._informative(each), _content(disk, each[0].path) is None))
        for fate, _ in lost:
            written, left = _content(disk, fate.path), image.content(fate.path)
            if written == left:
                continue
            before = written or left or b""
            at = fate.lost[0][0] if fate.lost else _first_difference(before, left or b"")
            self.place = _Place(self.boot, fate.path, at, before)
            return

    def _informative(self, lost: tuple[ChangeFate, int]) -> tuple[bool, int]:
        """Put what an acknowledged call did first, and content before names."""
        fate, number = lost
        call = self.calls.get((self.boot, number))
        is_promised = number < 0 or (call is not None and call.outcome is Outcome.ACKNOWLEDGED)
        return not is_promised, _WORTH.index(fate.aspect)


def effect_text(event: Event) -> str:
    """Return the id in an effect; empty for any other event."""
    return short(effect_id(event.data)) if event.kind is EventKind.EFFECT else ""


def byte_view(touched: Touched, disk: Pending, number: Callable[[str], int]) -> ByteView | None:
    """Return the bytes around the loss.

    Args:
        touched: what the case has written.
        disk: what the last recovery found.
        number: gives a name its number in the story.
    """
    place = touched.place or _last_write(touched, disk)
    if place is None:
        return None
    found = _content(disk, place.path)
    longest = max(len(place.content), len(found or b""))
    start = max(0, min(place.offset, longest) - BEFORE_THE_LOSS_BYTES) // LINE_BYTES * LINE_BYTES
    end = min(start + VIEW_BYTES, longest)
    if end <= start:
        return None
    return ByteView(
        path=number(place.path),
        boot=place.boot,
        start=start,
        written=place.content[start:end],
        found=(found or b"")[start:end],
        size_written=len(place.content),
        size_found=-1 if found is None else len(found),
        marks=_marks(touched, place.path, start, end),
    )


def _last_write(touched: Touched, disk: Pending) -> _Place | None:
    for write in reversed(touched.writes):
        content = _content(disk, write.path)
        if content is not None:
            return _Place(write.boot, write.path, write.start, content)
    return None


def _content(disk: Pending, path: str) -> Content | None:
    number = disk.names.find(path)
    node = None if number is None else disk.nodes.get(number)
    return node.content(node.size, disk.now, {}) if isinstance(node, FileHistory) else None


def _first_difference(one: Content, other: Content) -> int:
    shorter = min(len(one), len(other))
    for start in range(0, shorter, PIECE_BYTES):
        a, b = one[start : start + PIECE_BYTES], other[start : start + PIECE_BYTES]
        if a != b:
            pairs = enumerate(zip(a, b, strict=False))
            return start + next((at for at, (x, y) in pairs if x != y), min(len(a), len(b)))
    return shorter


def _marks(touched: Touched, path: str, start: int, end: int) -> tuple[Mark, ...]:
    marks: dict[int, Mark] = {}
    begun: set[tuple[int, int]] = set()
    for write in touched.writes:
        key = write.boot, write.call
        call = touched.calls.get(key)
        if write.path != path or call is None or key in begun:
            continue
        begun.add(key)
        offset = call.offset
        is_offset = offset is not None and write.start <= offset < write.end
        at = offset if is_offset and offset is not None else write.start
        if start <= at < end:
            marks[at] = Mark(at, short(str(call.operation)), is_offset)
    return tuple(marks[at] for at in sorted(marks)[:MARKS_SHOWN])
