"""The control cases of a scenario as pieces of work: what a job does for one of them.

None of them needs what another one has shown, so each may run in a job of its own. What comes back
is little: a control may have written hundreds of megabytes, and all of that is gone when it is
over.

Not here: which of them are handed out, and what follows from all of them (`preparation`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from walcrash.campaign.controls import has_hung, has_opened, run_control, tell_unopened
from walcrash.campaign.fitting import LongShown, run_long_control
from walcrash.campaign.time_budget import Costs
from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, store_case
from walcrash.case.sandbox import Sandbox
from walcrash.subjects.messages import Description
from walcrash.values.contract import Contract
from walcrash.values.errors import SubjectUnopened
from walcrash.values.history import Outcome
from walcrash.values.log import Unopened
from walcrash.values.scenario import Scenario
from walcrash.workload.draw import draw_control
from walcrash.workload.fit import CaseFacts
from walcrash.workload.profile import Profile

CONTROL_CASES: Final = 3
"""Cases without a crash before a scenario's own, the long one not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlWork:
    """One control case for one job: the one of an index, or the long one for None."""

    scenario: Scenario
    master_seed: str
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDone:
    """What came of one control case.

    Attributes:
        description: of its subject.
        outcome: what decides.
        unopened: how the subject failed to open in an empty directory, if it did.
        has_hung: whether a boot of it hung.
        profile: of its boots; empty for the long one, most of whose puts are longer than those of
            cases.
        facts: what it shows for a fit.
        longest_bytes: the longest payload that was acknowledged.
        long: what only the long one shows; None for another one.
        began: when the subject was loaded, by `time.monotonic()`.
        ended: when the control was over.
        costs: what it took.
    """

    description: Description
    outcome: CaseOutcome
    unopened: Unopened | None = None
    has_hung: bool = False
    profile: Profile = field(default_factory=Profile)
    facts: CaseFacts = field(default_factory=CaseFacts)
    longest_bytes: int = 0
    long: LongShown | None = None
    began: float = 0.0
    ended: float = 0.0
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLate:
    """A control case that the time was not enough for, once its subject was loaded."""

    description: Description
    load_seconds: float


def run_control_work(work: ControlWork) -> ControlDone | ControlLate:
    """Load a scenario's subject, unless this job has it, and run one of its control cases.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the kernel refuses interception; or it is a driver that did not open when
            it was loaded, and opened when it was watched.
        HarnessFault: the harness could not do its work.
        TimeOver: there was no time left to load the subject.
    """
    asked = time.monotonic()
    sandbox = job_sandbox()
    try:
        description = sandbox.load(work.scenario.subject, work.scenario.limits)
    except SubjectUnopened as problem:
        # The first one alone tells how.
        if work.index != 0:
            raise
        return _unopened(sandbox, work, problem)
    began = time.monotonic()
    try:
        done = run_control_in(sandbox, work, description)
    except TimeOver:
        return ControlLate(description=description, load_seconds=began - asked)
    ended = time.monotonic()
    costs = replace(done.costs, load_seconds=began - asked, job_seconds=ended - began)
    return replace(done, began=began, ended=ended, costs=costs)


def run_control_in(sandbox: Sandbox, work: ControlWork, description: Description) -> ControlDone:
    """Run a control case in a sandbox in which its subject is loaded.

    Raises:
        TimeOver: the time was over before.
        WalcrashError: as `run_case`.
    """
    if work.index is None:
        return _run_long(sandbox, work, description)
    case = draw_control(
        work.scenario,
        description.supports,
        work.master_seed,
        work.index,
        is_clock_back=work.index == CONTROL_CASES - 1,
    )
    stored = store_case(case, work.scenario, description)
    outcome, run = run_control(sandbox, stored)
    if work.index == 0 and not has_opened(run):
        unopened = tell_unopened(sandbox, stored, run)
        return ControlDone(description=description, outcome=outcome, unopened=unopened)
    traces = [(boot.plan, boot.events()) for boot in run.boots]
    return ControlDone(
        description=description,
        outcome=replace(outcome, varied=sandbox.varied(work.scenario.subject)),
        has_hung=has_hung(run),
        profile=Profile.of(traces, control=work.index),
        facts=CaseFacts.of(traces),
        longest_bytes=_longest_bytes(run),
        costs=_costs([outcome]),
    )


def _run_long(sandbox: Sandbox, work: ControlWork, description: Description) -> ControlDone:
    long = run_long_control(sandbox, work.scenario, description, work.master_seed)
    return ControlDone(
        description=description,
        outcome=replace(long.outcomes[-1], varied=sandbox.varied(work.scenario.subject)),
        facts=CaseFacts.of([(boot.plan, boot.events()) for boot in long.run.boots]),
        longest_bytes=_longest_bytes(long.run),
        long=long.shown,
        costs=_costs(long.outcomes),
    )


def _unopened(sandbox: Sandbox, work: ControlWork, problem: SubjectUnopened) -> ControlDone:
    """Watch how a driver does not open; nobody knows what it supports."""
    scenario = work.scenario
    description = Description(contract=scenario.contract or Contract(), supports=frozenset())
    case = draw_control(scenario, description.supports, work.master_seed, 0)
    stored = store_case(case, scenario, description)
    sandbox.assume(scenario.subject, description)
    try:
        outcome, run = run_control(sandbox, stored)
        if has_opened(run):
            raise problem
        unopened = tell_unopened(sandbox, stored, run)
    finally:
        sandbox.assume(scenario.subject, None)
    return ControlDone(description=description, outcome=outcome, unopened=unopened)


def _longest_bytes(run: CaseRun) -> int:
    """Return the longest payload that was acknowledged."""
    return max(
        (
            len(call.operation.record.payload)
            for boot in run.history.boots
            for call in boot.calls
            if call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED
        ),
        default=0,
    )


def _costs(outcomes: Sequence[CaseOutcome]) -> Costs:
    return Costs(
        controls=len(outcomes),
        starts=sum(len(each.boots) + each.recoveries for each in outcomes),
        recoveries=sum(each.recoveries for each in outcomes),
    )
