"""The control of a case: the same operations, and nothing done to the subject.

Every boot ends with `close` and no fault is injected. A failure that the control shows as well
needs no crash.

Not here: controls that are drawn for a scenario (`draw`), and running one.
"""

from dataclasses import replace

from walcrash.values.case import BootPlan, Case
from walcrash.values.operation import OperationKind
from walcrash.workload.operations import CLOSE


def control_of(case: Case) -> Case:
    """Return the case without its crashes and faults."""
    return replace(case, boots=tuple(closed(boot) for boot in case.boots), faults=())


def closed(boot: BootPlan) -> BootPlan:
    """Return a boot with a `close` at its end, and nothing that ends it otherwise."""
    is_closed = boot.operations[-1].kind is OperationKind.CLOSE
    return BootPlan(boot.operations if is_closed else (*boot.operations, CLOSE))
