"""What a refused tree is told: the first thing that the nearest arrangement cannot explain."""

import os
from collections.abc import Mapping

import pytest
from disk_events import rename, write

from walcrash.disk import Pending, Refusal, membership, why_not
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event, EventKind
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry
from walcrash.values.moments import part
from walcrash.values.story import Aspect

K = EventKind
SECTOR = 4


def create(path: str, file: int, mode: int = 0o600) -> Event:
    return Event(kind=K.CREATE, path=path, file=file, flags=os.O_CREAT | os.O_RDWR, mode=mode)


BASE: Mapping[str, Entry] = {"log": FileEntry(b"aaaabbbb"), "d": DirectoryEntry()}


def refused(events: list[Event], model: Model, found: Mapping[str, Entry | None]) -> Refusal | None:
    """Hold the base, with some entries in the place of its own or gone, against a model."""
    pending = Pending(Image(BASE), sector_bytes=SECTOR)
    for event in events:
        pending.apply(event)
    entries = {**BASE, **found}
    return why_not(pending, model, Image({p: e for p, e in entries.items() if e is not None}))


@pytest.mark.parametrize("model", [Model.EXT4, Model.POSIX])
def test_sectors_that_never_held_what_was_found_are_counted_from_the_first(model: Model) -> None:
    trace = [write("log", 0, 4, b"1111")]
    refusal = refused(trace, model, {"log": FileEntry(b"xxxx2222")})
    assert refusal == Refusal(
        path="log", aspect=Aspect.DATA, offset=0, sectors=2, found=b"xxxx", allowed=(b"aaaa",)
    )
    refusal = refused(trace, model, {"log": FileEntry(b"aaaa2222")})
    assert refusal == Refusal(
        path="log", aspect=Aspect.DATA, offset=4, sectors=1, found=b"2222",
        allowed=(b"bbbb", b"1111"),
    )  # fmt: skip


def test_a_size_that_the_file_never_had_is_told_with_those_that_it_may_have() -> None:
    trace = [write("log", 0, 8, b"cccc")]
    refusal = refused(trace, Model.EXT4, {"log": FileEntry(b"aaaabbbbc")})
    assert refusal is not None
    assert (refusal.aspect, refusal.found, refusal.allowed) == (Aspect.SIZE, 9, (8, 12))


def test_a_mode_is_told_in_octal() -> None:
    refusal = refused([], Model.POSIX, {"d": DirectoryEntry(0o755)})
    assert refusal == Refusal(path="d", aspect=Aspect.MODE, found="755", allowed=("700",))


def test_names_are_told_for_the_moment_at_which_the_fewest_of_them_are_wrong() -> None:
    trace = [create("new", 1), rename("log", "old", 0)]
    refusal = refused(trace, Model.EXT4, {"log": None, "old": FileEntry(b"aaaabbbb")})
    assert refusal == Refusal(
        path="new", aspect=Aspect.NAME, names=part(1, 1), found=None, allowed=("file",)
    )
    link = {"old": LinkEntry("log")}
    assert refused(trace, Model.POSIX, link) is None
    refusal = refused(trace, Model.EXT4, link)
    assert refusal is not None
    assert (refusal.path, refusal.found, refusal.allowed) == ("old", "link log", (None,))


def test_a_wrong_name_inside_a_directory_is_told_by_its_path() -> None:
    refusal = refused([create("d/a", 1)], Model.POSIX, {"d/b": FileEntry(b"")})
    assert refusal is not None
    assert (refusal.path, refusal.aspect, refusal.found) == ("d/b", Aspect.NAME, "file")


def test_many_independent_names_are_decided_without_going_through_their_combinations() -> None:
    """Forty new names have 2**40 combinations; what the tree has decides on each."""
    trace = [create(f"d/f{number}", number) for number in range(1, 41)]
    half: dict[str, Entry | None] = {f"d/f{number}": FileEntry(b"") for number in range(1, 41, 2)}
    assert refused(trace, Model.POSIX, half) is None


def test_a_tree_is_undecided_where_too_many_arrangements_would_have_to_be_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(membership, "MOST_ARRANGEMENTS", 2)
    trace = [create("new", 1), rename("new", "log", 1)]
    with pytest.raises(Inconclusive, match="undecided"):
        refused(trace, Model.POSIX, {"log": FileEntry(b"other")})
