"""DuckDB writes the block of its metadata in place, and a kill in that write leaves no database.

A checkpoint takes free parts of the block that the last one wrote and writes all 256 KiB of it
again, while the header still names it. The checksum is in its first bytes. What is left of this
write is a block whose checksum does not match.

Source: DuckDB, `src/storage/metadata/metadata_manager.cpp`, `AllocateHandle` and `Flush`.
"""

import pytest
from needs import lacking

from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.subjects.contract_suite import put
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.faults.kill import KEPT_SCALE
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.tears import PAGE_BYTES
from walcrash.values.verdict import Invariant

BLOCK_BYTES = 256 * 1024
THIRD_WRITE = 2
"""The close writes the last entry of the WAL, a block of rows, and then the metadata."""


@pytest.mark.slow
@pytest.mark.usefixtures("interception")
def test_a_kill_within_the_write_of_the_metadata_leaves_a_database_that_is_refused() -> None:
    try:
        subject = make_adapter(find_adapter("duckdb"), {})
    except MissingPackage as missing:
        lacking(f"{missing}; {missing.hint}")
    first, second = (
        (
            Operation(OperationKind.OPEN),
            Operation(OperationKind.APPEND, put(name, at)),
            Operation(OperationKind.CLOSE),
        )
        for at, name in enumerate("ab", start=1)
    )
    kill = CrashPoint(
        call=2,
        ordinal=THIRD_WRITE,
        placement=Placement.WITHIN,
        event=EventKind.WRITE,
        kept=PAGE_BYTES * KEPT_SCALE // BLOCK_BYTES,
    )
    stored = StoredCase(
        case=Case("metadata", 0, 1, (BootPlan(first), BootPlan(second, kill))),
        subject=SubjectSpec("duckdb", {}),
        contract=subject.contract,
        supports=frozenset(),
        invariants=frozenset({Invariant.LOST_PUT, Invariant.UNRECOVERABLE}),
        limits=RecoveryLimits(seconds=120, memory_mb=4096),
    )
    with Sandbox() as sandbox:
        run = run_case(sandbox, stored)
    (landing,) = run.landings
    assert (landing.path, landing.length, landing.kept_bytes) == (
        "log.duckdb",
        BLOCK_BYTES,
        PAGE_BYTES,
    )
    (broken,) = run.judgement.violations
    assert broken.invariant is Invariant.UNRECOVERABLE
    assert "computed checksum" in broken.message
