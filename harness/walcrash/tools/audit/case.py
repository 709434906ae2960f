"""Auditing one case: its boots are recorded once, and those that lose power are audited.

The case goes on from one of the images that a power loss may leave, as in a campaign, so later
boots recover; a boot that was killed leaves the page cache, and what it did not sync is pending
in the next.

Not here: what is done with one boot (`site`), what follows from many cases (`audit`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.full_directory import HINT
from walcrash.case.judging import CaseJudge
from walcrash.case.power_loss import Judged, LossSearch
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import NotModelled
from walcrash.tools.audit.site import SiteAuditor
from walcrash.tools.audit.sites import Site, find_sites, find_unsynced, has_promise
from walcrash.tools.audit.space import work_of_site, work_of_syncs
from walcrash.values.audit import Baseline, SiteAudit, UnsyncedPromise
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.case import BootPlan, Landing
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootHistory, History, Recoveries
from walcrash.values.image import Image
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.seed import Prng
from walcrash.values.verdict import Judgement, Verdict

# limits
KEPT_RECOVERIES: Final = 4_096
"""Recoveries that are remembered by the image's content, in one case."""

TOGETHER: Final = "all of them"
"""The name of the audit without all the sites that are not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAudit:
    """What one case showed.

    Attributes:
        boots: how many of its boots were audited.
        syncs: how many syncs they made.
        positions, images: what was judged with no sync removed.
        finding: what failed even so.
        is_judged: whether any invariant applied to any image.
        sites: in the order in which the traces reach them.
        unsynced: operations that promise something, one for each kind.
        doubt: why the case, or the rest of it, was not audited; empty if it was.
    """

    boots: int = 0
    syncs: int = 0
    positions: int = 0
    images: int = 0
    finding: AuditFinding | None = None
    is_judged: bool = False
    sites: tuple[SiteAudit, ...] = ()
    unsynced: tuple[UnsyncedPromise, ...] = ()
    doubt: str = ""


def audit_case(sandbox: Sandbox, stored: StoredCase, together: frozenset[str]) -> CaseAudit:
    """Record a case's boots and audit those that end with a power loss.

    Args:
        sandbox: where it runs.
        stored: the case; its last boot ends with a power loss.
        together: remove just these sites, all at once; empty removes one after the other.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    try:
        return _AuditedCase(sandbox, stored, together, is_fresh=False).run()
    except OSError:
        # What a subject left running in a shared process has touched the directory.
        sandbox.end_shared_recoverers()
    try:
        return _AuditedCase(sandbox, stored, together, is_fresh=True).run()
    except OSError as problem:
        raise HarnessFault(
            f"the working directory {sandbox.directory} cannot be used: {problem}", hint=HINT
        ) from None


class _AuditedCase:
    """One run of one case; `result` is what it has shown so far."""

    def __init__(
        self,
        sandbox: Sandbox,
        stored: StoredCase,
        together: frozenset[str],
        *,
        is_fresh: bool,
    ) -> None:
        self.result = CaseAudit()
        self._sandbox = sandbox
        self._stored = stored
        self._together = together
        self._runs = RecoveryRuns(sandbox, stored, is_fresh=is_fresh)
        self._fresh_runs = RecoveryRuns(sandbox, stored, is_fresh=True)
        self._remembered: dict[str, Recoveries] = {}
        self._boots = CaseBoots(sandbox, stored)
        self._oracle = CaseJudge(sandbox, stored)

    def run(self) -> CaseAudit:
        for plan in self._stored.case.boots:
            doubt = self._boot(plan)
            if doubt:
                return replace(self.result, doubt=doubt)
            if self.result.finding is not None:
                break
        return self.result

    def _boot(self, plan: BootPlan) -> str:
        """Run one boot, and audit it if it loses power; return why that cannot be done."""
        boot = self._boots.run(plan)
        if not boot.can_go_on:
            return self._broken_boot(boot)
        if doubt := self._boots.unmodelled() or self._boots.cut_short():
            return doubt
        if not isinstance(plan.crash, PowerLoss):
            return ""
        recorded = self._boots.as_power_finds()
        try:
            self._audit(recorded, plan.crash)
            if recorded.number < len(self._stored.case.boots) and self.result.finding is None:
                self._lose_power(recorded, plan.crash)
        except NotModelled as problem:
            return problem.message
        return ""

    def _broken_boot(self, boot: WatchedBoot) -> str:
        """Judge a boot that could not go on from what it found."""
        failure = boot.history.recovery
        if not isinstance(failure, RecoveryFailure):
            failure = RecoveryFailure(FailureKind.DIED, "it was not tried")
        judgement = self._judge(boot.history, Recoveries(first=failure))
        if judgement.verdict is not Verdict.FAIL:
            return "a boot ended by itself"
        finding = AuditFinding(
            case_index=self._stored.case.index,
            violations=judgement.violations,
            landings=self._boots.landings(),
            model=self._stored.contract.model,
        )
        self.result = replace(self.result, finding=finding)
        return ""

    def _audit(self, recorded: RecordedBoot, loss: PowerLoss) -> None:
        """Judge a boot with all its syncs, then without the syncs of each site.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        earlier = self._boots.histories()[:-1]
        auditor = SiteAuditor(
            boot=recorded,
            model=self._stored.contract.model,
            images=loss.images,
            seed=loss.seed,
            recover=self._recover_once,
            recover_fresh=self._recover_fresh,
            judge=self._judge,
            has_promise=lambda last: has_promise(self._stored.contract, [*earlier, last]),
            finding=self._finding,
        )
        sites = find_sites(recorded.plan, recorded.events, is_first_boot=recorded.number == 1)
        # The traces were judged as they are before sites are removed together.
        baseline = Baseline() if self._together else auditor.baseline()
        audits = self._audit_without(auditor, sites) if baseline.finding is None else []
        result = self.result
        self.result = replace(
            result,
            boots=result.boots + 1,
            syncs=result.syncs + sum(len(site.events) for site in sites),
            positions=result.positions + baseline.positions,
            images=result.images + baseline.images,
            finding=baseline.finding or auditor.failed_baseline,
            is_judged=result.is_judged or auditor.is_judged,
            sites=merge_sites([*result.sites, *audits]),
            unsynced=merge_unsynced([*result.unsynced, *self._unsynced(recorded)]),
        )

    def _audit_without(self, auditor: SiteAuditor, sites: Sequence[Site]) -> list[SiteAudit]:
        boot, model = auditor.boot, self._stored.contract.model
        syncs = frozenset(index for site in sites for index in site.events)
        work = work_of_syncs(boot, syncs, model)
        if self._together:
            events = [site.events for site in sites if site.name in self._together]
            sites = [Site(TOGETHER, frozenset().union(*events))] if events else []
        audits = []
        for site in sites:
            audits.append(work_of_site(site, work, boot, model) + auditor.audit_without(site))
            if auditor.failed_baseline is not None:
                break
        return audits

    def _unsynced(self, recorded: RecordedBoot) -> list[UnsyncedPromise]:
        return find_unsynced(
            self._stored.contract,
            recorded.plan,
            self._boots.watched[-1].history,
            recorded.events,
            is_first_boot=recorded.number == 1,
        )

    def _lose_power(self, recorded: RecordedBoot, loss: PowerLoss) -> None:
        """Let the next boot find one of the images that the power loss may leave."""
        search = LossSearch(
            recorded, self._stored.contract.model, recover=self._recover_once, judge=self._judge
        )
        self._boots.go_on_from(recorded, search.draw(Prng(loss.seed)))

    def _judge(self, last: BootHistory, recoveries: Recoveries) -> Judgement:
        return self._oracle.judge(History(self._boots.histories(last), recoveries))

    def _finding(self, judged: Judged, landing: Landing) -> AuditFinding:
        return AuditFinding(
            case_index=self._stored.case.index,
            violations=judged.judgement.violations,
            landings=(*self._boots.landings(), landing),
            model=judged.candidate.choice.model,
        )

    def _recover_once(self, image: Image) -> Recoveries:
        """Recover an image, unless one with its content was recovered in this case."""
        digest = image.digest()
        if digest not in self._remembered:
            if len(self._remembered) == KEPT_RECOVERIES:
                self._remembered.clear()
            self._remembered[digest] = self._runs.restored(image)
        return self._remembered[digest]

    def _recover_fresh(self, image: Image) -> Recoveries:
        self._sandbox.end_shared_recoverers()
        return self._fresh_runs.restored(image)


def merge_sites(audits: Iterable[SiteAudit]) -> tuple[SiteAudit, ...]:
    """Return one audit for each site, in the order in which the sites first appear."""
    merged: dict[str, SiteAudit] = {}
    for one in audits:
        merged[one.site] = merged[one.site] + one if one.site in merged else one
    return tuple(merged.values())


def merge_unsynced(promises: Iterable[UnsyncedPromise]) -> tuple[UnsyncedPromise, ...]:
    """Return one line for each kind of operation, in the order in which they first appear."""
    merged: dict[str, UnsyncedPromise] = {}
    for one in promises:
        known = merged.get(one.operation)
        merged[one.operation] = one if known is None else known + one
    return tuple(merged.values())
