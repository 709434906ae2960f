"""Short transfers: the n-th write or read moves some of the bytes that it was asked for.

At least one byte is moved and at least one is not; a call for a single byte is left alone. Where
bytes are cut is any byte: so it is at the limit of a file's size, and what a file system of its
own (NFS, FUSE) may do.

Not here: a disk that is full after the cut (`quota`).

Source: `write(2)` and `read(2)`, RETURN VALUE; POSIX.1-2017, `write`: as many bytes as there is
room for are written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from walcrash.values.event import Event
from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.injected import FAULTS, Attempt, Instead
from walcrash.values.faults.kill import KEPT_SCALE, bytes_of_share
from walcrash.values.faults.nth_call import NthCall, draw_place
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import Whole

_ENDS: Final = (0, KEPT_SCALE - 1)
"""One byte moved, and all but one: where off-by-one mistakes live."""


@FAULTS.add("short")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTransfer(NthCall):
    """A call that moves less than it was asked for.

    Attributes:
        kept: about how much is moved, in 1/65536 of the length.
    """

    kept: Annotated[int, Whole(0, KEPT_SCALE - 1)]

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return how much is moved; None where the call cannot be cut."""
        if attempt.length < 2:
            return None
        return Instead(most_bytes=bytes_of_share(self.kept, attempt.length))

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the fault once, at the operation into which it fell, and cut in the middle.

        Args:
            events: the trace of its boot, as far as it went.
        """
        yield from NthCall.simpler(self, events)
        if self.kept != KEPT_SCALE // 2:
            yield replace(self, kept=KEPT_SCALE // 2)

    def __str__(self) -> str:
        """Return the form that reports use: `a short write 2 from call 3 of boot 1 on`."""
        return f"a short {self.place()}"


class ShortTransfers(Injectable):
    """Short transfers, as a scenario asks for them."""

    kind = FaultKind.SHORT
    keys = frozenset({"operations", "calls", "times", "files", "in_turn"})
    falls = "into a call"

    def draw(self, plan: FaultPlan, draft: Draft) -> ShortTransfer | None:
        """Return a short call in one of the operations; None where this boot gets none."""
        on = draft.prng.choice(plan.short_calls)
        place = draw_place(plan, draft, on)
        if place is None:
            return None
        call, ordinal = place
        prng = draft.prng
        return ShortTransfer(
            boot=draft.boot, call=call, on=on, ordinal=ordinal, times=plan.times, files=plan.files,
            kept=prng.choice(_ENDS) if prng.below(4) == 0 else prng.below(KEPT_SCALE),
        )  # fmt: skip
