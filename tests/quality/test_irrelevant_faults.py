"""A power loss that needs no error is one finding, without the error that happened to be there.

The image is pinned, so that it is not there by its number once the short write is one write.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from walcrash.case.case_run import CaseRun
from walcrash.case.plain import blame, weaker_blame
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.findings.fates import failure_fate
from walcrash.minimise.cause import cause_of
from walcrash.minimise.search import minimise
from walcrash.scenario.file import load_scenario, planted_directory
from walcrash.values.case_file import StoredCase
from walcrash.values.cause import fate_site
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.faults import FaultCall, FaultKind, FaultPlan, PowerLoss, ShortTransfer
from walcrash.values.identity import Facts
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.draw import draw_case
from walcrash.workload.profile import Profile

SHORT = ShortTransfer(boot=0, call=1, on=FaultCall.WRITE, ordinal=0, kept=1 << 15)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def failing(sandbox: Sandbox, model: PersistenceModel) -> StoredCase:
    """Return a case of one boot of a log without directory syncs that needs no error to fail."""
    scenario = load_scenario(planted_directory() / "power" / "unsynced-directory.toml")
    scenario = replace(scenario, faults=(FaultPlan(kind=FaultKind.POWER, images=80),))
    subject = SubjectSpec(f"{planted_directory()}/power/unsynced_directory.py:Subject")
    supports = sandbox.load(subject, scenario.limits).supports
    for index in range(8):
        case = draw_case(
            scenario, supports=supports, profile=Profile(), master_seed="short", index=index
        )
        stored = StoredCase(
            case=replace(case, boots=case.boots[-1:], faults=()),
            subject=subject,
            contract=Contract(model=model, max_attempts=3),
            supports=supports,
            invariants=scenario.invariants,
            limits=scenario.limits,
        )
        run = run_case(sandbox, stored)
        if (run.portability_failure or run).verdict is Verdict.FAIL:
            return stored
    raise AssertionError("eight cases found nothing")


def with_short_write(sandbox: Sandbox, stored: StoredCase) -> tuple[StoredCase, CaseRun]:
    """Return the case with a short write and the image that fails with it, and how it runs."""
    struck = replace(stored, case=replace(stored.case, faults=(SHORT,)))
    run = run_case(sandbox, struck)
    run = run.portability_failure or run
    assert run.judgement.breaks_first(Invariant.UNREPORTED_ERROR), run.judgement
    return replace(struck, case=run.case), run


def facts_of(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Facts:
    """Return what the id of a finding is made of, once its case is minimised."""
    kept, invariant = replace(stored, case=run.case), run.judgement.worst.invariant
    least = minimise(partial(run_case, sandbox), kept, invariant, most_tries=40).run
    assert least is not None
    fate = fate_site(failure_fate(sandbox, replace(kept, case=least.case), least), invariant)
    return cause_of(invariant, least.landings, fate=fate).facts


@pytest.mark.slow
@pytest.mark.parametrize("model", [PersistenceModel.POSIX, PersistenceModel.ORDERED])
def test_a_power_bug_behind_a_short_write_has_the_id_that_it_has_without(
    sandbox: Sandbox, model: PersistenceModel
) -> None:
    stored = failing(sandbox, model)
    alone = run_case(sandbox, stored)
    alone = alone.portability_failure or alone
    pinned, run = with_short_write(sandbox, stored)
    if model is PersistenceModel.POSIX:
        found = blame(sandbox, pinned, run).crash
    else:
        found = weaker_blame(sandbox, pinned, run)
    assert found is not None
    assert not found.case.faults
    assert not found.judgement.breaks_first(Invariant.UNREPORTED_ERROR)
    assert facts_of(sandbox, stored, found) == facts_of(sandbox, stored, alone)
    assert _fell_on(found) == _fell_on(run)


def _fell_on(run: CaseRun) -> tuple[EventKind, str, int]:
    """Return the event that a power loss fell on: its kind, its name, and its call."""
    crash = run.boots[-1].plan.crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice is not None
    event = run.boots[-1].events()[crash.choice.position.event_index]
    return event.kind, event.path, event.call
