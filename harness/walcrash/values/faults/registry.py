"""The table of all classes of faults: a new one has its entry here."""

from collections.abc import Mapping
from typing import Final

from walcrash.values.faults.base import FaultClass
from walcrash.values.faults.call_error import CallErrors
from walcrash.values.faults.clock_jump import ClockJumps
from walcrash.values.faults.kill import Kill
from walcrash.values.faults.kill_timer import TimedKill
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.faults.power_loss import PowerCut
from walcrash.values.faults.quota import Quotas
from walcrash.values.faults.repeated_random import RepeatedRandoms
from walcrash.values.faults.rot import Rots
from walcrash.values.faults.short_transfer import ShortTransfers
from walcrash.values.faults.slow_call import SlowCalls

CLASSES: Final[Mapping[FaultKind, FaultClass]] = {
    each.kind: each
    for each in (
        Kill(),
        TimedKill(),
        PowerCut(),
        CallErrors(),
        ShortTransfers(),
        Quotas(),
        Rots(),
        SlowCalls(),
        ClockJumps(),
        RepeatedRandoms(),
    )
}
"""Each class of fault, by its name in scenarios."""


def class_of(plan: FaultPlan) -> FaultClass:
    """Return the class of fault that a plan asks for."""
    return CLASSES[plan.kind]
