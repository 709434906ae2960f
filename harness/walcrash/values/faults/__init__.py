"""Faults: what is done to a subject, one file for each class of fault and one entry for it here."""

from walcrash.values.faults.base import Draft, Ending, FaultClass, Injectable
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.injected import FAULTS, Fault, Injection, Instead
from walcrash.values.faults.kill import KEPT_SCALE, CrashPoint, Kill, bytes_of_share
from walcrash.values.faults.kill_timer import KillTimer, TimedKill
from walcrash.values.faults.plan import BootSelector, FaultKind, FaultPlan
from walcrash.values.faults.power_loss import PowerCut, PowerLoss
from walcrash.values.faults.registry import CLASSES, class_of

__all__ = [
    "CLASSES",
    "ENDS",
    "FAULTS",
    "KEPT_SCALE",
    "BootSelector",
    "CrashPoint",
    "Draft",
    "End",
    "Ending",
    "Fault",
    "FaultClass",
    "FaultKind",
    "FaultPlan",
    "Injectable",
    "Injection",
    "Instead",
    "Kill",
    "KillTimer",
    "PowerCut",
    "PowerLoss",
    "TimedKill",
    "bytes_of_share",
    "class_of",
]
