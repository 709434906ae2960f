"""Audits: what each sync of a subject is for, as far as recorded traces show it.

A site is a place in the subject's work at which it syncs, named by what it is doing, the call
and the file: `apply: fsync . (2nd)`. The audit takes the syncs of one site out of a recorded
trace and judges the images that a power loss may then leave. What it finds is about a trace that
the subject never made, so it is no finding: it says what the sync is for.

Not here: making traces and images (`tools.audit.case`).
"""

from dataclasses import dataclass, field
from enum import Enum

from walcrash.values.audit_faults import NO_FAULTS, FaultAudit
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.contract import PersistenceModel
from walcrash.values.verdict import Verdict


class SiteVerdict(Enum):
    """What the audit says of one site."""

    NEEDED = "needed"
    NOT_NEEDED = "not needed"
    UNPROVEN = "unproven"


class Reason(Enum):
    """Why a site has its verdict."""

    FAILS_WITHOUT = "a promise breaks without it"
    ADDS_NO_IMAGE = "without it no image is possible that was not possible with it"
    ALL_JUDGED = "every image that is possible only without it was judged, and none fails"
    NOT_NOTICED = "some of the images that are possible only without it were judged; none fails"
    NOTHING_PENDING = "nothing was pending when it was called"
    NO_PROMISE = "no promise was outstanding where its loss could have shown"
    NOT_JUDGED = "no image that is possible only without it was judged"


PROOFS = frozenset({Reason.FAILS_WITHOUT, Reason.ADDS_NO_IMAGE, Reason.ALL_JUDGED})
"""What is certain for the recorded traces; all else is as far as images were judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAudit:
    """One site in one boot, or in all of them.

    Attributes:
        site: its name.
        calls: how often it was reached.
        idle: calls that had nothing to do; `covered` are those of the first few of them that
            would have had, but for other syncs before them in the same operation.
        bytes_pending: bytes written and not yet durable that its calls made durable, in sum.
        names_pending: the same for changes of names.
        differing: positions at which its loss makes more images legal.
        judged_positions: those of them at which images were judged.
        legal: how many more crash states are legal at the positions that were counted.
        is_legal_counted: whether that is a count of all; else it is a lower bound.
        judged: images that are legal only without it and were judged.
        promised: those of them that were judged against at least one promise.
        is_exhaustive: every image that is legal only without it was judged.
        unconfirmed: failures that did not show again in fresh processes.
        finding: what breaks without it.
    """

    site: str
    calls: int = 0
    idle: int = 0
    covered: int = 0
    bytes_pending: int = 0
    names_pending: int = 0
    differing: int = 0
    judged_positions: int = 0
    legal: int = 0
    is_legal_counted: bool = True
    judged: int = 0
    promised: int = 0
    is_exhaustive: bool = True
    unconfirmed: int = 0
    finding: AuditFinding | None = None

    def __add__(self, other: "SiteAudit") -> "SiteAudit":
        """Return both audits as one; the earlier finding stays."""
        return SiteAudit(
            site=self.site,
            calls=self.calls + other.calls,
            idle=self.idle + other.idle,
            covered=self.covered + other.covered,
            bytes_pending=self.bytes_pending + other.bytes_pending,
            names_pending=self.names_pending + other.names_pending,
            differing=self.differing + other.differing,
            judged_positions=self.judged_positions + other.judged_positions,
            legal=self.legal + other.legal,
            is_legal_counted=self.is_legal_counted and other.is_legal_counted,
            judged=self.judged + other.judged,
            promised=self.promised + other.promised,
            is_exhaustive=self.is_exhaustive and other.is_exhaustive,
            unconfirmed=self.unconfirmed + other.unconfirmed,
            finding=self.finding or other.finding,
        )

    @property
    def reason(self) -> Reason:
        """Why the site has its verdict."""
        if self.finding is not None:
            return Reason.FAILS_WITHOUT
        if self.idle == self.calls and not self.covered:
            return Reason.NOTHING_PENDING
        if not self.differing:
            return Reason.ADDS_NO_IMAGE
        if self.judged and not self.promised:
            return Reason.NO_PROMISE
        if self.is_exhaustive and not self.unconfirmed:
            return Reason.ALL_JUDGED if self.judged else Reason.ADDS_NO_IMAGE
        return Reason.NOT_NOTICED if self.judged else Reason.NOT_JUDGED

    @property
    def verdict(self) -> SiteVerdict:
        """What the audit says of it."""
        if self.reason is Reason.FAILS_WITHOUT:
            return SiteVerdict.NEEDED
        if self.reason in (Reason.ADDS_NO_IMAGE, Reason.ALL_JUDGED, Reason.NOT_NOTICED):
            return SiteVerdict.NOT_NEEDED
        return SiteVerdict.UNPROVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsyncedPromise:
    """Operations that promise something and end without a sync behind their last change.

    Attributes:
        operation: their kind, such as `append MarkDone`.
        unsynced: how many of them.
        calls: how many of that kind were acknowledged.
    """

    operation: str
    unsynced: int
    calls: int

    def __add__(self, other: "UnsyncedPromise") -> "UnsyncedPromise":
        """Return both counts of one kind of operation as one."""
        return UnsyncedPromise(
            operation=self.operation,
            unsynced=self.unsynced + other.unsynced,
            calls=self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was judged with no sync removed; `finding` is what failed even so."""

    positions: int = 0
    images: int = 0
    finding: AuditFinding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A whole audit.

    Attributes:
        scenario: its name; `path` is how it was named on the command line.
        subject: the adapter.
        seed: the master seed.
        model: the contract's persistence model.
        images: most images that were judged for one site in one boot.
        asked_cases: how many cases were asked for.
        fault_cases: in how many of these storage was to fail.
        cases: how many were recorded; fewer where the baseline failed.
        has_kills: whether boots before an audited one may have been killed with the power on.
        boots: how many boots of them were audited.
        syncs: how many syncs these boots made.
        baseline: what was judged with no sync removed.
        sites: in the order in which the traces reach them; empty if the baseline failed.
        unsynced: promises that no sync makes durable.
        together: all sites that are not needed, removed at once; None with fewer than two.
        faults: what the first cases showed where storage fails; nothing if the baseline failed.
        doubts: why cases were not audited, each once.
        broken: why nothing could be audited; empty if something was.
    """

    scenario: str
    path: str
    subject: str
    seed: str
    model: PersistenceModel
    images: int
    asked_cases: int
    fault_cases: int = 0
    has_kills: bool = False
    cases: int = 0
    boots: int = 0
    syncs: int = 0
    baseline: Baseline = field(default_factory=Baseline)
    sites: tuple[SiteAudit, ...] = ()
    unsynced: tuple[UnsyncedPromise, ...] = ()
    together: SiteAudit | None = None
    faults: FaultAudit = NO_FAULTS
    doubts: tuple[str, ...] = ()
    broken: str = ""

    @property
    def verdict(self) -> Verdict:
        """Pass if the baseline does, whatever the sites are good for."""
        if self.baseline.finding is not None:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if self.broken else Verdict.PASS

    @property
    def is_plain(self) -> bool:
        """Whether the subject fails without any crash, so that nothing was audited."""
        return self.baseline.finding is not None and self.baseline.finding.is_plain

    def count(self, verdict: SiteVerdict) -> int:
        """Return how many sites have a verdict."""
        return sum(site.verdict is verdict for site in self.sites)
