"""Full disks: from one operation on there is room for so many bytes more, until space is back.

A write that makes a file longer gets what there is room for, and then ENOSPC or EDQUOT; a new
name needs room as well. What is truncated or removed gives its room back. Space is back after so
many operations, or when the boot ends.

Not here: one call that fails (`call_error`); blocks that a write into a hole needs.

Source: `write(2)`, ENOSPC, EDQUOT; POSIX.1-2017, `write`: as many bytes as there is room for are
written, and the next write fails.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from walcrash.values.event import Event, EventKind
from walcrash.values.faults.base import Draft, Injectable, falls_into
from walcrash.values.faults.calls import ErrorName
from walcrash.values.faults.injected import FAULTS, Attempt, Fault, Instead
from walcrash.values.faults.nth_call import NONE_OF
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import SPARSE, Whole
from walcrash.values.limits import BYTES_PER_BOOT, OPERATIONS_PER_BOOT

FULL_ERRORS: Final = (ErrorName.ENOSPC, ErrorName.EDQUOT)
"""What a call returns for which there is no room."""

LASTS: Final = (1, 6)
"""For how many operations there is no more room than stated, where space is back in the boot."""

FEW_BYTES: Final = 256
"""About a short record: so much room is drawn in one of three cases, for a part of one."""

TAKES_ROOM: Final = frozenset(
    {
        EventKind.CREATE,
        EventKind.MKDIR,
        EventKind.LINK,
        EventKind.SYMLINK,
        EventKind.ALLOCATE,
        EventKind.WRITE,
    }
)
"""What takes room: a name of its own, or bytes."""


@FAULTS.add("quota")
@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Fault):
    """A full disk.

    Attributes:
        room_bytes: by how much the files may still grow, from the operation on.
        lasts: for how many operations; None until the boot ends.
        error: what a call returns for which there is no room.
    """

    room_bytes: Annotated[int, Whole(0, BYTES_PER_BOOT)]
    lasts: Annotated[Annotated[int, Whole(1, OPERATIONS_PER_BOOT)] | None, SPARSE] = None
    error: ErrorName = ErrorName.ENOSPC

    def injection(self) -> "QuotaAtWork":
        """Return the full disk at work in its boot."""
        return QuotaAtWork(self)

    def is_on(self, call: int) -> bool:
        """Whether it holds in an operation of its boot."""
        return self.call <= call and (self.lasts is None or call < self.call + self.lasts)

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the disk that stays full, and the one without any room.

        The error stays: the scenario may allow no other.

        Args:
            events: the trace of its boot, as far as it went.
        """
        hit = next((event for event in events if event.is_injected), None)
        if hit is not None and hit.call > self.call:
            lasts = None if self.lasts is None else self.lasts - (hit.call - self.call)
            yield replace(self, call=hit.call, room_bytes=0, lasts=lasts)
        if self.lasts is not None:
            yield replace(self, lasts=None)
            if self.lasts > 1:
                yield replace(self, lasts=1)
        if self.room_bytes:
            yield replace(self, room_bytes=0)

    def __str__(self) -> str:
        """Return the form that reports use: `a full disk (ENOSPC) from call 3 of boot 1 on`."""
        room = f", with room for {self.room_bytes:,} bytes" if self.room_bytes else ""
        lasts = f", for {self.lasts} calls" if self.lasts is not None else ""
        name = f"a full disk ({self.error.value})"
        return f"{name} from call {self.call} of boot {self.boot + 1} on{room}{lasts}"


class QuotaAtWork:
    """A full disk in one boot: how much room is left."""

    def __init__(self, fault: Quota) -> None:
        self._fault = fault
        self._room_bytes = fault.room_bytes

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return what happens in place of a call that takes room; None where it has it."""
        fault = self._fault
        if not fault.is_on(attempt.call):
            return None
        growth, takes_room = attempt.growth_bytes, attempt.kind in TAKES_ROOM
        is_full = self._room_bytes <= 0 and not (attempt.kind is EventKind.WRITE and growth <= 0)
        if not takes_room or not (growth > self._room_bytes or is_full):
            self._room_bytes -= growth
            return None
        fits = attempt.length - (growth - self._room_bytes)
        if attempt.kind is EventKind.WRITE and 0 < fits < attempt.length:
            self._room_bytes = 0
            return Instead(most_bytes=fits)
        return Instead(errno=fault.error.number)


class Quotas(Injectable):
    """Full disks, as a scenario asks for them."""

    kind = FaultKind.QUOTA
    keys = frozenset({"operations", "errors", "room_bytes"})
    falls = "from an operation on"

    def draw(self, plan: FaultPlan, draft: Draft) -> Quota | None:
        """Return a full disk from one of the operations on; None where this boot gets none."""
        prng, names = draft.prng, draft.names(plan)
        if prng.below(NONE_OF) == 0:
            return None
        possible = [
            at for at, operation in enumerate(draft.operations) if falls_into(names, operation)
        ]
        if not possible:
            return None
        return Quota(
            boot=draft.boot,
            call=prng.choice(possible),
            room_bytes=_draw_room(plan, draft),
            lasts=prng.between(*LASTS) if prng.below(3) else None,
            error=prng.choice(plan.errors or FULL_ERRORS),
        )


def _draw_room(plan: FaultPlan, draft: Draft) -> int:
    """Return how much room there is: none, some for a record, or anything that the plan allows."""
    prng, (least, most) = draft.prng, plan.room_bytes
    kind = prng.below(3)
    if kind == 0:
        return 0
    return prng.between(least, most if kind == 1 else max(least, min(most, FEW_BYTES)))
