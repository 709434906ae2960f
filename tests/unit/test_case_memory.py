"""What of a case is kept in memory: the writes of its boots up to a limit, none once it is over."""

import pickle
from collections.abc import Iterator

import pytest

from walcrash.campaign.control_work import ControlWork, run_control_in
from walcrash.case import full_directory, one_run
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import FaultPlan
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import Budget, RecoveryLimits, Scenario, SubjectSpec, WorkloadPlan
from walcrash.values.verdict import Invariant, Verdict

MIB = 1 << 20
OPEN, CLOSE = Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def control(sandbox: Sandbox, payload_bytes: int) -> StoredCase:
    boots = []
    for number in range(3):
        record = Record(RecordType.PUT, f"op-{number}", number + 1, payload=b"x" * payload_bytes)
        put = Operation(OperationKind.APPEND, record)
        boots.append(BootPlan((OPEN, put, CLOSE)))
    subject, limits = SubjectSpec("reference"), RecoveryLimits()
    description = sandbox.load(subject, limits)
    return StoredCase(
        case=Case("large", 0, 0, tuple(boots)),
        subject=subject,
        contract=description.contract,
        supports=description.supports,
        invariants=frozenset(Invariant),
        limits=limits,
    )


def test_no_boot_is_run_once_a_case_has_written_more_than_is_kept(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (one_run, full_directory):
        monkeypatch.setattr(module, "BYTES_PER_CASE", MIB)
    run = run_case(sandbox, control(sandbox, MIB))
    assert run.verdict is Verdict.INCONCLUSIVE
    assert len(run.boots) == 1
    assert run.doubt.startswith("up to boot 1 it wrote 1 MiB, and of a case")
    assert run_case(sandbox, control(sandbox, 1000)).verdict is Verdict.PASS


def test_what_comes_back_of_a_control_case_holds_nothing_of_what_was_written(
    sandbox: Sandbox,
) -> None:
    scenario = Scenario(
        name="large",
        summary="",
        path="",
        subject=SubjectSpec("reference"),
        contract=None,
        workload=WorkloadPlan(operations=(20, 20), payload_bytes=(MIB,)),
        faults=(FaultPlan(),),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    )
    description = sandbox.load(scenario.subject, scenario.limits)
    work = ControlWork(scenario=scenario, master_seed="s", index=0)
    done = run_control_in(sandbox, work, description)
    assert done.longest_bytes == MIB
    assert any(each.payload_bytes == MIB for boot in done.facts.placed for each in boot)
    assert len(pickle.dumps(done)) < MIB // 8
