"""Recorded boots: the trace of one boot with what was durable before it, as crashes find it.

Not here: which images a crash leaves of it (`walcrash.disk`), which of them are judged
(`power_loss`, `kill_search`).
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.case.watched_boot import called
from walcrash.disk import Pending, crash_positions, crash_states
from walcrash.values.case import BootPlan, Landing, landing_at
from walcrash.values.cause import name_pattern
from walcrash.values.cell import BootKind, Cell
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootHistory
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import SECTOR_BYTES, CrashPosition
from walcrash.values.operation import kinds_of
from walcrash.values.tears import HEAD_BYTES, cuts, sector_bytes

EMPTY: Final = Image({})


class NoSuchPosition(Exception):
    """A trace is not the one that an image choice was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBoot:
    """One boot as a power loss finds it.

    Attributes:
        number: the boot, from 1.
        plan: what it did.
        base: what the power loss before it left, or the case began with; all of it durable.
        earlier: the traces of the boots since then, whose unsynced changes are still pending.
        events: its own trace.
        history_until: its history if only so many of its events had happened.
        atomic_bytes: what is written whole, as in the contract.
        deadline: when no more positions and images are worked out.
        kind: what the boot began on.
    """

    number: int
    plan: BootPlan
    base: Image
    earlier: tuple[tuple[Event, ...], ...]
    events: tuple[Event, ...]
    history_until: Callable[[int], BootHistory]
    atomic_bytes: int = SECTOR_BYTES
    deadline: Deadline = NO_DEADLINE
    kind: BootKind = BootKind.FIRST

    @property
    def events_before(self) -> int:
        """How many events the earlier boots have in the positions' count."""
        return sum(len(trace) for trace in self.earlier)

    def positions(self) -> list[CrashPosition]:
        """Return each position at which a crash may fall, in the order of the trace."""
        return list(
            crash_positions(self.events, first=self.events_before, atomic_bytes=self.atomic_bytes)
        )

    def searched_positions(self) -> list[CrashPosition]:
        """Return the positions that a search tries.

        In a boot with a slow call they are those from where it began: a boot without one has the
        others.
        """
        kinds = (event.kind for event in self.events)
        began = next((at for at, kind in enumerate(kinds) if kind is EventKind.SLOW), 0)
        first = self.events_before + began
        return [position for position in self.positions() if position.event_index >= first]

    def states(
        self, wanted: Collection[CrashPosition] | None = None
    ) -> Iterator[tuple[CrashPosition, Pending]]:
        """Yield each position at which a crash may fall, or is wanted, with the file system there.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
            TimeOver: there is no time left.
        """
        for state in crash_states(
            self.base,
            self.events,
            earlier=self.earlier,
            atomic_bytes=self.atomic_bytes,
            wanted=wanted,
        ):
            self.deadline.check()
            yield state

    def cell(self, position: CrashPosition, *, is_power_loss: bool) -> Cell:
        """Return what kind of place a position is."""
        index = position.event_index - self.events_before
        event = self.events[index] if index < len(self.events) else None
        operation, record = kinds_of(None if event is None else called(self.plan, event.call))
        return Cell(
            operation=operation,
            record=record,
            kind=EventKind.REPLY if event is None else event.kind,
            role="" if event is None else name_pattern(event.path_to or event.path),
            placement=position.placement,
            boot=self.kind,
            is_power_loss=is_power_loss,
        )

    def head_bytes(self, position: CrashPosition) -> int:
        """Return how many bytes of a record lie before the first end of a sector in its header.

        Returns:
            0 where a position lies behind no write of a record, or that has no end of a sector
            among its first `HEAD_BYTES` bytes.
        """
        index = position.event_index - self.events_before
        event = self.events[index] if index < len(self.events) else None
        if event is None or event.kind is not EventKind.WRITE or event.result <= 0:
            return 0
        operation = called(self.plan, event.call)
        if operation is None or operation.record is None:
            return 0
        ends = cuts(event.offset, event.result, sector_bytes(self.atomic_bytes))
        return ends[0] if ends and ends[0] <= HEAD_BYTES else 0

    def history_at(self, position: CrashPosition) -> BootHistory:
        """Return the boot's history if the power was lost at a position."""
        return self.history_until(max(0, position.whole_events - self.events_before))

    def landing(self, choice: ImageChoice) -> Landing:
        """Return a power loss as reports show it."""
        position = choice.position
        index = min(max(0, position.event_index - self.events_before), len(self.events) - 1)
        event = self.events[index]
        every = (*(each for trace in self.earlier for each in trace), *self.events)
        shown = dict(enumerate(every))
        return landing_at(
            event,
            called(self.plan, event.call),
            boot=self.number,
            event_index=index,
            placement=position.placement,
            kept_bytes=position.kept_bytes,
            loss=choice.describe(shown, name=self._name),
            model=choice.model if choice.tree is None else None,
        )

    def _name(self, event: int) -> str:
        """Return an event's name as crash lines have it: by its place in the trace of its boot."""
        at = event - self.events_before
        if at >= 0:
            return f"event {at}"
        number = self.number
        for trace in reversed(self.earlier):
            number -= 1
            at += len(trace)
            if at >= 0:
                break
        return f"event {at} of boot {number}"
