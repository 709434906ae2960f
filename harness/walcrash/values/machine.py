"""Machine checks: what the machine that walcrash runs on can and cannot do.

Not here: finding out (`tools.doctor.doctor`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class CheckState(Enum):
    """Whether something is there, there in part, or not at all."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCheck:
    """One thing that was checked.

    Attributes:
        name: what it is, short; a stable key for scripts.
        state: whether it is there.
        found: what was found, with the reason where something is wrong.
        follows: what follows from that; empty where nothing does.
        hint: what can be done about it; empty where it is well or nothing can.
        is_needed: whether a kill at an exact point needs it.
    """

    name: str
    state: CheckState
    found: str
    follows: str = ""
    hint: str = ""
    is_needed: bool = False


def missing_for_kills(checks: Sequence[MachineCheck]) -> tuple[MachineCheck, ...]:
    """Return what is not there and needed for a campaign of exact kills."""
    return tuple(c for c in checks if c.is_needed and c.state is CheckState.MISSING)
