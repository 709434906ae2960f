"""Counterparts: where a crash falls in a trace that lacks the faults of the one it was found in.

A short write that the subject goes on with, and a failed call that it makes again, are one call
where nothing is injected. A crash that is named by how many events came before it falls on another
call there, and shows nothing. So it is named by its event without those that the faults added: the
n-th of its kind in its call. A crash between the parts of one write falls within that write.

Where a boot is left out whose `open` gave up, the one behind it makes files that it had found. So
there the event is named by its file as well, and looked up in a trace without any crash.

Not here: what the subject does otherwise since a fault is gone; which runs are made (`plain`,
`walcrash.minimise`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.search_target import EventRef, PowerTarget, target_of
from walcrash.case.watched_boot import WatchedBoot
from walcrash.values.case import BootPlan
from walcrash.values.event import ONLY_INJECTED, Event, EventKind
from walcrash.values.faults import CrashPoint, KillTimer, PowerLoss
from walcrash.values.faults.kill import share_of_bytes
from walcrash.values.moments import Placement

# limits
IMAGES: Final = 24
"""Images that are judged where a power loss is sought at its counterpart."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Where a crash falls in a trace without the events that faults added.

    Attributes:
        at: the event, by its number among those that are left.
        placement: before it, within it (a write only), or after it.
        kept_bytes: for `WITHIN`: how many bytes of the whole write were made.
        length: for `WITHIN`: how many bytes the whole write has.
    """

    at: EventRef
    placement: Placement
    kept_bytes: int = 0
    length: int = 0


def added_events(events: Sequence[Event]) -> dict[int, int]:
    """Return the events that injected faults added, each with the event that goes on with it.

    That is the next event of the same thread, where it makes the same call again, or writes the
    rest of what was written in part.
    """
    added: dict[int, int] = {}
    for index, event in enumerate(events):
        if not event.is_injected or event.kind in ONLY_INJECTED:
            continue
        later = (at for at in range(index + 1, len(events)) if events[at].thread == event.thread)
        following = next(later, None)
        if following is not None and _goes_on(event, events[following]):
            added[index] = following
    return added


def _goes_on(event: Event, following: Event) -> bool:
    """Whether a call makes an injected one again, or moves the rest of it."""
    alike = ("kind", "call", "path", "path_to")
    if any(getattr(event, name) != getattr(following, name) for name in alike):
        return False
    if event.result < 0:
        return (event.offset, event.length) == (following.offset, following.length)
    is_part = event.kind is EventKind.WRITE and 0 <= event.result < event.length
    return is_part and following.offset == event.offset + event.result


def counterpart(
    events: Sequence[Event],
    index: int,
    placement: Placement,
    kept_bytes: int = 0,
    *,
    trace: Sequence[Event] = (),
) -> Counterpart | None:
    """Return where a crash at an event of a trace falls without the events that faults added.

    Args:
        events: the trace.
        index: the position of the event in it.
        placement: before it, within it, or after it.
        kept_bytes: for `WITHIN`: how many bytes of it were made.
        trace: what the boot does without the faults and without a crash, where that is known.

    Returns:
        None where the known trace has no such event.
    """
    added = added_events(events)
    first, last = _whole_call(added, index)
    whole, event = events[first], events[index]
    at = _ref(events, added, last, trace)
    if at is None:
        return None
    length = events[last].offset + events[last].length - whole.offset
    moved = max(0, event.offset - whole.offset)
    if placement is Placement.WITHIN:
        moved += kept_bytes
    elif placement is Placement.AFTER:
        if index == last:
            return Counterpart(at, Placement.AFTER)
        moved += max(0, event.result)
    if event.kind is EventKind.WRITE and 0 < moved < length:
        return Counterpart(at, Placement.WITHIN, moved, length)
    return Counterpart(at, Placement.BEFORE)


def _whole_call(added: dict[int, int], index: int) -> tuple[int, int]:
    """Return the first and the last event of those that are one call without the faults."""
    last = index
    while last in added:
        last = added[last]
    before = {after: at for at, after in added.items()}
    first = index
    while first in before:
        first = before[first]
    return first, last


def _ref(
    events: Sequence[Event], added: Collection[int], index: int, trace: Sequence[Event] = ()
) -> EventRef | None:
    """Name an event by its number among those that no fault added, or by its place in a trace."""
    left = [event for at, event in enumerate(events[:index]) if at not in added]
    if not trace:
        return EventRef.of([*left, events[index]], len(left))
    name = _on_file(events[index])
    alike = [at for at, event in enumerate(trace) if _on_file(event) == name]
    ordinal = sum(_on_file(event) == name for event in left)
    return EventRef.of(trace, alike[ordinal]) if ordinal < len(alike) else None


def _on_file(event: Event) -> tuple[int, EventKind, str]:
    return event.call, event.kind, event.path


def moved_kill(boot: WatchedBoot, trace: Sequence[Event] = ()) -> BootPlan:
    """Return a boot's plan with its kill where it falls without the events that faults added.

    Args:
        boot: the boot, as it ran with its faults.
        trace: what it does without them and without a crash, where that is known.
    """
    plan, landed = boot.plan, boot.recording.crash
    if not isinstance(plan.crash, CrashPoint | KillTimer) or landed is None:
        return plan
    events = boot.events()
    hit = landed.row.event()
    # A kill before an event keeps that event out of the trace.
    before = (*events[: landed.event_index], hit)
    if hit.call < 0 or not (trace or added_events(before)):
        return plan
    found = counterpart(
        before, landed.event_index, landed.placement, landed.kept_bytes, trace=trace
    )
    if found is None:
        return plan
    is_within = found.placement is Placement.WITHIN
    point = CrashPoint(
        call=min(found.at.call, len(plan.operations) - 1),
        ordinal=found.at.ordinal,
        placement=found.placement,
        event=found.at.kind,
        kept=share_of_bytes(found.kept_bytes, found.length) if is_within else 0,
    )
    return replace(plan, crash=point)


def moved_target(
    run: CaseRun, boot: int, *, trace: Sequence[Event] = (), images: int = IMAGES
) -> PowerTarget | None:
    """Return the target that finds a boot's power loss without the events that faults added.

    Args:
        run: how the case ran with its faults.
        boot: the boot, from 0.
        trace: what it does without its faults and without a crash, where that is known.
        images: most images that are tried.

    Returns:
        None where the boot has no power loss whose image is known.
    """
    crash = run.boots[boot].plan.crash if boot < len(run.boots) else None
    if not isinstance(crash, PowerLoss) or crash.choice is None:
        return None
    events, earlier = run.boots[boot].events(), events_before(run, boot)
    choice = crash.choice
    same = target_of(choice, events, earlier, models=(choice.model,), images=images)
    added = added_events(events)
    if not (trace or added) or same.at is None:
        return same
    position = choice.position
    index = position.event_index - earlier
    found = counterpart(events, index, position.placement, position.kept_bytes, trace=trace)
    if found is None:
        return same
    about = choice.about - earlier
    moved = replace(
        same, at=found.at, placement=found.placement, kept_bytes=found.kept_bytes, exact=None,
        about=_ref(events, added, _whole_call(added, about)[1], trace) if same.about else None,
    )  # fmt: skip
    if found.placement is not Placement.BEFORE:
        return moved
    return _before(moved, trace or [event for at, event in enumerate(events) if at not in added])


def _before(target: PowerTarget, left: Sequence[Event]) -> PowerTarget:
    """Return a power loss before an event of a trace as one after the event before that."""
    index = None if target.at is None else target.at.find(left)
    if not index:
        return replace(target, at=None)
    return replace(target, at=EventRef.of(left, index - 1), placement=Placement.AFTER)


def events_before(run: CaseRun, boot: int) -> int:
    """Return how many events lie between the last power loss and a boot of a run, from 0."""
    count = 0
    for earlier in reversed(run.boots[:boot]):
        if isinstance(earlier.plan.crash, PowerLoss):
            break
        count += len(earlier.recording.rows)
    return count
