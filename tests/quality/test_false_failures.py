"""False failures: an append whose sync failed is refused, and is there after a restart or not.

The kernel keeps what a failed sync was to write, so a log that reads its own file after a restart
finds it. To be there or not is right for an append that was refused; which of them it is, is told
in `reports/failing-storage.md`.

Source: Rebello et al., USENIX ATC 2020, "Can Applications Recover from fsync Failures?".
"""

from collections.abc import Mapping

import pytest
from needs import lacking

from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.subjects.contract_suite import put
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import CallError, CrashPoint, ErrorName, FaultCall
from walcrash.values.history import Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.recovery import Recovery
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant, Verdict

Options = Mapping[str, str | int | float | bool]

WAL: Options = {"journal_mode": "wal", "synchronous": "full"}
EXTRA: Options = {"journal_mode": "delete", "synchronous": "extra"}
FAILED = 3
"""The call whose sync fails: `open` is 0, and two appends come before it."""


@pytest.mark.slow
@pytest.mark.usefixtures("interception")
@pytest.mark.parametrize(
    ("adapter", "options", "files", "ordinal", "is_there"),
    [
        ("sqlite", WAL, "*-wal", 0, True),
        ("sqlite", EXTRA, "*-journal", 0, False),
        ("sqlite", EXTRA, "log.db", 0, False),
        # The first sync of the directory, for the new journal, is ignored.
        ("sqlite", EXTRA, ".", 1, True),
        ("lmdb", {}, "data.mdb", 0, False),
        ("leveldb", {}, "*.log", 0, True),
        ("redis", {}, "*.aof", 0, True),
        ("postgresql", {}, "data/pg_wal/*", 0, True),
    ],
)
def test_what_a_failed_sync_refused_is_there_after_a_restart_or_not(
    adapter: str, options: Options, files: str, ordinal: int, *, is_there: bool
) -> None:
    try:
        subject = make_adapter(find_adapter(adapter), options)
    except MissingPackage as missing:
        lacking(f"{missing}; {missing.hint}")
    puts = [put(name, at) for at, name in enumerate("abc", start=1)]
    appends = [Operation(OperationKind.APPEND, each) for each in puts]
    boot = BootPlan((Operation(OperationKind.OPEN), *appends), CrashPoint.after_call(FAILED))
    error = CallError(
        boot=0, call=FAILED, on=FaultCall.FSYNC, ordinal=ordinal, error=ErrorName.EIO, files=files
    )
    stored = StoredCase(
        case=Case("false-failure", 0, 1, (boot,), (error,)),
        subject=SubjectSpec(adapter, options),
        contract=subject.contract,
        supports=frozenset(),
        invariants=frozenset({Invariant.LOST_PUT, Invariant.UNREPORTED_ERROR}),
        limits=RecoveryLimits(seconds=120, memory_mb=4096),
    )
    with Sandbox() as sandbox:
        run = run_case(sandbox, stored)
    (history,) = run.history.boots
    outcomes = [call.outcome for call in history.calls[1:]]
    assert outcomes == [Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.REFUSED]
    assert [error.errno for error in history.errors] == [5]
    shown = run.history.recoveries.first
    assert isinstance(shown, Recovery), shown
    ids = [each.record.id for each in shown.records]
    assert ids == (["a", "b", "c"] if is_there else ["a", "b"])
    assert run.verdict is Verdict.PASS, run.judgement.violations[0].message
