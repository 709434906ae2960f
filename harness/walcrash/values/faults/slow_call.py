"""Slow calls: the n-th call of a kind takes long, and then does all of it and returns.

While it takes, nothing of it has happened and its thread waits; all other threads and processes of
the subject go on. How long it takes is virtual time: each event of the others is a millisecond, and
where nobody can go on, the rest of it passes at once.

Not here: how the time passes (`walcrash.recorder.holding`), what a slow sync makes durable
(`walcrash.disk.pending`).

Source: `fsync(2)`; Linux, `fs/ext4/fsync.c`: what is written behind its back is none of its.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from walcrash.values.event import Event, EventKind
from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.calls import FaultCall
from walcrash.values.faults.injected import FAULTS, Attempt, Instead
from walcrash.values.faults.nth_call import NthCall, draw_place
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import Whole
from walcrash.values.limits import SLOW_MS
from walcrash.values.seed import Prng

SLOW_CALLS: Final = (
    FaultCall.FSYNC,
    FaultCall.WRITE,
    FaultCall.RENAME,
    FaultCall.TRUNCATE,
    FaultCall.CREATE,
    FaultCall.UNLINK,
    FaultCall.LINK,
    FaultCall.MKDIR,
    FaultCall.ALLOCATE,
)
"""Calls that can take long: those that change files, and the syncs of files."""

OFTEN_MS: Final = 50
"""Most calls take so long at most: seven in eight, where the scenario leaves room for both."""

_SHORTER_MS: Final = (1, 10)
"""How long a call takes in the cases that are tried first when one is made smaller."""


@FAULTS.add("slow")
@dataclass(frozen=True, slots=True, kw_only=True)
class SlowCall(NthCall):
    """A call that takes long.

    Attributes:
        delay_ms: how long, in milliseconds of virtual time.
    """

    delay_ms: Annotated[int, Whole(1, SLOW_MS)]

    @property
    def takes_turns(self) -> bool:
        """Whether the next operation waits until other threads sleep: yes."""
        return True

    def instead(self, attempt: Attempt) -> Instead:
        """Return how long the call takes."""
        del attempt
        return Instead(delay_ms=self.delay_ms)

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the fault once, at the operation in which its call began, and for less time.

        Args:
            events: the trace of its boot, as far as it went.
        """
        yield from NthCall.simpler(self, events)
        yield from (
            replace(self, delay_ms=shorter) for shorter in _SHORTER_MS if shorter < self.delay_ms
        )

    def hit(self, events: Sequence[Event]) -> int | None:
        """Return the position of the event with which the first slow call began."""
        return next((at for at, event in enumerate(events) if event.kind is EventKind.SLOW), None)

    def __str__(self) -> str:
        """Return the form that reports use: `a slow (12 ms) fsync 2 from call 3 of boot 1 on`."""
        return f"a slow ({self.delay_ms:,} ms) {self.place()}"


class SlowCalls(Injectable):
    """Slow calls, as a scenario asks for them."""

    kind = FaultKind.SLOW
    keys = frozenset({"operations", "calls", "times", "files", "delay_ms", "in_turn"})
    falls = "into a call"

    def draw(self, plan: FaultPlan, draft: Draft) -> SlowCall | None:
        """Return a slow call in one of the operations; None where this boot gets none."""
        on = draft.prng.choice(plan.slow_calls)
        place = draw_place(plan, draft, on)
        if place is None:
            return None
        call, ordinal = place
        times = None if plan.draws_times and draft.prng.below(2) else plan.times
        if times is None and not plan.operations:
            # All calls from there on are slow, so an earlier one leaves out none.
            call, ordinal = draft.prng.below(call + 1), 0
        return SlowCall(
            boot=draft.boot, call=call, on=on, ordinal=ordinal, times=times, files=plan.files,
            delay_ms=draw_delay_ms(plan, draft.prng),
        )  # fmt: skip


def draw_delay_ms(plan: FaultPlan, prng: Prng) -> int:
    """Return how long a call takes, milliseconds; mostly not much."""
    least, most = plan.delay_ms
    if least < OFTEN_MS < most and prng.below(8):
        most = OFTEN_MS
    return prng.between(least, most)
