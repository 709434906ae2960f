"""Audits of failing storage: what a subject does where a call fails, and what of damage it notices.

A call is named by its site, as syncs are: `append PutOperation: write wal.log`. What the subject
did is read off the boot in which the call failed, beside the same boot without the error.

Not here: failing the calls (`tools.audit.failing_calls`), damaging files (`tools.audit.damages`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.audit_finding import AuditFinding
from walcrash.values.damage import DamageKind
from walcrash.values.verdict import Violation


class Reaction(Enum):
    """What a subject did when a call of it failed."""

    REFUSED = "refused"
    REFUSED_ALL = "refused, and all later ones"
    ENDED = "ended its process"
    REPEATED = "made it again"
    OTHER = "made other calls"
    IGNORED = "went on as without it"
    NO_END = "came to no end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAudit:
    """One kind of call that was made to fail.

    Attributes:
        site: the operation, the call and the file.
        error: what it returned, such as `EIO`; `short` where it moved half of its bytes.
        reactions: what the subject did, once for each boot in which that was tried.
        runs: how many runs were judged with it: each boot closed, and losing power.
        finding: what broke, and holds without the error; None if nothing did.
    """

    site: str
    error: str
    reactions: tuple[Reaction, ...] = ()
    runs: int = 0
    finding: AuditFinding | None = None

    def __add__(self, other: "CallAudit") -> "CallAudit":
        """Return both audits of one call as one; the earlier finding stays."""
        return CallAudit(
            site=self.site,
            error=self.error,
            reactions=(*self.reactions, *other.reactions),
            runs=self.runs + other.runs,
            finding=self.finding or other.finding,
        )

    @property
    def is_ignored(self) -> bool:
        """Whether the error never made any difference to what the subject did."""
        return bool(self.reactions) and set(self.reactions) == {Reaction.IGNORED}


class Notice(Enum):
    """What a recovery made of damage at rest."""

    REPORTED = "reported"
    HARMLESS = "nothing lost"
    LESS = "less, as after a crash"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageAudit:
    """One kind of damage to files of one name.

    Attributes:
        file: its name, with digits as `*`.
        kind: what went bad.
        notices: what recoveries made of it, one for each damaged image.
        violation: the first that was silent; None if none was.
    """

    file: str
    kind: DamageKind
    notices: tuple[Notice, ...] = ()
    violation: Violation | None = None

    def __add__(self, other: "DamageAudit") -> "DamageAudit":
        """Return both audits of one kind of damage as one; the earlier violation stays."""
        return DamageAudit(
            file=self.file,
            kind=self.kind,
            notices=(*self.notices, *other.notices),
            violation=self.violation or other.violation,
        )

    def count(self, notice: Notice) -> int:
        """Return how many damaged images came to that."""
        return self.notices.count(notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAudit:
    """What cases showed where storage fails.

    Attributes:
        calls: one for each site and error, in the order in which the traces reach them.
        damages: one for each file and kind of damage.
    """

    calls: tuple[CallAudit, ...] = ()
    damages: tuple[DamageAudit, ...] = ()

    def __add__(self, other: "FaultAudit") -> "FaultAudit":
        """Return the audits of both as one, in the order of the first."""
        calls: dict[tuple[str, str], CallAudit] = {}
        for call in (*self.calls, *other.calls):
            key = (call.site, call.error)
            calls[key] = calls[key] + call if key in calls else call
        damages: dict[tuple[str, DamageKind], DamageAudit] = {}
        for damage in (*self.damages, *other.damages):
            where = (damage.file, damage.kind)
            damages[where] = damages[where] + damage if where in damages else damage
        return FaultAudit(calls=tuple(calls.values()), damages=tuple(damages.values()))


NO_FAULTS: Final = FaultAudit()
"""Where storage was not made to fail."""
