"""What runs in a job process: control cases, batches of cases, replays.

A job keeps one sandbox for its whole life.

Not here: how a job's process is started and ended (`executor`).
"""

import time
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from walcrash.campaign.case_parts import CaseParts, run_parts, with_evidence
from walcrash.campaign.controls import has_hung, has_opened, run_control, tell_unopened
from walcrash.campaign.executor import JobExecutor
from walcrash.campaign.fitting import Fitted, fit_workload
from walcrash.campaign.time_budget import Costs
from walcrash.case.alignment import Alignment
from walcrash.case.case_run import CaseRun, without_contents
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn import Drawn
from walcrash.case.frontier import SearchOrder
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, store_case
from walcrash.case.plane import job_plane
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_plan import SearchPlan
from walcrash.subjects.messages import Description
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Contract
from walcrash.values.errors import SubjectUnopened
from walcrash.values.log import Unopened
from walcrash.values.scenario import Scenario, WorkloadPlan
from walcrash.values.verdict import Verdict
from walcrash.workload.draw import draw_case, draw_control, swarm_of
from walcrash.workload.later_boots import draw_later_boots
from walcrash.workload.profile import Profile

CONTROL_CASES: Final = 3
"""Cases without a crash before a scenario's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A scenario that is ready: its subject's description, its profile, its control cases.

    `unopened` is how the subject failed to open in an empty directory, if it did: then there is
    nothing to test. Where the scenario states no workload, a long control
    (`fitting`) is among them, if it passed or failed for certain. `has_hung` says that no control
    came to its end, since each of them hung.
    `costs` is what this took; `is_late` says that the time was over before the last control.
    """

    description: Description
    profile: Profile
    controls: tuple[CaseOutcome, ...]
    unopened: Unopened | None = None
    has_hung: bool = False
    costs: Costs = field(default_factory=Costs)
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Cases of one scenario for one job.

    None is begun after `begun_until` (`time.monotonic()`), nor after `begun_until_found` once a
    case has failed: in this batch, or earlier with `is_found`.
    With `keeps_evidence` failing cases come with what they left; see `CaseOutcome`.
    `plane` is the real file system whose power is lost; empty for the images of a model.
    `order` is that in which crash states are judged.
    """

    scenario: Scenario
    description: Description
    profile: Profile
    master_seed: str
    indices: tuple[int, ...]
    begun_until: float | None = None
    begun_until_found: float | None = None
    is_found: bool = False
    keeps_evidence: bool = False
    plane: str = ""
    order: SearchOrder = SearchOrder.NOVEL


def make_executor(jobs: int) -> Executor:
    """Return a pool of job processes on this machine."""
    return JobExecutor(jobs)


def prepare(scenario: Scenario, master_seed: str) -> Prepared:
    """Load a scenario's subject, run its control cases, and measure its profile.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the kernel refuses interception; or it is a driver that did not open when
            it was loaded, and opened when it was watched.
        HarnessFault: the harness could not do its work.
    """
    began = time.monotonic()
    sandbox = job_sandbox()
    try:
        description = sandbox.load(scenario.subject, scenario.limits)
    except SubjectUnopened as problem:
        return _unopened(sandbox, scenario, master_seed, problem)
    loaded = time.monotonic()
    outcomes: list[CaseOutcome] = []
    profiles: list[Profile] = []
    runs: list[CaseRun] = []
    is_late = False
    for index in range(CONTROL_CASES):
        case = draw_control(
            scenario,
            description.supports,
            master_seed,
            index,
            is_clock_back=index == CONTROL_CASES - 1,
        )
        stored = store_case(case, scenario, description)
        try:
            outcome, run = run_control(sandbox, stored)
        except TimeOver:
            is_late = True
            break
        if index == 0 and not has_opened(run):
            return Prepared(
                description=description,
                profile=Profile(),
                controls=(outcome,),
                unopened=tell_unopened(sandbox, stored, run),
            )
        outcomes.append(replace(outcome, varied=sandbox.varied(scenario.subject)))
        # A control may have written hundreds of megabytes, and the next one comes while it waits.
        run = without_contents(run)
        runs.append(run)
        traces = [(boot.plan, boot.events()) for boot in run.boots]
        profiles.append(Profile.of(traces, control=index))
        if outcome.verdict is Verdict.INCONCLUSIVE:
            break
    fitted, is_testable = Fitted(), all(each.verdict is Verdict.PASS for each in outcomes)
    if is_testable and not is_late:
        try:
            fitted = fit_workload(sandbox, scenario, description, master_seed, runs)
        except TimeOver:
            is_late = True
    counted = [*outcomes, *fitted.controls]
    return Prepared(
        description=description,
        profile=replace(Profile.merged(profiles), fit=fitted.fit),
        controls=(*outcomes, *fitted.decided),
        has_hung=bool(runs) and all(map(has_hung, runs)),
        costs=Costs(
            load_seconds=loaded - began,
            control_seconds=time.monotonic() - loaded,
            controls=len(counted),
            starts=sum(len(each.boots) + each.recoveries for each in counted),
            recoveries=sum(each.recoveries for each in counted),
        ),
        is_late=is_late,
    )


def _unopened(
    sandbox: Sandbox, scenario: Scenario, master_seed: str, problem: SubjectUnopened
) -> Prepared:
    """Watch how a driver does not open; nobody knows what it supports."""
    description = Description(contract=scenario.contract or Contract(), supports=frozenset())
    case = draw_control(scenario, description.supports, master_seed, 0, is_clock_back=False)
    stored = store_case(case, scenario, description)
    sandbox.assume(scenario.subject, description)
    try:
        outcome, run = run_control(sandbox, stored)
        if has_opened(run):
            raise problem
        told = tell_unopened(sandbox, stored, run)
    finally:
        sandbox.assume(scenario.subject, None)
    return Prepared(description=description, profile=Profile(), controls=(outcome,), unopened=told)


def run_batch(batch: Batch) -> list[CaseOutcome]:
    """Draw and run some cases, in order; fewer than asked for if time runs out.

    Raises:
        WalcrashError: as `prepare`.
    """
    outcomes: list[CaseOutcome] = []
    parts: list[CaseParts] = []
    is_found = batch.is_found
    plane = job_plane(batch.plane) if batch.plane else None
    for index in batch.indices:
        until = batch.begun_until_found if is_found else batch.begun_until
        # Linux has one monotonic clock for all processes.
        if until is not None and time.monotonic() >= until:
            break
        case, workload = _drawn(batch, index)
        stored = store_case(case, batch.scenario, batch.description)
        try:
            drawn = Drawn(
                alignment=Alignment.of(workload),
                search=SearchPlan.of(batch.scenario, index, order=batch.order),
                later=partial(_later_boots, batch, stored, workload, has_plane=plane is not None),
            )
            shown = run_parts(job_sandbox(), stored, drawn, plane=plane)
        except TimeOver:
            break
        is_found |= bool(shown.failures())
        varied = job_sandbox().varied(batch.scenario.subject)
        outcomes.append(replace(shown.outcome(), varied=varied))
        parts.append(shown)
    return with_evidence(job_sandbox(), outcomes, parts) if batch.keeps_evidence else outcomes


def _later_boots(
    batch: Batch, stored: StoredCase, workload: WorkloadPlan, case: Case, *, has_plane: bool
) -> tuple[BootPlan, ...]:
    """Return what a case goes on with, as it ran: not on a real file system."""
    if has_plane:
        return ()
    if batch.scenario.workload.is_fitted:
        # What is different in one of its own boots is not for all that come later.
        workload = replace(workload, phases=())
    return draw_later_boots(
        replace(batch.scenario, workload=workload),
        supports=stored.supports,
        contract=stored.contract,
        case=case,
    )


def _drawn(batch: Batch, index: int) -> tuple[Case, WorkloadPlan]:
    """Return a case, and the plan that it was drawn from."""
    scenario, profile, supports = batch.scenario, batch.profile, batch.description.supports
    case = draw_case(
        scenario, supports=supports, profile=profile, master_seed=batch.master_seed, index=index
    )
    swarm = swarm_of(
        scenario, supports=supports, profile=profile, master_seed=batch.master_seed, index=index
    )
    return case, swarm.workload


def run_index(
    prepared: Prepared,
    scenario: Scenario,
    master_seed: str,
    index: int,
    *,
    order: SearchOrder = SearchOrder.NOVEL,
) -> CaseOutcome:
    """Draw and run one case alone, in this process.

    Raises:
        WalcrashError: as `prepare`.
    """
    (outcome,) = run_batch(
        Batch(
            scenario=scenario,
            description=prepared.description,
            profile=prepared.profile,
            master_seed=master_seed,
            indices=(index,),
            order=order,
        )
    )
    return outcome
