"""Search targets: a crash told by what it falls on is found again in another trace."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_up_subject import SYNC, boot_of, closed, done, put, recorded_boot, trace_of

from walcrash.case.search_target import EventRef, PowerTarget, shape_of, target_of
from walcrash.disk import crash_points_in_write, images
from walcrash.values.case import BootPlan
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event, EventKind
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition, Placement

MODELS = (PersistenceModel.POSIX,)
PLAN = closed(put(1), SYNC, put(2), done(1))
TRACE = trace_of(PLAN)


def target(
    at: EventRef | None, placement: Placement = Placement.AFTER, kept: int = 0
) -> PowerTarget:
    return PowerTarget(models=MODELS, images=1, at=at, placement=placement, kept_bytes=kept)


# Events by what they are.


@pytest.mark.parametrize("index", range(len(TRACE)))
def test_an_event_is_found_by_its_call_its_kind_and_its_number(index: int) -> None:
    named = EventRef.of(TRACE, index)
    assert named.find(TRACE) == index
    assert (named.call, named.kind) == (TRACE[index].call, TRACE[index].kind)


def test_the_second_of_a_kind_is_not_the_first() -> None:
    trace = [Event(kind=EventKind.FSYNC, call=call) for call in (0, 1, 1, 1)]
    assert [EventRef.of(trace, index).ordinal for index in range(4)] == [0, 0, 1, 2]
    assert EventRef(1, EventKind.FSYNC, 2).find(trace) == 3
    assert EventRef(1, EventKind.FSYNC, 3).find(trace) is None
    assert EventRef(1, EventKind.WRITE, 0).find(trace) is None


def test_an_event_moves_with_its_call_and_is_gone_with_it() -> None:
    named = EventRef(2, EventKind.WRITE, 0)
    assert named.moved({0: 0, 2: 1}) == EventRef(1, EventKind.WRITE, 0)
    assert named.moved({0: 0, 1: 1}) is None


# Where a target falls.


def test_a_target_without_an_event_is_the_start_of_the_boot() -> None:
    assert target(None).position(TRACE, 7) == CrashPosition(7, Placement.BEFORE)


def test_a_target_after_an_event_counts_the_events_of_boots_before() -> None:
    index = 3
    found = target(EventRef.of(TRACE, index)).position(TRACE, 10)
    assert found == CrashPosition(10 + index, Placement.AFTER)


def test_a_target_in_a_trace_without_its_event_falls_nowhere() -> None:
    assert target(EventRef(9, EventKind.WRITE, 0)).position(TRACE, 0) is None


def test_a_target_within_a_write_falls_where_a_write_can_be_cut() -> None:
    """The write may be shorter now, and the bytes that were kept no place to cut it at."""
    length = 2000
    write = Event(kind=EventKind.WRITE, call=0, length=length, data=bytes(length), result=length)
    points = crash_points_in_write(write)
    named = EventRef(0, EventKind.WRITE, 0)
    for kept in (1, 300, 700, length, 10 * length):
        found = target(named, Placement.WITHIN, kept).position([write], 0)
        assert found is not None
        assert found.placement is Placement.WITHIN
        assert found.kept_bytes in points
        assert all(abs(found.kept_bytes - kept) <= abs(point - kept) for point in points)


def test_a_target_within_a_synchronous_write_may_fall_where_all_of_it_is_in_memory() -> None:
    write = Event(
        kind=EventKind.WRITE, call=0, length=100, data=bytes(100), result=100, is_synchronous=True
    )
    found = target(EventRef(0, EventKind.WRITE, 0), Placement.WITHIN, 100).position([write], 0)
    assert found == CrashPosition(0, Placement.WITHIN, 100)


def test_a_target_within_a_write_that_cannot_be_cut_falls_nowhere() -> None:
    write = Event(kind=EventKind.WRITE, call=0, length=1, data=b"x", result=1)
    assert target(EventRef(0, EventKind.WRITE, 0), Placement.WITHIN, 1).position([write], 0) is None


# After calls have got other positions.


def test_a_target_whose_call_is_gone_falls_after_the_reply_of_the_one_before() -> None:
    moved = target(EventRef(3, EventKind.WRITE, 0), Placement.WITHIN, 5).moved({0: 0, 1: 1, 4: 2})
    assert moved.at == EventRef(1, EventKind.REPLY, 0)
    assert (moved.placement, moved.kept_bytes) == (Placement.AFTER, 0)


def test_a_target_with_no_call_before_it_falls_at_the_start_of_the_boot() -> None:
    moved = target(EventRef(0, EventKind.WRITE, 0)).moved({2: 0})
    assert (moved.at, moved.placement) == (None, Placement.BEFORE)


def test_what_a_policy_is_about_moves_too() -> None:
    about = EventRef(2, EventKind.WRITE, 0)
    there = PowerTarget(models=MODELS, images=1, about=about)
    assert there.moved({2: 1}).about == EventRef(1, EventKind.WRITE, 0)
    assert there.moved({1: 1}).about is None


# From an image to its target and back.


PLANS = st.lists(st.sampled_from([put(1), put(2), SYNC]), max_size=4).map(
    lambda operations: closed(*operations)
)


@settings(max_examples=40, deadline=None)
@given(plan=PLANS, earlier=st.integers(0, 2), data=st.data())
def test_the_target_of_an_image_falls_where_the_image_was_made(
    plan: BootPlan, earlier: int, data: st.DataObject
) -> None:
    boots = [boot_of(number, closed(put(9))) for number in range(1, earlier + 1)]
    recorded = recorded_boot([*boots, boot_of(earlier + 1, plan)])
    events, before = recorded.events, recorded.events_before
    found = [
        candidate.choice
        for position, pending in recorded.states()
        for candidate in images(pending, PersistenceModel.POSIX, position)
    ]
    choice = data.draw(st.sampled_from(found))
    made = target_of(choice, events, before, models=MODELS, images=3)
    assert made.position(events, before) == choice.position
    assert (made.models, made.images, made.policy) == (MODELS, 3, choice.policy)
    assert (made.exact, made.shape) == (choice, shape_of(events, before))
    if made.about is not None:
        assert made.about.find(events) == choice.about - before


@settings(max_examples=40, deadline=None)
@given(plan=PLANS, data=st.data())
def test_a_target_falls_on_the_same_event_of_the_same_call_when_a_call_before_it_is_gone(
    plan: BootPlan, data: st.DataObject
) -> None:
    count = len(plan.operations)
    assume(count > 2)
    gone = data.draw(st.integers(1, count - 2))
    calls = {old: old - (old > gone) for old in range(count) if old != gone}
    fewer = BootPlan(plan.operations[:gone] + plan.operations[gone + 1 :], plan.crash)
    old, new = trace_of(plan), trace_of(fewer)
    index = data.draw(st.sampled_from([at for at, e in enumerate(old) if e.call != gone]))
    found = target(EventRef.of(old, index)).moved(calls).position(new, 0)
    assert found is not None
    there = new[found.event_index]
    assert there.call == calls[old[index].call]
    assert there.kind is old[index].kind


def test_two_traces_have_one_shape_if_kinds_calls_and_lengths_are_the_same() -> None:
    other = trace_of(closed(put(3), SYNC, put(4), done(3)))
    assert shape_of(TRACE, 0) == shape_of(other, 0)
    assert shape_of(TRACE, 0) != shape_of(TRACE, 1), "after other boots it means something else"
    assert shape_of(TRACE, 0) != shape_of(trace_of(closed(put(10), SYNC, put(2), done(1))), 0)
    assert shape_of(TRACE, 0) != shape_of(TRACE[:-1], 0)


def test_a_choice_at_the_start_has_no_event_and_keeps_its_policy() -> None:
    recorded = recorded_boot([boot_of(1, PLAN)])
    position, pending = next(recorded.states())
    candidate = next(iter(images(pending, PersistenceModel.POSIX, position)))
    made = target_of(candidate.choice, recorded.events, 0, models=MODELS, images=1)
    assert (made.at, made.placement) == (None, Placement.BEFORE)
    assert made.policy is candidate.choice.policy
    assert isinstance(made.policy, Policy)
