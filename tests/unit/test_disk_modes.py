"""Modes: what a power loss leaves of them, by small traces."""

import os
from collections.abc import Sequence

import pytest
from test_disk_models import DIRECTORY_SYNC, fdatasync, fsync, write

from walcrash.disk import ImageBuilder, Pending, count_states, every_state, images, rebuild
from walcrash.values.case_file import CASES
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.image import DirectoryEntry, FileEntry, Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import CrashPosition

K = EventKind
BASE = Image({"d": DirectoryEntry(0o755), "d/log": FileEntry(b"x", 0o644)})
ALL = (Model.ORDERED, Model.EXT4, Model.POSIX)


def chmod(path: str, file: int, mode: int, result: int = 0) -> Event:
    return Event(kind=K.ATTRIBUTE, path=path, file=file, mode=mode, result=result)


def create(path: str, file: int, mode: int) -> Event:
    return Event(kind=K.CREATE, path=path, file=file, flags=os.O_CREAT | os.O_RDWR, mode=mode)


def left(events: Sequence[Event], model: Model, path: str) -> set[int | None]:
    """Return the modes that a path may have at the end of a trace; None is no such path."""
    pending = Pending(BASE)
    for event in events:
        pending.apply(event)
    builder = ImageBuilder(pending)
    found: set[int | None] = set()
    states = list(every_state(pending, model))
    assert len(states) == count_states(pending, model).states
    for state in states:
        entry = builder.build_state(state).entries.get(path)
        assert entry is None or isinstance(entry, FileEntry | DirectoryEntry)
        found.add(None if entry is None else entry.mode)
    return found


READ_ONLY = chmod("d/log", 0, 0o444)


@pytest.mark.parametrize("path", ["d/log", "d"])
@pytest.mark.parametrize("model", ALL)
def test_a_change_of_mode_may_be_lost_until_the_file_or_directory_is_synced(
    path: str, model: Model
) -> None:
    before = 0o644 if path == "d/log" else 0o755
    change = chmod(path, 0, 0o500)
    assert left([change], model, path) == {before, 0o500}
    assert left([change], Model.KILL, path) == {0o500}
    assert left([change, fsync(path, 0)], model, path) == {0o500}
    assert left([change, Event(kind=K.SYNC_ALL)], model, path) == {0o500}


def test_a_change_of_mode_that_failed_changes_nothing() -> None:
    assert left([chmod("d/log", 0, 0o444, -1)], Model.POSIX, "d/log") == {0o644}
    assert left([Event(kind=K.ATTRIBUTE, path="d/log", file=0)], Model.POSIX, "d/log") == {0o644}


def test_an_fdatasync_covers_no_mode_but_on_ext4_where_the_file_has_grown() -> None:
    plain = [READ_ONLY, fdatasync("d/log", 0)]
    for model in (Model.EXT4, Model.POSIX):
        assert left(plain, model, "d/log") == {0o644, 0o444}
    assert left(plain, Model.ORDERED, "d/log") == {0o444}
    grown = [READ_ONLY, write("d/log", 0, 1, b"y"), fdatasync("d/log", 0)]
    assert left(grown, Model.EXT4, "d/log") == {0o444}
    assert left(grown, Model.POSIX, "d/log") == {0o644, 0o444}


def test_modes_and_names_keep_their_order_on_ext4_and_not_on_posix() -> None:
    trace = [READ_ONLY, create("mark", 1, 0o600)]
    for model, is_possible in ((Model.EXT4, False), (Model.POSIX, True)):
        pending = Pending(BASE)
        for event in trace:
            pending.apply(event)
        found = [ImageBuilder(pending).build_state(state) for state in every_state(pending, model)]
        mixed = [
            image for image in found
            if "mark" in image.entries and image.entries["d/log"] == FileEntry(b"x", 0o644)
        ]  # fmt: skip
        assert bool(mixed) is is_possible


@pytest.mark.parametrize("model", ALL)
def test_a_new_file_or_directory_has_the_mode_that_it_was_made_with(model: Model) -> None:
    trace = [create("new", 1, 0o440), Event(kind=K.MKDIR, path="e", file=2, mode=0o711)]
    assert left(trace, model, "new") == {None, 0o440}
    assert left(trace, model, "e") == {None, 0o711}
    assert left([*trace, DIRECTORY_SYNC], model, "new") == {0o440}


def test_a_file_that_is_made_private_after_it_was_made_may_be_found_open() -> None:
    trace = [create("secret", 1, 0o644), chmod("secret", 1, 0o600), DIRECTORY_SYNC]
    assert left(trace, Model.POSIX, "secret") == {0o644, 0o600}
    assert left(trace, Model.EXT4, "secret") == {0o600}


def test_each_choice_of_modes_is_found_named_and_rebuilt_alone() -> None:
    events = [READ_ONLY, chmod("d", 1, 0o700), chmod("d/log", 0, 0o400)]
    pending = Pending(BASE)
    for event in events:
        pending.apply(event)
    for model in ALL:
        found = list(images(pending, model, CrashPosition(2)))
        assert len({one.digest for one in found}) == len(found) > 2
        for one in found:
            stored = CASES.from_json(ImageChoice, CASES.to_json(one.choice), "choice")
            assert rebuild(stored, BASE, events) == one.image
            assert stored.describe(dict(enumerate(events)))


def test_a_mode_that_was_changed_in_a_killed_boot_is_pending_in_the_next() -> None:
    pending = Pending(BASE)
    pending.apply_boot([READ_ONLY])
    builder = ImageBuilder(pending)
    found = {builder.build_state(c).entries["d/log"] for c in every_state(pending, Model.POSIX)}
    assert found == {FileEntry(b"x", 0o644), FileEntry(b"x", 0o444)}
