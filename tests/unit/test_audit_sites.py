"""Sync sites: their names, traces without them, and promises that no sync stands behind."""

import pytest

from walcrash.tools.audit.sites import find_sites, find_unsynced, has_promise, is_sync, without
from walcrash.values.audit import UnsyncedPromise
from walcrash.values.case import BootPlan
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType

K = EventKind
OPEN = Operation(OperationKind.OPEN)
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "op-1", 1))
DONE = Operation(OperationKind.APPEND, Record(RecordType.DONE, "op-1", 2))
SYNC = Operation(OperationKind.SYNC)
APPLY = Operation(OperationKind.APPLY)
CLOSE = Operation(OperationKind.CLOSE)


def write(call: int, path: str = "log", *, synchronous: bool = False) -> Event:
    return Event(
        kind=K.WRITE, call=call, path=path, length=1, data=b"x", result=1,
        is_synchronous=synchronous,
    )  # fmt: skip


def event(kind: EventKind, call: int, path: str = "log", *, result: int = 0) -> Event:
    return Event(kind=kind, call=call, path=path, result=result)


def history(*operations: Operation, outcome: Outcome = Outcome.ACKNOWLEDGED) -> BootHistory:
    calls = tuple(Call(operation, outcome) for operation in operations)
    return BootHistory(calls, None, BootEnd.POWER_LOST)


def names(plan: BootPlan, events: list[Event], *, is_first_boot: bool = True) -> list[str]:
    return [site.name for site in find_sites(plan, events, is_first_boot=is_first_boot)]


def unsynced(
    *operations: Operation, events: list[Event], contract: Contract | None = None
) -> list[UnsyncedPromise]:
    return find_unsynced(
        contract or Contract(),
        BootPlan(operations),
        history(*operations),
        events,
        is_first_boot=True,
    )


def test_a_site_is_named_by_operation_call_file_and_number_within_the_call() -> None:
    plan = BootPlan((OPEN, PUT, PUT, APPLY))
    events = [
        event(K.FSYNC, 0, "."),
        event(K.FDATASYNC, 1),
        event(K.FDATASYNC, 2),
        event(K.FSYNC, 3, "."),
        event(K.FSYNC, 3, "."),
        event(K.SYNC_ALL, 3, ""),
    ]
    assert names(plan, events) == [
        "open: fsync .",
        "append PutOperation: fdatasync log",
        "apply: fsync .",
        "apply: fsync . (2nd)",
        "apply: sync-all",
    ]
    sites = find_sites(plan, events, is_first_boot=True)
    assert sites[1].events == {1, 2}


def test_the_open_of_a_later_boot_has_sites_of_its_own() -> None:
    assert names(BootPlan((OPEN,)), [event(K.FSYNC, 0)], is_first_boot=False) == [
        "reopen: fsync log"
    ]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("segment-000017.log", "segment-*.log"),
        ("state.tmp4k_a9xyz", "state.tmp*"),
        ("dir/3f9c2abe71.new", "dir/*.new"),
        ("deadbeef", "deadbeef"),
        ("wal.log.tmp", "wal.log.tmp"),
    ],
)
def test_numbers_and_random_parts_of_names_are_one_site(path: str, shown: str) -> None:
    assert names(BootPlan((OPEN,)), [event(K.FSYNC, 0, path)]) == [f"open: fsync {shown}"]


def test_what_failed_and_what_promises_nothing_is_no_sync() -> None:
    assert not is_sync(event(K.FSYNC, 0, result=-5))
    assert not is_sync(event(K.SYNC_RANGE, 0))
    assert not is_sync(write(0))
    assert is_sync(write(0, synchronous=True))


def test_a_trace_without_a_site_keeps_its_positions_and_its_writes() -> None:
    events = [write(0), event(K.FSYNC, 0), write(0, synchronous=True), event(K.FSYNC, 0)]
    removed = without(events, frozenset({1, 2}))
    assert [one.kind for one in removed] == [K.WRITE, K.SYNC_RANGE, K.WRITE, K.FSYNC]
    assert [one.data for one in removed] == [one.data for one in events]
    assert [is_sync(one) for one in removed] == [False, False, False, True]


@pytest.mark.parametrize(("number", "shown"), [(2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st")])
def test_the_number_of_a_call_is_an_ordinal(number: int, shown: str) -> None:
    events = [event(K.FSYNC, 0)] * number
    assert names(BootPlan((OPEN,)), events)[-1] == f"open: fsync log ({shown})"


def test_an_append_without_a_sync_behind_its_last_write_has_none() -> None:
    events = [write(1), event(K.FSYNC, 1), write(2), event(K.FSYNC, 2), write(2)]
    assert unsynced(OPEN, PUT, DONE, events=events) == [
        UnsyncedPromise(operation="append PutOperation", unsynced=0, calls=1),
        UnsyncedPromise(operation="append MarkDone", unsynced=1, calls=1),
    ]


def test_an_append_that_writes_nothing_has_no_sync_and_a_synchronous_one_has() -> None:
    events = [write(2, synchronous=True)]
    assert [one.unsynced for one in unsynced(OPEN, PUT, DONE, events=events)] == [1, 0]


def test_a_group_commit_is_promised_by_its_sync_alone() -> None:
    contract = Contract(acknowledges=Acknowledges.SYNC)
    events = [write(1), event(K.FSYNC, 2), write(3)]
    found = unsynced(OPEN, PUT, SYNC, PUT, SYNC, events=events, contract=contract)
    assert found == [UnsyncedPromise(operation="sync", unsynced=1, calls=2)]


def test_a_file_removed_behind_the_last_sync_is_no_broken_promise() -> None:
    events = [write(1), event(K.FSYNC, 1), event(K.UNLINK, 1)]
    assert [one.unsynced for one in unsynced(OPEN, APPLY, events=events)] == [0]


@pytest.mark.parametrize("power", [Promise.PREFIX, Promise.NONE])
def test_a_contract_that_may_lose_records_needs_no_sync(power: Promise) -> None:
    assert unsynced(OPEN, PUT, events=[write(1)], contract=Contract(power=power)) == []


@pytest.mark.parametrize(
    ("operations", "acknowledges", "expected"),
    [
        ((OPEN,), Acknowledges.APPEND, False),
        ((OPEN, PUT), Acknowledges.APPEND, True),
        ((OPEN, PUT), Acknowledges.SYNC, False),
        ((OPEN, SYNC, PUT), Acknowledges.SYNC, False),
        ((OPEN, PUT, SYNC), Acknowledges.SYNC, True),
        ((OPEN, PUT, CLOSE), Acknowledges.SYNC, True),
    ],
)
def test_a_promise_is_made_when_the_contract_says(
    operations: tuple[Operation, ...], acknowledges: Acknowledges, expected: bool
) -> None:
    contract = Contract(acknowledges=acknowledges)
    assert has_promise(contract, [history(*operations)]) is expected
    assert not has_promise(contract, [history(*operations, outcome=Outcome.REFUSED)])
