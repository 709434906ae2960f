"""Beneath: what the loss of pending writes would show in their place."""

from walcrash.disk import Pending, beneath
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image

LOG = 0


def written(offset: int, data: bytes) -> Event:
    return Event(
        kind=EventKind.WRITE, path="log", file=LOG, offset=offset, length=len(data), data=data,
        result=len(data),
    )  # fmt: skip


def pending(content: bytes, *events: Event) -> Pending:
    found = Pending(Image({"log": FileEntry(content, 0o644)}))
    for event in events:
        found.apply(event)
    return found


def test_what_was_never_written_is_nothing_and_what_was_is_old() -> None:
    assert beneath(pending(b"abc")) == frozenset()
    assert beneath(pending(b"abc", written(3, b"def"))) == {"-"}
    assert beneath(pending(bytes(512) + b"old", written(512, b"new"), written(0, b"n"))) == {"zo"}
    assert beneath(pending(b"old", written(0, b"newer"))) == {"o-"}


def test_what_is_written_once_more_as_it_was_hides_nothing() -> None:
    assert beneath(pending(b"same", written(0, b"same"))) == {""}
