"""Search targets: a crash by what it falls on, so that it can be found again in another trace.

A minimised workload has another trace, with other positions. A power loss is sought at the same
kind of event of the same call, with the same kind of loss; exact kills need no target, since their
crash point is relative to a call as it is.

Not here: which targets are tried (`minimise.trial`), how one is sought (`power_search`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from walcrash.disk import crash_points_in_write, whole_in_memory
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event, EventKind
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import SECTOR_BYTES, CrashPosition, Placement

Shape = tuple[tuple[EventKind, int, int], ...]
"""Kind, call and length of each event, after how many events there were in earlier boots."""


def shape_of(events: Sequence[Event], events_before: int) -> Shape:
    """Return what two traces have in common if a choice means the same in both."""
    start = (EventKind.REPLY, -1, events_before)
    return (start, *((event.kind, event.call, event.length) for event in events))


@dataclass(frozen=True, slots=True)
class EventRef:
    """The n-th event of one kind in one call, from 0."""

    call: int
    kind: EventKind
    ordinal: int

    @classmethod
    def of(cls, events: Sequence[Event], index: int) -> Self:
        """Name an event of a trace."""
        named = events[index]
        before = events[:index]
        ordinal = sum(e.call == named.call and e.kind is named.kind for e in before)
        return cls(named.call, named.kind, ordinal)

    def find(self, events: Sequence[Event]) -> int | None:
        """Return its position in a trace; None if there is none."""
        alike = [at for at, e in enumerate(events) if e.call == self.call and e.kind is self.kind]
        return alike[self.ordinal] if self.ordinal < len(alike) else None

    def moved(self, calls: Mapping[int, int]) -> "EventRef | None":
        """Return it after calls have got other positions; None if its call is gone."""
        return replace(self, call=calls[self.call]) if self.call in calls else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerTarget:
    """A power loss that is sought in a trace.

    Attributes:
        models: the models in which it is sought, strictest first.
        images: most images that are tried.
        at: the event that it falls on; None with `is_anywhere` unset is the boot's start.
        placement: before, within or after that event.
        kept_bytes: for `WITHIN`: about how many bytes of the write were made.
        policy: the rule of choice that is tried first.
        about: the event that the policy is about; None for any.
        is_anywhere: every position is tried, the simplest loss first.
        skipped: how many of the images that it finds are passed over.
        exact: the very choice that was made, tried first where the trace has the same shape.
        shape: that shape; see `shape_of`.
    """

    models: tuple[PersistenceModel, ...]
    images: int
    at: EventRef | None = None
    placement: Placement = Placement.BEFORE
    kept_bytes: int = 0
    policy: Policy | None = None
    about: EventRef | None = None
    is_anywhere: bool = False
    skipped: int = 0
    exact: ImageChoice | None = None
    shape: Shape = ()

    def moved(self, calls: Mapping[int, int]) -> "PowerTarget":
        """Return the target after calls have got other positions.

        Where the call is gone, the power loss falls after the reply of the last call before it.
        """
        about = self.about.moved(calls) if self.about is not None else None
        if self.at is None:
            return replace(self, about=about)
        at = self.at.moved(calls)
        if at is not None:
            return replace(self, at=at, about=about)
        before = [new for old, new in calls.items() if old < self.at.call]
        at = EventRef(max(before), EventKind.REPLY, 0) if before else None
        placement = Placement.AFTER if before else Placement.BEFORE
        return replace(self, at=at, about=about, placement=placement, kept_bytes=0)

    def position(
        self, events: Sequence[Event], events_before: int, atomic_bytes: int = SECTOR_BYTES
    ) -> CrashPosition | None:
        """Return where it falls in a trace; None if there is no such event.

        Args:
            events: the boot's trace.
            events_before: how many events earlier boots have in the positions' count.
            atomic_bytes: what is written whole, as in the contract.
        """
        if self.at is None:
            return CrashPosition(events_before, Placement.BEFORE)
        index = self.at.find(events)
        if index is None:
            return None
        if self.placement is not Placement.WITHIN:
            return CrashPosition(events_before + index, Placement.AFTER)
        points = [
            *crash_points_in_write(events[index], atomic_bytes),
            *whole_in_memory(events[index]),
        ]
        if not points:
            return None
        kept = min(points, key=lambda each: abs(each - self.kept_bytes))
        return CrashPosition(events_before + index, Placement.WITHIN, kept)


def target_of(
    choice: ImageChoice,
    events: Sequence[Event],
    events_before: int,
    *,
    models: tuple[PersistenceModel, ...],
    images: int,
) -> PowerTarget:
    """Return the target that finds a choice again."""
    index = choice.position.event_index - events_before
    is_start = choice.position.placement is Placement.BEFORE or not 0 <= index < len(events)
    about = choice.about - events_before
    return PowerTarget(
        models=models,
        images=images,
        at=None if is_start else EventRef.of(events, index),
        placement=Placement.BEFORE if is_start else choice.position.placement,
        kept_bytes=0 if is_start else choice.position.kept_bytes,
        policy=choice.policy,
        about=EventRef.of(events, about) if 0 <= about < len(events) else None,
        exact=choice,
        shape=shape_of(events, events_before),
    )
