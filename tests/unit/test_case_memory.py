"""What of a case is kept in memory: the writes of its boots up to a limit, none once it is over."""

from collections.abc import Iterator, Sequence

import pytest

from walcrash.case import full_directory, one_run
from walcrash.case.case_run import without_contents
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.event import EventKind
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.fit import Fit

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


def test_a_run_without_contents_tells_where_its_boots_wrote(sandbox: Sandbox) -> None:
    run = run_case(sandbox, control(sandbox, 5000))
    kept = without_contents(run)
    assert run.boots[0].recording.written_bytes() > 5000
    rows = [row for boot in kept.boots for row in boot.recording.rows]
    assert not any(row.data for row in rows if row.kind is EventKind.WRITE)
    assert fit_of(kept.boots) == fit_of(run.boots)


def fit_of(boots: Sequence[WatchedBoot]) -> Fit:
    return Fit.of([[(boot.plan, boot.events()) for boot in boots]])
