"""Random bytes that repeat: each boot with this fault gets the same from the kernel, in order.

A virtual machine that is started from one snapshot twice does that, where nobody tells it. What is
made of random bytes, and must not come twice (ids, salts, names of files), comes twice then.

Not here: who answers (`walcrash.recorder.odd_boot`); randomness that a processor makes (RDRAND), or
that the kernel hands over with a new program (AT_RANDOM).

Source: `getrandom(2)`, `random(4)`; Everspaugh et al., "Not-So-Random Numbers in Virtualized Linux
and the Whirlwind RNG", IEEE S&P 2014.
"""

from dataclasses import dataclass

from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.injected import FAULTS, Around, OutsideCalls
from walcrash.values.faults.nth_call import NONE_OF
from walcrash.values.faults.plan import FaultKind, FaultPlan


@FAULTS.add("repeated-random")
@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRandom(OutsideCalls):
    """A boot that gets the same random bytes as each other boot with this fault."""

    @property
    def around(self) -> Around:
        """What its boot has around it."""
        return Around(repeats_random=True)

    def __str__(self) -> str:
        """Return the form that reports use."""
        return f"boot {self.boot + 1} gets random bytes that repeat"


class RepeatedRandoms(Injectable):
    """Random bytes that repeat, as a scenario asks for them."""

    kind = FaultKind.REPEATED_RANDOM
    keys = frozenset[str]()
    falls = "on a whole boot"

    def draw(self, plan: FaultPlan, draft: Draft) -> RepeatedRandom | None:
        """Return that the boot's random bytes repeat; None where this boot has the kernel's."""
        del plan
        if draft.prng.below(NONE_OF) == 0:
            return None
        return RepeatedRandom(boot=draft.boot, call=0)
