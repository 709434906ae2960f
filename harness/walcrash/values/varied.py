"""What was really varied around a recovery in other surroundings, for which program.

Hash seed, time zone and locale are variables of the environment: every program that is started has
others. Clock and directory order are varied by what is done to a process, which can fail.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from walcrash.values.forms import EncodableText


class Surrounding(Enum):
    """Something around a recovery that it must not depend on."""

    CLOCK = "clock"
    LISTING = "directory order"
    CLOCK_BACK = "clock that goes back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """One thing that was varied for one program, or was to be.

    Attributes:
        program: the file name of what was executed.
        what: what was varied.
        problem: why it was not; empty where it was.
    """

    program: EncodableText
    what: Surrounding
    problem: EncodableText = ""


def in_order(varied: Iterable[Varied]) -> tuple[Varied, ...]:
    """Return each once, in an order that does not depend on when it was seen."""
    return tuple(sorted(set(varied), key=lambda v: (v.program, v.what.value, v.problem)))
