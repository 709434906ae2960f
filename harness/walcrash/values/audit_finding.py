"""What breaks in an audit: it is told, and not kept.

Not here: what was taken away or made to fail (`audit`, `audit_faults`).
"""

from dataclasses import dataclass

from walcrash.values.case import Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.verdict import HasViolations, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding(HasViolations):
    """What breaks, with or without a sync, or where a call failed.

    Attributes:
        case_index: the case that showed it.
        violations: what was broken, most severe first.
        landings: where the power was lost or the process was killed, in the order of the boots.
        model: the strictest persistence model that was found to show it.
        is_plain: whether it breaks without any crash.
    """

    case_index: int
    violations: tuple[Violation, ...]
    landings: tuple[Landing, ...]
    model: PersistenceModel
    is_plain: bool = False
