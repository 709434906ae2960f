"""Audits of faults: what a subject does where calls fail or are slow, and which damage it notices.

A call is named by its site, as syncs are: `append PutOperation: write wal.log`. What the subject
did is read off the boot in which the call failed or was slow, beside the same boot without that.

Not here: failing the calls (`tools.audit.failing_calls`), slow syncs and whole boots
(`tools.audit.slow_syncs`, `tools.audit.odd_boots`), damaging files (`tools.audit.damages`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.audit_finding import AuditFinding
from walcrash.values.damage import DamageKind
from walcrash.values.verdict import Violation


class Reaction(Enum):
    """What a subject did when a call of it failed or was slow, or in a boot with another clock."""

    REFUSED = "refused"
    REFUSED_ALL = "refused, and all later ones"
    ENDED = "ended its process"
    REPEATED = "made it again"
    OTHER = "made other calls"
    IGNORED = "went on as without it"
    NO_END = "came to no end"
    WAITED = "waited"
    WENT_ON = "went on, and answered later"
    ANSWERED = "answered before it returned"
    ALIKE = "made the same calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAudit:
    """One kind of call that was made to fail or to be slow, or one kind of boot with another clock.

    Attributes:
        site: the operation, the call and the file; `first boot` or `later boot`.
        error: what it returned, such as `EIO`; `short` where it moved half of its bytes; `slow`;
            of a boot the column of the fault matrix, such as `clock days behind`.
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
        slow: one for each site of a sync, in that order.
        boots: one for each kind of boot, clock and random bytes.
        damages: one for each file and kind of damage.
    """

    calls: tuple[CallAudit, ...] = ()
    slow: tuple[CallAudit, ...] = ()
    boots: tuple[CallAudit, ...] = ()
    damages: tuple[DamageAudit, ...] = ()

    def __add__(self, other: "FaultAudit") -> "FaultAudit":
        """Return the audits of both as one, in the order of the first."""
        damages: dict[tuple[str, DamageKind], DamageAudit] = {}
        for damage in (*self.damages, *other.damages):
            where = (damage.file, damage.kind)
            damages[where] = damages[where] + damage if where in damages else damage
        return FaultAudit(
            calls=_merged((*self.calls, *other.calls)),
            slow=_merged((*self.slow, *other.slow)),
            boots=_merged((*self.boots, *other.boots)),
            damages=tuple(damages.values()),
        )


def _merged(every: Iterable[CallAudit]) -> tuple[CallAudit, ...]:
    calls: dict[tuple[str, str], CallAudit] = {}
    for call in every:
        key = (call.site, call.error)
        calls[key] = calls[key] + call if key in calls else call
    return tuple(calls.values())


NO_FAULTS: Final = FaultAudit()
"""Where no fault was tried."""
