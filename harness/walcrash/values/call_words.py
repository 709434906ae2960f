"""How reports name a system call that a fault fell on: which one it was, and what for."""

from walcrash.values.event import EventKind
from walcrash.values.operation import OperationKind
from walcrash.values.ordinal import ordinal
from walcrash.values.record import RecordType


def nth_call(nth: int, kind: EventKind, path: str) -> str:
    """Return `the 2nd fsync of a.log`: which call of its kind on that name it was, from 1."""
    return f"the {ordinal(nth)} {kind.value} of {path or 'a file'}"


def during(boot: int, call: int, operation: OperationKind | None, record: RecordType | None) -> str:
    """Return `boot 1, call 3: append MarkDone`: what the workload was doing."""
    named = " ".join(one.value for one in (operation, record) if one is not None)
    where = f"boot {boot}, call {call}"
    return f"{where}: {named}" if named else where
