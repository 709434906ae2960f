"""Where in a trace a cut of the device's log may have fallen."""

from walcrash.case.places import Place, Places
from walcrash.values.event import Event, EventKind


def trace(*kinds: EventKind) -> list[Event]:
    return [Event(kind=kind) for kind in kinds]


def test_a_call_that_wrote_nothing_lies_at_one_count_with_its_neighbours() -> None:
    places = Places(trace(EventKind.CREATE, EventKind.WRITE), {0: (0, 0), 1: (0, 0)}, 0)
    assert places.of(0) == (Place(2, 2), Place(0, 0))
    assert places.of(3) == (Place(2, 2),)


def test_a_sync_is_under_way_while_its_writes_arrive() -> None:
    places = Places(trace(EventKind.WRITE, EventKind.FSYNC), {0: (0, 0), 1: (0, 4)}, 4)
    assert places.of(0) == (Place(1, 1), Place(0, 0))
    assert places.of(2) == (Place(1, 2),)
    assert places.of(4) == (Place(2, 2), Place(1, 2))
    assert places.of(6) == (Place(2, 2),)


def test_what_arrives_between_two_calls_finds_none_under_way() -> None:
    places = Places(trace(EventKind.WRITE, EventKind.WRITE), {0: (0, 0), 1: (5, 5)}, 5)
    assert places.of(3) == (Place(1, 1),)


def test_what_the_kernel_does_itself_has_returned_when_the_next_call_begins() -> None:
    events = trace(EventKind.MSYNC, EventKind.WRITE)
    assert Places(events, {0: (0, 0), 1: (6, 6)}, 6).of(3) == (Place(0, 1),)
    assert Places(events[:1], {0: (0, 0)}, 6).of(3) == (Place(0, 1),)


def test_a_message_and_a_store_lie_between_their_neighbours() -> None:
    events = trace(EventKind.WRITE, EventKind.REPLY, EventKind.FSYNC)
    places = Places(events, {0: (0, 0), 2: (2, 5)}, 5)
    assert places.of(1) == (Place(1, 2),)
    assert places.of(2) == (Place(2, 2), Place(1, 2))
    assert places.of(4) == (Place(2, 3),)
