"""The audit: which syncs of a subject carry its promise, which do not, and which are missing.

Cases are drawn as for a campaign with power losses, of two boots at least, so that the syncs of
recovery are audited too. Each case is one piece of work for a job; what comes back is merged in
the order of the cases, so the audit is the same whatever the number of jobs.

Sites that nobody misses may cover for each other, so they are removed together at the end. Then
faults are tried in the first cases: calls fail, syncs are slow, boots have other clocks, files are
damaged.

Not here: auditing one case (`case`, `failing_calls`, `slow_syncs`, `odd_boots`, `damages`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor, interruptible_jobs
from walcrash.campaign.preparation import Prepared, plain_failure, prepare_in, why_untested
from walcrash.campaign.work_ahead import WorkAhead
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, store_case
from walcrash.tools.audit.case import CaseAudit, audit_case, merge_sites, merge_unsynced
from walcrash.tools.audit.damages import audit_damages
from walcrash.tools.audit.failing_calls import audit_failing_calls
from walcrash.tools.audit.faulty_boots import audited_boots
from walcrash.tools.audit.odd_boots import audit_odd_boots
from walcrash.tools.audit.slow_syncs import audit_slow_syncs
from walcrash.values.audit import Audit, Baseline, SiteAudit, SiteVerdict
from walcrash.values.audit_faults import NO_FAULTS, FaultAudit
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.case import Case
from walcrash.values.contract import Contract, Promise
from walcrash.values.faults import FaultKind, FaultPlan, PowerLoss
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.draw import draw_case

# limits
CASES: Final = 6
"""Cases of an audit by default."""

IMAGES: Final = 60
"""Images that are judged without one site in one boot by default."""

FAULT_CASES: Final = 2
"""Cases in which faults are tried, by default."""

BOOTS: Final = 2
"""Fewest boots of a case: one of them recovers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What is to be audited.

    Attributes:
        scenario: the subject, the contract and the workload.
        master_seed: an integer in decimal digits, or any text.
        cases: how many cases.
        images: most images that are judged for one site in one boot.
        fault_cases: in how many of the cases faults are tried.
        jobs: how many processes run cases.
    """

    scenario: Scenario
    master_seed: str
    cases: int = CASES
    images: int = IMAGES
    fault_cases: int = FAULT_CASES
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWork:
    """One case for one job; `together` as in `case`."""

    scenario: Scenario
    prepared: Prepared
    master_seed: str
    index: int
    together: frozenset[str] = frozenset()


def run_audit(
    plan: AuditPlan,
    *,
    say: Callable[[str], None],
    make_executor: MakeExecutor = jobs.make_executor,
) -> Audit:
    """Audit one scenario.

    Args:
        plan: what to do.
        say: called with what is being done, line by line.
        make_executor: makes the job processes.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    with interruptible_jobs(make_executor, plan.jobs) as pool:
        return _Auditor(plan, pool, say).audit()


def audit_one(work: AuditWork) -> CaseAudit:
    """Draw and audit one case; in a job process.

    Raises:
        WalcrashError: as `run_audit`.
    """
    scenario, description = work.scenario, work.prepared.description
    stored = store_case(_up_to_last_power_loss(_drawn(work)), scenario, description)
    return audit_case(job_sandbox(), stored, work.together)


def audit_faults_of_one(work: AuditWork) -> FaultAudit:
    """Draw a case and audit it under faults; in a job process.

    Raises:
        WalcrashError: as `run_audit`.
    """
    scenario, description = work.scenario, work.prepared.description
    case = _up_to_last_power_loss(_drawn(work))
    if not case.boots:
        return NO_FAULTS
    stored, sandbox = store_case(case, scenario, description), job_sandbox()
    found = audit_damages(sandbox, stored)
    for boot in audited_boots(sandbox, stored):
        found += FaultAudit(
            calls=tuple(audit_failing_calls(sandbox, stored, *boot)),
            slow=tuple(audit_slow_syncs(sandbox, stored, *boot)),
            boots=tuple(audit_odd_boots(sandbox, stored, *boot)),
        )
    return found


def _drawn(work: AuditWork) -> Case:
    return draw_case(
        work.scenario,
        supports=work.prepared.description.supports,
        profile=work.prepared.profile,
        master_seed=work.master_seed,
        index=work.index,
    )


def with_power(scenario: Scenario, images: int) -> Scenario:
    """Return a scenario with power losses, in two boots at least.

    Its kills stay: the boot after one finds what was never synced. What makes calls fail, or
    damages files, does not: a sync is judged where storage works. The clock is steady: no sync
    makes up for one that goes back.
    """
    has_power = any(fault.kind is FaultKind.POWER for fault in scenario.faults)
    ends = tuple(fault for fault in scenario.faults if fault.kind in _ENDS)
    faults = ends if has_power else (FaultPlan(kind=FaultKind.POWER),)
    fewest, most = scenario.workload.boots
    return replace(
        scenario,
        faults=tuple(replace(fault, images=images) for fault in faults),
        fits_faults=False,
        workload=replace(
            scenario.workload.with_steady_clock(), boots=(max(BOOTS, fewest), max(BOOTS, most))
        ),
    )


def _up_to_last_power_loss(case: Case) -> Case:
    """Return a case without the boots behind its last power loss: nothing is audited there."""
    losses = [at for at, boot in enumerate(case.boots) if isinstance(boot.crash, PowerLoss)]
    return replace(case, boots=case.boots[: losses[-1] + 1] if losses else ())


_ENDS: Final = (FaultKind.KILL, FaultKind.KILL_TIMER, FaultKind.POWER)
"""What ends a boot."""


class _Auditor:
    def __init__(self, plan: AuditPlan, pool: JobPool, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._pool = pool
        self._say = say
        self._scenario = with_power(plan.scenario, plan.images)

    def audit(self) -> Audit:
        prepared = prepare_in(
            self._pool, self._scenario, self._plan.master_seed, jobs=self._plan.jobs
        )
        if prepared is None:
            raise KeyboardInterrupt
        contract = self._scenario.contract or prepared.description.contract
        audit = self._nothing_yet(contract)
        plain = plain_failure(prepared)
        if plain is not None:
            return replace(audit, baseline=Baseline(finding=_plain_finding(plain)))
        broken = _broken(contract, prepared)
        if broken:
            return replace(audit, broken=broken)
        audit = self._merged(audit, self._cases(prepared))
        spare = frozenset(
            site.site for site in audit.sites if site.verdict is SiteVerdict.NOT_NEEDED
        )
        if len(spare) > 1 and audit.verdict is Verdict.PASS:
            self._say(f"all {len(spare)} sites that are not needed, removed together")
            audit = _with_together(audit, list(self._cases(prepared, together=spare)))
        if audit.verdict is not Verdict.PASS:
            return audit
        return replace(audit, faults=self._faults(prepared))

    def _faults(self, prepared: Prepared) -> FaultAudit:
        """Try faults in the first cases."""
        cases = min(self._plan.fault_cases, self._plan.cases)
        works = self._works(prepared, cases)
        found = NO_FAULTS
        ahead = WorkAhead(self._pool, audit_faults_of_one, works, jobs=self._plan.jobs)
        for done, (_, result) in enumerate(ahead, 1):
            if result is None:
                raise KeyboardInterrupt
            found += result
            self._say(f"faults, case {done} of {cases}")
        return found

    def _nothing_yet(self, contract: Contract) -> Audit:
        plan = self._plan
        subject = plan.scenario.subject
        options = ", ".join(f"{key}={value}" for key, value in subject.options.items())
        name = subject.name
        return Audit(
            scenario=plan.scenario.name,
            path=plan.scenario.path,
            subject=f"{name} ({options})" if options else name,
            seed=plan.master_seed,
            model=contract.model,
            images=plan.images,
            asked_cases=plan.cases,
            fault_cases=plan.fault_cases,
            has_kills=any(fault.kind is not FaultKind.POWER for fault in self._scenario.faults),
        )

    def _works(
        self, prepared: Prepared, cases: int, *, together: frozenset[str] = frozenset()
    ) -> Iterator[AuditWork]:
        """Yield the work on each of the first cases."""
        for index in range(cases):
            yield AuditWork(
                scenario=self._scenario,
                prepared=prepared,
                master_seed=self._plan.master_seed,
                index=index,
                together=together,
            )

    def _cases(
        self, prepared: Prepared, *, together: frozenset[str] = frozenset()
    ) -> Iterator[CaseAudit]:
        """Yield the cases in order; the first whose baseline fails is the last."""
        works = self._works(prepared, self._plan.cases, together=together)
        ahead = WorkAhead(self._pool, audit_one, works, jobs=self._plan.jobs)
        for done, (_, result) in enumerate(ahead, 1):
            if result is None:
                raise KeyboardInterrupt
            yield result
            if result.finding is not None:
                ahead.stop()
                return
            self._say(f"case {done} of {self._plan.cases}")

    def _merged(self, audit: Audit, cases: Iterable[CaseAudit]) -> Audit:
        taken = list(cases)
        finding = next((one.finding for one in taken if one.finding), None)
        doubts = tuple(dict.fromkeys(one.doubt for one in taken if one.doubt))
        sites = merge_sites(site for one in taken for site in one.sites)
        return replace(
            audit,
            cases=len(taken),
            boots=sum(one.boots for one in taken),
            syncs=sum(one.syncs for one in taken),
            baseline=Baseline(
                positions=sum(one.positions for one in taken),
                images=sum(one.images for one in taken),
                finding=finding,
            ),
            # Without a baseline that holds, nothing can be said of a sync.
            sites=() if finding else sites,
            unsynced=merge_unsynced(promise for one in taken for promise in one.unsynced),
            doubts=doubts,
            broken="" if finding else _nothing_judged(taken, sites, doubts),
        )


def _broken(contract: Contract, prepared: Prepared) -> str:
    """Return why a subject cannot be audited at all."""
    if contract.power is Promise.NONE:
        return "the contract promises nothing after a power loss, so no sync can be needed"
    return why_untested(prepared)


def _plain_finding(outcome: CaseOutcome) -> AuditFinding:
    return AuditFinding(
        case_index=outcome.index,
        violations=outcome.violations,
        landings=(),
        model=outcome.model,
        is_plain=True,
    )


def _nothing_judged(
    cases: list[CaseAudit], sites: tuple[SiteAudit, ...], doubts: tuple[str, ...]
) -> str:
    if doubts and not any(case.boots for case in cases):
        return doubts[0]
    if not any(case.is_judged for case in cases):
        return doubts[0] if doubts else "no invariant applied to any image"
    return "" if sites else "the subject made no sync in these boots"


def _with_together(audit: Audit, cases: list[CaseAudit]) -> Audit:
    """Add what happens without all the sites that are not needed."""
    finding = next((one.finding for one in cases if one.finding), None)
    if finding is not None:
        baseline = replace(audit.baseline, finding=finding)
        return replace(audit, baseline=baseline, sites=())
    merged = merge_sites(site for one in cases for site in one.sites)
    return replace(audit, together=merged[0] if merged else None)
