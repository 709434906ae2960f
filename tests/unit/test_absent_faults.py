"""A fault that no call fits is found, with the key that keeps it from them, and no other."""

import pytest

from walcrash.campaign.absent_faults import absent_faults
from walcrash.campaign.fault_tally import matrix_of
from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import AbsentFault, CallRow, FaultMatrix
from walcrash.values.faults import FaultCall, FaultKind, FaultPlan
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.role import role_of


def row(call: EventKind, path: str) -> CallRow:
    return CallRow(
        operation=OperationKind.APPEND, record=RecordType.PUT, call=call, role=role_of(path)
    )


ROWS = (
    row(EventKind.WRITE, "segments/wal-0017.log"),
    row(EventKind.WRITE, "00000000000a5cb6.seg"),
    row(EventKind.FSYNC, "tmpab3dxyzq"),
)


@pytest.mark.parametrize(
    "files",
    ["*.log", "wal-0017.log", "wal-00[01][0-9].log", "segments/*", "*5cb6.seg", "tmp????????"],
)
def test_a_pattern_that_a_file_of_some_role_may_have_is_not_accused(files: str) -> None:
    plan = FaultPlan(kind=FaultKind.ERROR, files=files)
    assert absent_faults(ROWS, [plan]) == ()


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.ROT, FaultKind.QUOTA])
def test_a_pattern_that_no_file_has_is_found_once(kind: FaultKind) -> None:
    plan = FaultPlan(kind=kind, files="*.wal")
    found = absent_faults(ROWS, [plan, plan])
    assert found == (AbsentFault(kind=kind.value, files="*.wal"),)
    assert found[0].keys == 'files = "*.wal"'
    # Where no call is known, nothing is.
    assert absent_faults((), [plan]) == ()


def test_damage_fits_a_file_that_got_its_name_by_a_rename() -> None:
    """A file that is made beside, and renamed over the old one, is never written under its name."""
    plan = FaultPlan(kind=FaultKind.ROT, files="state.json")
    made = (row(EventKind.CREATE, "state.json.tmp"),)
    assert absent_faults(made, [plan]) == (AbsentFault(kind="rot", files="state.json"),)
    assert absent_faults(made, [plan], ["state.json"]) == ()
    both = FaultMatrix.sum([FaultMatrix(calls=made), FaultMatrix(renamed=("db/state.json",))])
    found = matrix_of(both, [plan])
    assert found is not None
    assert (found.absent, found.renamed) == ((), ())
    # A call that fails falls on the name that it was made with.
    error = FaultPlan(kind=FaultKind.ERROR, files="state.json")
    assert len(absent_faults(made, [error], ["state.json"])) == 1


def test_the_key_that_keeps_it_away_is_named_alone() -> None:
    log = {"kind": FaultKind.ERROR, "files": "*.log"}
    rename = FaultPlan(**log, calls=(FaultCall.RENAME,))  # type: ignore[arg-type]
    assert [each.keys for each in absent_faults(ROWS, [rename])] == ['calls = ["rename"]']
    apply = FaultPlan(kind=FaultKind.SHORT, operations=("apply",))
    assert [each.keys for each in absent_faults(ROWS, [apply])] == ['operations = ["apply"]']


def test_a_fault_that_names_no_calls_is_held_against_those_that_it_falls_on() -> None:
    slow = FaultPlan(kind=FaultKind.SLOW, files="*.log")
    assert [each.keys for each in absent_faults(ROWS, [slow])] == ['files = "*.log"']
    assert absent_faults(ROWS, [FaultPlan(kind=FaultKind.SLOW, files="tmp*")]) == ()


def test_calls_that_no_trace_has_are_not_accused() -> None:
    reads = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.READ,))
    assert absent_faults(ROWS, [reads]) == ()


def test_several_parts_of_a_run_lack_what_all_of_them_lack() -> None:
    plans = [FaultPlan(kind=FaultKind.ERROR, files=name) for name in ("*.wal", "*.db")]
    one, other = (matrix_of(FaultMatrix(calls=ROWS), asked) for asked in (plans, plans[:1]))
    assert one is not None
    assert other is not None
    assert FaultMatrix.sum([one, other]).absent == other.absent
    assert [each.files for each in one.absent] == ["*.wal", "*.db"]
