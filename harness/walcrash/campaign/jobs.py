"""What runs in a job process: control cases, batches of cases, replays.

A job keeps one sandbox for its whole life.

Not here: how a job's process is started and ended (`executor`).
"""

import time
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final

from walcrash.campaign.executor import JobExecutor
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, complexity, store_case, summarise
from walcrash.case.runner import CaseRun, run_case
from walcrash.findings.evidence import complete, pack
from walcrash.minimise.cause import FailureGroup, group_of
from walcrash.oracle import refusal_without_fault
from walcrash.subjects.messages import Description
from walcrash.values.case_file import StoredCase
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.draw import draw_case, draw_control
from walcrash.workload.profile import Profile

CONTROL_CASES: Final = 3
"""Cases without a crash before a scenario's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A scenario that is ready: its subject's description, its profile, its control cases."""

    description: Description
    profile: Profile
    controls: tuple[CaseOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Cases of one scenario for one job; none is begun after `deadline` (`time.monotonic()`).

    With `keeps_evidence` failing cases come with what they left; see `CaseOutcome`.
    """

    scenario: Scenario
    description: Description
    profile: Profile
    master_seed: str
    indices: tuple[int, ...]
    deadline: float | None = None
    keeps_evidence: bool = False


def make_executor(jobs: int) -> Executor:
    """Return a pool of job processes on this machine."""
    return JobExecutor(jobs)


def prepare(scenario: Scenario, master_seed: str) -> Prepared:
    """Load a scenario's subject, run its control cases, and measure its profile.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    sandbox = job_sandbox()
    description = sandbox.load(scenario.subject, scenario.limits)
    outcomes, profiles = [], []
    for index in range(CONTROL_CASES):
        case = draw_control(scenario, description.supports, master_seed, index)
        stored = store_case(case, scenario, description)
        run = run_case(sandbox, stored)
        outcomes.append(_summarise_control(run, stored))
        if outcomes[-1].verdict is not Verdict.PASS:
            break
        profiles.append(Profile.of([(boot.plan, boot.events()) for boot in run.boots]))
    return Prepared(
        description=description, profile=Profile.merged(profiles), controls=tuple(outcomes)
    )


def run_batch(batch: Batch) -> list[CaseOutcome]:
    """Draw and run some cases, in order; fewer than asked for if time runs out.

    Raises:
        WalcrashError: as `prepare`.
    """
    outcomes: list[CaseOutcome] = []
    failures: list[_Failure] = []
    for index in batch.indices:
        # Linux has one monotonic clock for all processes.
        if batch.deadline is not None and time.monotonic() >= batch.deadline:
            break
        case = draw_case(
            batch.scenario,
            supports=batch.description.supports,
            profile=batch.profile,
            master_seed=batch.master_seed,
            index=index,
        )
        stored = store_case(case, batch.scenario, batch.description)
        run = run_case(job_sandbox(), stored)
        outcomes.append(summarise(run, stored))
        failures += _failures(len(outcomes) - 1, outcomes[-1], run, stored)
    return _with_evidence(outcomes, failures) if batch.keeps_evidence else outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failing case of a batch, or its portability failure, with the run of either."""

    at: int
    is_portability: bool
    outcome: CaseOutcome
    run: CaseRun
    stored: StoredCase


def _failures(at: int, outcome: CaseOutcome, run: CaseRun, stored: StoredCase) -> list[_Failure]:
    every = [(False, outcome, run), (True, outcome.portability_failure, run.portability_failure)]
    return [
        _Failure(at=at, is_portability=is_portability, outcome=failed, run=made, stored=stored)
        for is_portability, failed, made in every
        if failed is not None and made is not None and failed.verdict is Verdict.FAIL
    ]


def _with_evidence(outcomes: list[CaseOutcome], failures: list[_Failure]) -> list[CaseOutcome]:
    """Add what it left to the simplest failing case of each group."""
    simplest: dict[tuple[bool, FailureGroup], _Failure] = {}
    for each in failures:
        group = group_of(each.outcome.worst.invariant, each.outcome.landings)
        known = simplest.setdefault((each.is_portability, group), each)
        if complexity(each.outcome) < complexity(known.outcome):
            simplest[each.is_portability, group] = each
    for each in simplest.values():
        evidence = pack(complete(job_sandbox(), each.stored, each.run))
        failed, portability_failure = outcomes[each.at], outcomes[each.at].portability_failure
        if not each.is_portability:
            outcomes[each.at] = replace(failed, evidence=evidence)
        elif portability_failure is not None:
            outcomes[each.at] = replace(
                failed, portability_failure=replace(portability_failure, evidence=evidence)
            )
    return outcomes


def _summarise_control(run: CaseRun, stored: StoredCase) -> CaseOutcome:
    """Return what is kept of a control case: one with a refusal is no pass."""
    outcome = summarise(run, stored)
    refused = refusal_without_fault(run.history)
    if not refused or outcome.verdict is Verdict.FAIL:
        return outcome
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, doubt=refused, refused=refused)
