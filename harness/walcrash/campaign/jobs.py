"""What runs in a job process: batches of cases.

A job keeps one sandbox for its whole life.

Not here: control cases (`control_work`), how a job's process is started and ended (`executor`).
"""

import time
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

from walcrash.campaign.case_parts import CaseParts, run_parts, with_evidence
from walcrash.campaign.executor import JobExecutor
from walcrash.campaign.preparation import Prepared
from walcrash.case.alignment import Alignment
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn import Drawn
from walcrash.case.frontier import SearchOrder
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, store_case
from walcrash.case.plane import job_plane
from walcrash.case.search_plan import SearchPlan
from walcrash.subjects.messages import Description
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.scenario import Scenario, WorkloadPlan
from walcrash.workload.draw import draw_case, swarm_of
from walcrash.workload.later_boots import draw_later_boots
from walcrash.workload.profile import Profile


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


def run_batch(batch: Batch) -> list[CaseOutcome]:
    """Draw and run some cases, in order; fewer than asked for if time runs out.

    Raises:
        WalcrashError: as `control_work.run_control_work`.
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
        WalcrashError: as `control_work.run_control_work`.
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
