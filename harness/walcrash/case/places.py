"""Places: which events of a trace had returned, and which had begun, when a cut fell.

The device's count is read before and after each call. What reached the device until a cut has
reached it at many moments of the run: from the arrival of its last entry to the arrival of the
next. At the first of these moments and at the last the tree must be one that the models allow, so
a cut has one place or two.

Not here: reading the count (`recorder.supervisor`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from walcrash.recorder.recording import Mark
from walcrash.values.event import Event, EventKind

_BY_THE_KERNEL: Final = frozenset({EventKind.MSYNC, EventKind.CLOSE, EventKind.MAP})
"""What is recorded before the kernel does it: it has returned when the next call begins."""


@dataclass(frozen=True, slots=True)
class Place:
    """How many events had returned, and how many had begun."""

    returned: int
    begun: int


class Places:
    """The places of the cuts of one run."""

    def __init__(self, events: Sequence[Event], marks: Mapping[int, Mark], end: int) -> None:
        """Take the trace with its marks, and the count when the worker was gone."""
        self._marks = _whole(events, marks, end)

    def of(self, arrived: int) -> tuple[Place, ...]:
        """Return the places at which so many entries had arrived, the last one first."""
        last = _count(ended <= arrived for _, ended in self._marks)
        first = _count(ended < arrived for _, ended in self._marks)
        begun = _count(began < arrived for began, _ in self._marks)
        return tuple(
            dict.fromkeys((Place(last, max(last, begun)), Place(first, max(first, begun))))
        )


def _count(facts: Iterable[bool]) -> int:
    """Count the facts before the first one that does not hold."""
    number = 0
    for fact in facts:
        if not fact:
            break
        number += 1
    return number


def _whole(events: Sequence[Event], marks: Mapping[int, Mark], end: int) -> list[Mark]:
    """Return a mark for each event: what has none lies between its neighbours."""
    whole: list[Mark] = []
    known = sorted(marks)
    following = {number: marks[after][0] for number, after in pairwise(known)}
    reached = 0
    for number, event in enumerate(events):
        if number in marks:
            began, ended = marks[number]
            if event.kind in _BY_THE_KERNEL:
                ended = following.get(number, end)
        else:
            began = reached
            ended = next((marks[other][0] for other in known if other > number), end)
        whole.append((began, ended))
        reached = ended
    return whole
