"""Fitting: what a real subject shows in its long control, and what counts against it."""

from pathlib import Path

import pytest

from walcrash.campaign.control_work import ControlWork, run_control_in
from walcrash.campaign.preparation import fit_of
from walcrash.case.sandbox import Sandbox
from walcrash.values.contract import Acknowledges, Contract
from walcrash.values.faults import FaultPlan
from walcrash.values.operation import OperationKind
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
)
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.fit import SCALE
from walcrash.workload.long_control import STEPS

SUBJECT = f"{Path(__file__).parent / 'fitted_subject.py'}:Segmented"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        yield made


def ran(sandbox, *, contract=None, **options):
    """Return what came of the long control, and the fit that follows from it."""
    scenario = Scenario(
        name="fitted",
        summary="",
        path="",
        subject=SubjectSpec(SUBJECT, options=options),
        contract=contract,
        workload=FITTED_WORKLOAD,
        faults=(FaultPlan(),),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    )
    description = sandbox.load(scenario.subject, scenario.limits)
    work = ControlWork(scenario=scenario, master_seed="s", index=None)
    done = run_control_in(sandbox, work, description)
    return done, fit_of([done], contract or description.contract)


def passed(done):
    return done.long.is_decided and done.outcome.verdict is Verdict.PASS


def test_it_learns_how_long_files_and_records_get(sandbox):
    done, fit = ran(sandbox)
    assert fit.segment_bytes == 10_000
    assert not fit.goes_beyond
    assert fit.is_file_per_boot
    assert abs(fit.scale - SCALE * 4 / 3) < SCALE / 50
    assert fit.idle == {OperationKind.SYNC}
    assert fit.takes_second_mark
    assert fit.most_payload_bytes == 0
    assert done.costs.controls == 1
    assert passed(done)
    assert done.outcome.reach.files > 1


@pytest.mark.parametrize("dies", [False, True])
def test_a_size_that_is_not_taken_is_learned_and_counts_for_nothing(sandbox, dies):
    done, fit = ran(sandbox, most=5_000, dies=dies)
    assert fit.most_payload_bytes == STEPS[1][1]
    # What is refused for certain may be all that the log holds, so that is tried first.
    assert done.costs.controls == (2 if dies else 3)
    assert passed(done)


@pytest.mark.parametrize("room", [4_000, 16_384, 100_000])
def test_a_log_that_is_full_shows_its_room_and_is_not_accused(sandbox, room):
    done, fit = ran(sandbox, segment=1_000_000, room=room)
    # The shortest put that it was filled with takes about 250 bytes.
    assert room - 400 < fit.room_bytes <= room
    assert fit.takes_second_mark
    assert fit.most_payload_bytes == max(
        size for size in (100, 1_000, 4_000, 16_000) if size * 4 // 3 + 1_500 < room
    )
    assert passed(done)
    assert done.outcome.reach.full > 0


def test_a_limit_to_a_record_is_no_room(sandbox):
    _, fit = ran(sandbox, most=5_000)
    assert fit.room_bytes == 0


def test_a_second_mark_that_is_not_kept_is_no_failure_and_is_not_drawn(sandbox):
    done, fit = ran(sandbox, keeps_second_marks=False)
    assert not fit.takes_second_mark
    assert passed(done)


@pytest.mark.slow
def test_a_log_that_loses_what_it_acknowledged_fails_without_a_crash(sandbox):
    done, _ = ran(sandbox, reads=2)
    failure = done.outcome
    assert done.long.is_decided
    assert failure.verdict is Verdict.FAIL
    assert failure.is_plain
    assert Invariant.LOST_PUT in {violation.invariant for violation in failure.violations}


def test_a_promise_by_sync_is_the_scenarios_or_the_subjects_own(sandbox):
    assert not ran(sandbox)[1].is_promised_by_sync
    by_sync = Contract(acknowledges=Acknowledges.SYNC)
    assert ran(sandbox, contract=by_sync)[1].is_promised_by_sync
