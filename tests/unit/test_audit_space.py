"""What the loss of a sync adds to the legal images of a made-up trace."""

import pytest

from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import Candidate
from walcrash.tools.audit.sites import Site, without
from walcrash.tools.audit.space import (
    differing_positions,
    draw_positions,
    drawn_at,
    is_possible_with,
    list_added,
    side_by_side,
    work_of_site,
    work_of_syncs,
)
from walcrash.values.case import BootPlan
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import Placement
from walcrash.values.seed import Prng

K = EventKind
LOG = Image({"log": FileEntry(b"")})


def write(offset: int, data: bytes, *, path: str = "log", file: int = 0) -> Event:
    size = len(data)
    return Event(
        kind=K.WRITE, call=0, path=path, file=file, offset=offset, length=size, data=data,
        result=size,
    )  # fmt: skip


FSYNC = Event(kind=K.FSYNC, call=0, path="log", file=0)
SYNC_DIRECTORY = Event(kind=K.FSYNC, call=0, path=".", file=9)
REPLY = Event(kind=K.REPLY, call=0)


def boot(*events: Event, base: Image = LOG) -> RecordedBoot:
    def history_until(_: int) -> BootHistory:
        return BootHistory((), None, BootEnd.POWER_LOST)

    return RecordedBoot(
        number=1, plan=BootPlan(()), base=base, earlier=(), events=events,
        history_until=history_until,
    )  # fmt: skip


def lost(whole: RecordedBoot, *removed: int) -> RecordedBoot:
    events = without(whole.events, frozenset(removed))
    return boot(*events, base=whole.base)


def added(whole: RecordedBoot, *removed: int, model: Model = Model.POSIX) -> list[Candidate] | None:
    less = lost(whole, *removed)
    differing = differing_positions(whole, less, model)
    messages = [0] * (len(whole.events) + 1)
    return list_added(whole, less, model, differing, messages=messages, most=100)


def contents(candidates: list[Candidate] | None) -> set[bytes]:
    assert candidates is not None
    entries = (candidate.image.entries["log"] for candidate in candidates)
    return {entry.content for entry in entries if isinstance(entry, FileEntry)}


def test_after_a_lost_sync_all_positions_up_to_the_next_sync_tell() -> None:
    whole = boot(write(0, b"a"), FSYNC, REPLY, write(1, b"b"), FSYNC, REPLY)
    differing = differing_positions(whole, lost(whole, 1), Model.EXT4)
    assert [(at.event_index, at.placement) for at in differing] == [
        (2, Placement.AFTER),
        (3, Placement.AFTER),
    ]


def test_a_sync_right_behind_another_one_adds_nothing_and_neither_does_the_other() -> None:
    whole = boot(write(0, b"a"), FSYNC, FSYNC, REPLY)
    assert differing_positions(whole, lost(whole, 1), Model.POSIX) == []
    assert differing_positions(whole, lost(whole, 2), Model.POSIX) == []
    assert differing_positions(whole, lost(whole, 1, 2), Model.POSIX) != []


def test_the_sync_of_a_file_covers_the_names_in_the_journal_of_ext4_and_not_in_posix() -> None:
    made = Event(kind=K.CREATE, call=0, path="log", file=0)
    whole = boot(made, write(0, b"a"), FSYNC, SYNC_DIRECTORY, REPLY, base=Image({}))
    assert differing_positions(whole, lost(whole, 3), Model.EXT4) == []
    assert differing_positions(whole, lost(whole, 3), Model.POSIX) != []


def test_where_nothing_can_be_lost_no_position_tells() -> None:
    whole = boot(write(0, b"a"), FSYNC, REPLY)
    assert differing_positions(whole, lost(whole, 1), Model.KILL) == []
    assert differing_positions(whole, lost(whole, 1), Model.ORDERED) != []


def test_the_images_that_only_the_loss_allows_are_listed_each_once() -> None:
    whole = boot(write(0, b"a"), FSYNC, REPLY)
    assert contents(added(whole, 1, model=Model.EXT4)) == {b"", b"\0"}
    assert contents(added(whole, 1, model=Model.ORDERED)) == {b""}


def test_images_that_were_legal_with_the_sync_are_not_listed() -> None:
    whole = boot(write(0, b"a"), FSYNC, write(1, b"b"), REPLY)
    found = contents(added(whole, 1, model=Model.ORDERED))
    assert found == {b""}


def test_a_rewrite_of_the_same_bytes_adds_no_image() -> None:
    base = Image({"log": FileEntry(b"same")})
    whole = boot(write(0, b"same"), FSYNC, REPLY, base=base)
    assert differing_positions(whole, lost(whole, 1), Model.EXT4) != []
    assert added(whole, 1, model=Model.EXT4) == []


def test_too_many_images_are_not_listed() -> None:
    whole = boot(write(0, bytes(range(256)) * 40), FSYNC, REPLY)
    assert added(whole, 1) is None


def test_drawn_images_are_all_added_by_the_loss_and_all_different() -> None:
    whole = boot(write(0, bytes(range(256)) * 40), FSYNC, write(10240, b"b"), REPLY)
    less = lost(whole, 1)
    last = differing_positions(whole, less, Model.EXT4)[-1]
    for sides in side_by_side(whole, less):
        if sides.position == last:
            found = list(drawn_at(sides, Model.EXT4, Prng(1), 20))
    assert len(found) == len({candidate.digest for candidate in found}) == 20
    assert not any(is_possible_with(whole, candidate, Model.EXT4) for candidate in found)


def test_an_image_that_was_possible_with_the_sync_is_known_as_such() -> None:
    whole = boot(write(0, b"a"), FSYNC, write(1, b"b"), REPLY)
    (only,) = added(whole, 1, model=Model.ORDERED) or []
    assert not is_possible_with(whole, only, Model.ORDERED)
    image = Image({"log": FileEntry(b"a")})
    assert is_possible_with(whole, Candidate(only.choice, image, image.digest()), Model.ORDERED)


def test_positions_right_after_something_was_said_come_first() -> None:
    steps = [event for at in range(20) for event in (write(at, b"x"), REPLY)]
    whole = boot(write(30, b"a"), FSYNC, *steps)
    differing = differing_positions(whole, lost(whole, 1), Model.EXT4)
    chosen = draw_positions(differing, whole, Prng(3), 8)
    spoken = [at for at in chosen if whole.events[at.event_index].is_message]
    assert len(chosen) == 8
    assert len(spoken) >= 4
    assert differing[-1] in chosen


@pytest.mark.parametrize("most", [1, 2, 100])
def test_never_more_positions_are_drawn_than_there_are(most: int) -> None:
    whole = boot(write(0, b"a"), FSYNC, REPLY, write(1, b"b"), REPLY)
    differing = differing_positions(whole, lost(whole, 1), Model.EXT4)
    assert len(draw_positions(differing, whole, Prng(1), most)) <= min(most, len(differing))
    assert set(draw_positions(differing, whole, Prng(1), most)) <= set(differing)


def test_what_a_sync_had_to_do_is_measured() -> None:
    whole = boot(write(0, b"abc"), FSYNC, FSYNC, REPLY)
    work = work_of_syncs(whole, frozenset({1, 2}), Model.EXT4)
    first = work_of_site(Site("first", frozenset({1})), work, whole, Model.EXT4)
    assert (first.calls, first.idle, first.bytes_pending, first.names_pending) == (1, 0, 3, 0)
    second = work_of_site(Site("second", frozenset({2})), work, whole, Model.EXT4)
    assert (second.calls, second.idle, second.covered, second.bytes_pending) == (1, 1, 1, 0)


def test_a_sync_with_nothing_to_do_is_covered_only_by_one_of_the_same_call() -> None:
    late = Event(kind=K.FSYNC, call=1, path="log", file=0)
    whole = boot(write(0, b"abc"), FSYNC, late, REPLY)
    work = work_of_syncs(whole, frozenset({1, 2}), Model.EXT4)
    site = work_of_site(Site("late", frozenset({2})), work, whole, Model.EXT4)
    assert (site.idle, site.covered) == (1, 0)


def test_a_sync_of_another_file_covers_nothing() -> None:
    whole = boot(write(0, b"abc"), FSYNC, SYNC_DIRECTORY, REPLY)
    work = work_of_syncs(whole, frozenset({1, 2}), Model.POSIX)
    site = work_of_site(Site("directory", frozenset({2})), work, whole, Model.POSIX)
    assert (site.idle, site.covered) == (1, 0)


CHMOD = Event(kind=K.ATTRIBUTE, call=0, path="log", file=0, mode=0o600)
UNREADABLE = Image({"log": FileEntry(b"x", 0)})


@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_a_sync_that_makes_a_mode_durable_has_something_to_do(model: Model) -> None:
    """The one that was called idle: what is outstanding was said without the modes."""
    whole = boot(CHMOD, FSYNC, REPLY, base=UNREADABLE)
    work = work_of_syncs(whole, frozenset({1}), model)
    site = work_of_site(Site("mode", frozenset({1})), work, whole, model)
    assert (site.calls, site.idle, site.bytes_pending, site.names_pending) == (1, 0, 0, 0)
    assert differing_positions(whole, lost(whole, 1), model) != []
    candidates = added(whole, 1, model=model)
    assert candidates is not None
    assert [candidate.image.entries["log"] for candidate in candidates] == [FileEntry(b"x", 0)]
