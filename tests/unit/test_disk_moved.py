"""Files that were moved to another directory: under `posix`, they are somewhere that has a name."""

import pytest
from disk_events import create, fsync, rename, write
from test_disk_models import Shown, left, mkdir, replayed, unlink

from walcrash.disk import count_states, every_state
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.image import DirectoryEntry, FileEntry, Image

DATA = b"data"
BASE = Image({"a": FileEntry(DATA), "d": DirectoryEntry(), "d/f": FileEntry(DATA + b"2")})
INTO_A_NEW_ONE = [mkdir("e", 1), rename("a", "e/a", 0)]
DURABLE = Image({"d": DirectoryEntry(), "e": DirectoryEntry(), "e/a": FileEntry(DATA)})


def rmdir(path: str, file: int) -> Event:
    return Event(kind=EventKind.RMDIR, path=path, file=file)


OUT_OF_A_REMOVED_ONE = [rename("e/a", "d/a", 0), rmdir("e", 1)]


def places(images: list[Shown]) -> set[str]:
    """Return where the file is, in any image; an empty name where it is nowhere."""
    found = [{path for path, content in shown.items() if content == DATA} for shown in images]
    return set().union(*(paths or {""} for paths in found))


@pytest.mark.parametrize(
    ("base", "trace", "anywhere"),
    [
        (BASE, INTO_A_NEW_ONE, {"a", "e/a"}),
        (BASE, [*INTO_A_NEW_ONE, rename("e", "d/e", 1)], {"a", "e/a", "d/e/a"}),
        (BASE, [*INTO_A_NEW_ONE, rename("e", "d/e", 1), mkdir("e", 2)], {"a", "e/a", "d/e/a"}),
        (BASE, [*INTO_A_NEW_ONE, rename("e/a", "e/b", 0)], {"a", "e/a", "e/b"}),
        (BASE, [*INTO_A_NEW_ONE, rename("e/a", "b", 0)], {"a", "e/a", "b"}),
        (BASE, [*INTO_A_NEW_ONE, rename("e/a", "b", 0), rmdir("e", 1)], {"a", "e/a", "b"}),
        (BASE, [mkdir("e", 1), mkdir("e/n", 2), rename("a", "e/n/a", 0)], {"a", "e/n/a"}),
        (DURABLE, OUT_OF_A_REMOVED_ONE, {"e/a", "d/a"}),
    ],
)
def test_a_durable_file_that_was_moved_is_somewhere(
    base: Image, trace: list[Event], anywhere: set[str]
) -> None:
    assert places(left(base, trace, Model.POSIX)) == anywhere


def test_a_sync_of_the_old_directory_makes_the_new_name_durable_with_its_directory() -> None:
    moved = [mkdir("e", 1), rename("d/f", "e/f", 0), fsync("d", 9)]
    assert all(shown["e/f"] == DATA + b"2" for shown in left(BASE, moved, Model.POSIX))


def test_a_sync_of_the_directory_of_a_removed_one_makes_the_new_name_durable() -> None:
    assert places(left(DURABLE, [*OUT_OF_A_REMOVED_ONE, fsync(".", 9)], Model.POSIX)) == {"d/a"}


@pytest.mark.parametrize("target", ["e/u", "d/u", "u"])
def test_a_file_that_was_never_seen_may_be_nowhere(target: str) -> None:
    made = [mkdir("e", 1), create("e/t", 2), write("e/t", 2, 0, b"made"), rename("e/t", target, 2)]
    images = left(BASE, [rename("d/f", "f", 3), *made], Model.POSIX)
    assert {"a": DATA, "d": "/", "d/f": DATA + b"2"} in images
    assert b"made" in {shown.get(target) for shown in images}


def test_a_file_that_was_moved_and_removed_may_be_gone() -> None:
    images = left(BASE, [*INTO_A_NEW_ONE, unlink("e/a", 0)], Model.POSIX)
    assert places(images) == {"", "a", "e/a"}
    assert {"d": "/", "d/f": DATA + b"2"} in images


@pytest.mark.parametrize("trace", [INTO_A_NEW_ONE, [*INTO_A_NEW_ONE, rename("e/a", "b", 0)]])
def test_the_states_are_counted_as_they_are_listed(trace: list[Event]) -> None:
    pending = replayed(BASE, trace)
    space = count_states(pending, Model.POSIX)
    assert space.is_counted
    assert space.states == sum(1 for _ in every_state(pending, Model.POSIX))
