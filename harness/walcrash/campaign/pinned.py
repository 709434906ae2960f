"""Pinned cases: findings under version control, run before all others and in fresh processes.

A case that passes has to have reached its crash points, else it has tested something else. A
power loss names an image by its place in a trace; where a repair has changed the trace, images
are drawn in its place, as for any other case, and the same operations are judged by them.
"""

from dataclasses import dataclass, replace

from walcrash.case.case_run import CaseRun
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, store_case, summarise
from walcrash.case.runner import run_case, run_case_fresh
from walcrash.findings.fates import failure_fate
from walcrash.subjects.messages import Description
from walcrash.values.case import Case
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import PowerLoss
from walcrash.values.scenario import PinnedCase, Scenario
from walcrash.values.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedOutcome:
    """What a pinned case showed; where it has missed its crash points, that is in doubt."""

    finding: str
    outcome: CaseOutcome


def run_pinned(scenario: Scenario, description: Description, pin: PinnedCase) -> PinnedOutcome:
    """Run a pinned case in this job's sandbox.

    Raises:
        WalcrashError: as `control_work.run_control_work`.
    """
    shown = _run(scenario, description, pin)
    outcome = summarise(shown.run, shown.stored)
    outcome = replace(outcome, fate=failure_fate(job_sandbox(), shown.stored, shown.run))
    if shown.is_missed and not shown.is_redrawn and outcome.verdict is Verdict.PASS:
        doubt = (
            f"the pinned case of {pin.finding} did not reach its crash points: expected "
            f"{_listed(pin.reaches)}; found {_listed(reached(shown.run))}"
        )
        outcome = replace(outcome, verdict=Verdict.INCONCLUSIVE, doubt=doubt)
    return PinnedOutcome(finding=pin.finding, outcome=outcome)


def run_kept(scenario: Scenario, description: Description, pin: PinnedCase) -> CaseRun:
    """Run a case that an earlier campaign kept on what the scenario says now, as a pinned one.

    Raises:
        WalcrashError: as `control_work.run_control_work`.
    """
    return _run(scenario, description, pin).run


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """How a case was run: as it was stored, or with images that were drawn anew."""

    stored: StoredCase
    run: CaseRun
    is_missed: bool
    is_redrawn: bool


def _run(scenario: Scenario, description: Description, pin: PinnedCase) -> _Shown:
    stored = store_case(replace(pin.case, scenario=scenario.name), scenario, description)
    sandbox = job_sandbox()
    run = run_case_fresh(sandbox, stored)
    is_missed = reached(run) != pin.reaches
    is_redrawn = is_missed and run.verdict is not Verdict.FAIL and _has_power_loss(pin.case)
    if is_redrawn:
        stored = replace(stored, case=_redrawn(stored.case))
        run = run_case(sandbox, stored)
    return _Shown(stored=stored, run=run, is_missed=is_missed, is_redrawn=is_redrawn)


def reached(run: CaseRun) -> tuple[str, ...]:
    """Return where the crashes of a run fell, as scenario files say it."""
    return tuple(str(landing.place) for landing in run.landings)


def _listed(places: tuple[str, ...]) -> str:
    return "; ".join(places) or "no crash"


def _has_power_loss(case: Case) -> bool:
    return any(isinstance(boot.crash, PowerLoss) for boot in case.boots)


def _redrawn(case: Case) -> Case:
    """Return the case with power losses that are drawn and not named."""
    boots = tuple(
        replace(boot, crash=replace(boot.crash, choice=None))
        if isinstance(boot.crash, PowerLoss)
        else boot
        for boot in case.boots
    )
    return replace(case, boots=boots)
