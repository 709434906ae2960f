"""Fitting: what a real subject shows in its long control, and what counts against it."""

from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.campaign.fitting import fit_workload
from walcrash.case.sandbox import Sandbox
from walcrash.values.faults import FaultPlan
from walcrash.values.operation import OperationKind
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.fit import SCALE
from walcrash.workload.long_control import STEPS

SUBJECT = f"{Path(__file__).parent / 'fitted_subject.py'}:Segmented"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        yield made


def fitted(sandbox, *, workload=FITTED_WORKLOAD, **options):
    scenario = Scenario(
        name="fitted",
        summary="",
        path="",
        subject=SubjectSpec(SUBJECT, options=options),
        contract=None,
        workload=workload,
        faults=(FaultPlan(),),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    )
    description = sandbox.load(scenario.subject, scenario.limits)
    return fit_workload(sandbox, scenario, description, "s", [])


def test_it_learns_how_long_files_and_records_get(sandbox):
    found = fitted(sandbox)
    fit = found.fit
    assert fit.segment_bytes == 10_000
    assert not fit.goes_beyond
    assert fit.is_file_per_boot
    assert abs(fit.scale - SCALE * 4 / 3) < SCALE / 50
    assert fit.idle == {OperationKind.SYNC}
    assert fit.takes_second_mark
    assert fit.most_payload_bytes == 0
    assert len(found.controls) == 1
    assert [each.verdict for each in found.decided] == [Verdict.PASS]
    assert found.decided[0].reach.files > 1


@pytest.mark.parametrize("dies", [False, True])
def test_a_size_that_is_not_taken_is_learned_and_counts_for_nothing(sandbox, dies):
    found = fitted(sandbox, most=5_000, dies=dies)
    assert found.fit.most_payload_bytes == STEPS[1][1]
    assert len(found.controls) == 2
    assert [each.verdict for each in found.decided] == [Verdict.PASS]


def test_a_second_mark_that_is_not_kept_is_no_failure_and_is_not_drawn(sandbox):
    found = fitted(sandbox, keeps_second_marks=False)
    assert not found.fit.takes_second_mark
    assert [each.verdict for each in found.decided] == [Verdict.PASS]


@pytest.mark.slow
def test_a_log_that_loses_what_it_acknowledged_fails_without_a_crash(sandbox):
    (failure,) = fitted(sandbox, reads=2).decided
    assert failure.verdict is Verdict.FAIL
    assert failure.is_plain
    assert Invariant.LOST_PUT in {violation.invariant for violation in failure.violations}


def test_a_stated_workload_has_no_long_control(sandbox):
    found = fitted(sandbox, workload=WorkloadPlan())
    assert found.controls == ()
    assert found.decided == ()
    assert found.fit == replace(found.fit, segment_bytes=0, takes_second_mark=False)
