"""Faults: what is done to a subject, one file for each class of fault and one entry for it here."""

from walcrash.values.faults.base import Draft, Ending, FaultClass, Injectable
from walcrash.values.faults.call_error import CallError, CallErrors, pairs_of, times_of
from walcrash.values.faults.calls import ERRORS, PASSING, TRANSFERS, ErrorName, FaultCall
from walcrash.values.faults.clock_jump import ClockJump, ClockJumps, jump_name, jump_names
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.injected import (
    AS_EVER,
    FAULTS,
    Around,
    Attempt,
    Fault,
    Injection,
    Instead,
    OutsideCalls,
    around_of,
)
from walcrash.values.faults.kill import (
    KEPT_SCALE,
    CrashPoint,
    Kill,
    bytes_of_share,
    falls_on,
    share_of_bytes,
)
from walcrash.values.faults.kill_timer import KillTimer, TimedKill
from walcrash.values.faults.nth_call import NthCall
from walcrash.values.faults.plan import BootSelector, FaultKind, FaultPlan
from walcrash.values.faults.power_loss import PowerCut, PowerLoss
from walcrash.values.faults.quota import Quota, Quotas
from walcrash.values.faults.registry import CLASSES, class_of
from walcrash.values.faults.repeated_random import RepeatedRandom, RepeatedRandoms
from walcrash.values.faults.rot import Rot, Rots
from walcrash.values.faults.short_transfer import ShortTransfer, ShortTransfers
from walcrash.values.faults.slow_call import SLOW_CALLS, SlowCall, SlowCalls, draw_delay_ms

__all__ = [
    "AS_EVER",
    "CLASSES",
    "ENDS",
    "ERRORS",
    "FAULTS",
    "KEPT_SCALE",
    "PASSING",
    "SLOW_CALLS",
    "TRANSFERS",
    "Around",
    "Attempt",
    "BootSelector",
    "CallError",
    "CallErrors",
    "ClockJump",
    "ClockJumps",
    "CrashPoint",
    "Draft",
    "End",
    "Ending",
    "ErrorName",
    "Fault",
    "FaultCall",
    "FaultClass",
    "FaultKind",
    "FaultPlan",
    "Injectable",
    "Injection",
    "Instead",
    "Kill",
    "KillTimer",
    "NthCall",
    "OutsideCalls",
    "PowerCut",
    "PowerLoss",
    "Quota",
    "Quotas",
    "RepeatedRandom",
    "RepeatedRandoms",
    "Rot",
    "Rots",
    "ShortTransfer",
    "ShortTransfers",
    "SlowCall",
    "SlowCalls",
    "TimedKill",
    "around_of",
    "bytes_of_share",
    "class_of",
    "draw_delay_ms",
    "falls_on",
    "jump_name",
    "jump_names",
    "pairs_of",
    "share_of_bytes",
    "times_of",
]
