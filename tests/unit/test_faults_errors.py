"""Injected errors: which calls they fall into, how they are stored, drawn and checked."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from scenario_faults import loaded

from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import case_from_json, case_to_json
from walcrash.values.errors import ScenarioError
from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.faults import (
    ERRORS,
    Attempt,
    CallError,
    ErrorName,
    FaultCall,
    FaultKind,
    FaultPlan,
    Instead,
    Quota,
    ShortTransfer,
    pairs_of,
)
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.io_error import io_errors
from walcrash.values.operation import Operation, OperationKind

OPEN, CLOSE = Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)
WRITE, FSYNC, FDATASYNC = EventKind.WRITE, EventKind.FSYNC, EventKind.FDATASYNC
FULL = Instead(errno=errno.ENOSPC)


def error(**changes: object) -> CallError:
    known: dict[str, object] = {
        "boot": 0,
        "call": 2,
        "on": FaultCall.FSYNC,
        "ordinal": 1,
        "error": ErrorName.EIO,
    }
    return CallError(**{**known, **changes})  # type: ignore[arg-type]


def hits(fault: CallError, *attempts: Attempt) -> list[int]:
    work = fault.injection()
    return [at for at, attempt in enumerate(attempts) if work.instead(attempt) is not None]


def sync(call: int, path: str = "wal.log", kind: EventKind = FSYNC) -> Attempt:
    return Attempt(kind, call, path)


def test_an_error_falls_into_the_nth_call_counted_from_its_operation_on() -> None:
    assert hits(error(), sync(1), sync(2), Attempt(WRITE, 2, "wal.log"), sync(2), sync(2)) == [3]
    assert hits(error(), sync(2), sync(3, kind=FDATASYNC), sync(3)) == [1]
    assert hits(error(), sync(2)) == []


def test_an_error_falls_once_some_times_or_from_then_on() -> None:
    calls = [sync(2) for _ in range(6)]
    assert hits(error(times=2), *calls) == [1, 2]
    assert hits(error(times=None), *calls) == [1, 2, 3, 4, 5]


def test_an_error_falls_into_calls_on_files_that_are_named_alone() -> None:
    calls = (sync(2, "sub/a.log"), sync(2, "state"), sync(2, "b.log"))
    assert hits(error(files="*.log"), *calls) == [2]
    assert hits(error(files="sub/*", ordinal=0), *calls) == [0]


def test_a_simpler_error_is_at_the_operation_into_which_it_fell() -> None:
    events = [
        Event(kind=FSYNC, call=2, path="a"),
        Event(kind=FSYNC, call=4, path="a"),
        Event(kind=FSYNC, call=4, path="a", flags=INJECTED, result=-errno.EIO),
    ]
    fault = error(ordinal=2, error=ErrorName.ENOSPC, times=None)
    simpler = list(fault.simpler(events))
    assert simpler == [
        error(ordinal=2, error=ErrorName.ENOSPC),
        error(call=4, ordinal=1, error=ErrorName.ENOSPC, times=None),
    ]
    assert not list(error(call=4).simpler(events))


def test_a_simpler_fault_fails_with_the_error_that_it_had() -> None:
    full = Quota(boot=0, call=1, room_bytes=7, lasts=2, error=ErrorName.EDQUOT)
    simpler = list(full.simpler(()))
    assert simpler
    assert {each.error for each in simpler} == {ErrorName.EDQUOT}


def test_a_short_write_moves_a_byte_at_least_and_not_all() -> None:
    def moved(kept: int, length: int) -> int | None:
        fault = ShortTransfer(boot=0, call=0, on=FaultCall.WRITE, kept=kept)
        instead = fault.injection().instead(Attempt(WRITE, 0, "wal.log", length))
        return None if instead is None else instead.most_bytes

    assert [moved(0, 100), moved(65535, 100), moved(1 << 15, 100)] == [1, 99, 50]
    assert moved(0, 1) is None


def test_a_full_disk_takes_what_there_is_room_for_and_gives_back_what_is_freed() -> None:
    work = Quota(boot=0, call=1, room_bytes=10).injection()

    def write(growth: int, length: int = 0, call: int = 1) -> Instead | None:
        return work.instead(Attempt(WRITE, call, "wal.log", length or growth, growth))

    assert write(100, call=0) is None
    assert write(6) is None
    assert write(9) == Instead(most_bytes=4)
    assert write(1) == FULL
    assert write(0, length=50) is None
    assert work.instead(Attempt(EventKind.CREATE, 1, "new")) == FULL
    assert work.instead(Attempt(EventKind.TRUNCATE, 1, "wal.log", 0, -4)) is None
    assert write(4) is None
    assert write(3, length=8) == Instead(most_bytes=5)
    assert write(3) == FULL


def test_space_is_back_after_some_operations() -> None:
    work = Quota(boot=0, call=1, room_bytes=0, lasts=2).injection()
    asked = [work.instead(Attempt(WRITE, call, "a", 5, 5)) for call in range(4)]
    assert asked == [None, FULL, FULL, None]


def test_faults_are_stored_and_read_as_they_are() -> None:
    faults = (
        error(times=None, files="*.log"),
        error(),
        ShortTransfer(boot=0, call=1, on=FaultCall.WRITE, kept=5, times=3),
        Quota(boot=0, call=1, room_bytes=7, lasts=2, error=ErrorName.EDQUOT),
    )
    case = Case("s", 0, 1, (BootPlan((OPEN, CLOSE)),), faults)
    assert case_from_json(case_to_json(case)) == case
    assert [each["is"] for each in case_to_json(case)["faults"]] == [
        "error",
        "error",
        "short",
        "quota",
    ]


def test_only_pairs_that_the_kernel_gives_are_drawn() -> None:
    assert pairs_of((FaultCall.FSYNC, FaultCall.CREATE), (ErrorName.EMFILE, ErrorName.EIO)) == [
        (FaultCall.FSYNC, ErrorName.EIO),
        (FaultCall.CREATE, ErrorName.EIO),
        (FaultCall.CREATE, ErrorName.EMFILE),
    ]
    assert FaultCall.READ not in {call for call, _ in pairs_of((), ())}
    assert all(errors for errors in ERRORS.values())


def test_each_call_can_give_what_its_manual_page_says() -> None:
    full = "EIO ENOSPC EDQUOT"
    pages = {
        "open": "EIO EINTR EROFS EMFILE ENFILE ESTALE",
        "create": f"{full} EINTR EROFS EMFILE ENFILE ESTALE",
        "write": f"{full} EINTR EROFS EFBIG ESTALE",
        "fsync": f"{full} EINTR EROFS ESTALE",
        "rename": f"{full} EROFS ESTALE",
        "truncate": "EIO EINTR EROFS EFBIG ESTALE",
        "allocate": f"{full} EINTR EFBIG EOPNOTSUPP ESTALE",
        "read": "EIO EINTR ESTALE",
        "map": "EAGAIN ENFILE ENOMEM",
        "msync": full,
        "close": f"{full} EINTR",
    }
    for call, errors in pages.items():
        given = {error.value for error in ERRORS[FaultCall(call)]}
        assert set(errors.split()) <= given, call
    # A descriptor is taken by an open alone, and a regular file never says EAGAIN.
    takers = {call for call, errors in ERRORS.items() if ErrorName.EMFILE in errors}
    assert takers == {FaultCall.OPEN, FaultCall.CREATE}
    again = {call for call, errors in ERRORS.items() if ErrorName.EAGAIN in errors}
    assert again == {FaultCall.MAP}


def test_errors_in_a_row_are_told_as_one_with_the_call_that_was_first() -> None:
    failed = {"flags": INJECTED, "result": -errno.EIO}
    events = [
        Event(kind=FSYNC, call=1, path="wal.log"),
        Event(kind=FSYNC, call=1, path="wal.log", **failed),  # type: ignore[arg-type]
        Event(kind=FSYNC, call=1, path="wal.log", **failed),  # type: ignore[arg-type]
        Event(kind=WRITE, call=1, path="b", length=9, result=4, flags=INJECTED),
    ]
    operations = (OPEN, Operation(OperationKind.SYNC))
    assert [str(each) for each in io_errors(events, operations, boot=2)] == [
        "the 2nd fsync of wal.log failed with EIO, and so did the 1 after it (boot 2, call 1: "
        "sync)",
        "the 1st write of b moved 4 of 9 bytes (boot 2, call 1: sync)",
    ]


def test_a_short_write_and_the_refusal_of_its_rest_are_told_as_a_full_disk() -> None:
    def told(refusal: int, path: str = "log") -> list[str]:
        short = Event(kind=WRITE, call=1, path="log", length=125, result=30, flags=INJECTED)
        rest = Event(kind=WRITE, call=1, path=path, length=95, result=-refusal, flags=INJECTED)
        return [str(each) for each in io_errors([short, rest], (OPEN, CLOSE), boot=1)]

    where = "(boot 1, call 1: close)"
    assert told(errno.ENOSPC)[0] == (
        "the 1st write of log met a full disk: it moved 30 of 125 bytes, and the next failed with "
        f"ENOSPC {where}"
    )
    assert told(errno.EIO)[0] == f"the 1st write of log moved 30 of 125 bytes {where}"
    assert told(errno.ENOSPC, "other") == [
        f"the 1st write of log moved 30 of 125 bytes {where}",
        f"the 1st write of other failed with ENOSPC {where}",
    ]


def test_a_late_error_comes_with_the_next_sync_of_its_file_and_of_no_other() -> None:
    work = error(ordinal=0, failed_sync=SyncFailure.LATE).injection()
    asked = [
        work.instead(Attempt(kind, 2, "wal.log", file=file))
        for kind, file in ((FSYNC, 5), (FSYNC, 7), (WRITE, 5), (FDATASYNC, 5), (FSYNC, 5))
    ]
    assert asked == [Instead(fails_late=True), None, None, Instead(errno=errno.EIO), None]
    late = Event(kind=FSYNC, call=1, path="wal.log", flags=INJECTED)
    said = replace(late, result=-errno.EIO)
    assert [str(each) for each in io_errors([late, said], (OPEN, CLOSE), boot=1)] == [
        "the 1st fsync of wal.log returned 0 and had failed, as the file's next sync was to say "
        "(boot 1, call 1: close)",
        "the 2nd fsync of wal.log failed with EIO (boot 1, call 1: close)",
    ]
    assert str(late) == "fsync wal.log, injected: 0 is returned, and the next sync fails for it"


def test_what_a_failed_sync_is_is_stored_where_it_is_not_the_usual(tmp_path: Path) -> None:
    text = 'kind = "error"\ncalls = ["fsync"]\nerrors = ["EIO"]\nfailed_sync = "reverted"\n'
    (plan,) = loaded(tmp_path, text)
    assert plan.failed_sync is SyncFailure.REVERTED
    fault = error(failed_sync=plan.failed_sync)
    assert fault.reverts_files
    case = Case("s", 0, 1, (BootPlan((OPEN, CLOSE)),), (error(), fault))
    assert case_from_json(case_to_json(case)) == case
    assert [each.get("failed_sync") for each in case_to_json(case)["faults"]] == [None, "reverted"]
    assert str(fault).endswith("from call 2 of boot 1 on, after which the file is as it was")


def test_a_scenario_names_calls_errors_and_how_often(tmp_path: Path) -> None:
    text = 'kind = "error"\ncalls = ["fsync"]\nerrors = ["EIO"]\ntimes = "from then on"\n'
    assert loaded(tmp_path, text) == (
        FaultPlan(
            kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,), errors=(ErrorName.EIO,), times=None
        ),
    )
    assert loaded(tmp_path, 'kind = "short"\ntimes = "once"\n')[0].times == 1
    assert loaded(tmp_path, 'kind = "quota"\nroom_bytes = 5\n')[0].room_bytes == (5, 5)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            'kind = "error"\ncalls = ["fsync"]\nfailed_sync = "late"',
            "`late` is known of an fsync that fails with EIO, and of nothing else; found "
            '"fsync" with any error',
        ),
        (
            'kind = "error"\ncalls = ["fsync"]\nerrors = ["EIO"]\nfailed_sync = "late"\ntimes = 2',
            "a sync that fails late takes the file's next one with it; found `times` besides",
        ),
        (
            'kind = "rot"\nbetween_boots = true\nboots = "last"',
            'no boot follows the last one, so nothing is between; found `boots = "last"`',
        ),
        (
            'kind = "error"\ncalls = ["fsync"]\nerrors = ["EMFILE"]',
            "the kernel never gives EMFILE for `fsync`; allowed: EIO, ENOSPC, EDQUOT, EINTR",
        ),
        (
            'kind = "error"\ncalls = ["rename"]\nerrors = ["EMFILE"]',
            "the kernel never gives EMFILE for `rename`; allowed: EIO, ENOSPC, EDQUOT, EROFS",
        ),
        (
            'kind = "error"\ncalls = ["write", "unlink"]\nerrors = ["ENOSPC"]',
            "the kernel gives none of ENOSPC for `unlink`; allowed: EIO, EROFS, ENOMEM, ESTALE",
        ),
        (
            'kind = "error"\nerrors = ["EINTR"]\ntimes = "from then on"',
            "EINTR says that the call may be made again, and does not come for ever",
        ),
        ('kind = "short"\ncalls = ["fsync"]', "only what moves bytes can be short"),
        ('kind = "quota"\nerrors = ["EIO"]', "a full disk does not give EIO; allowed: ENOSPC"),
        ('kind = "error"\ntimes = 0', '"once", "from then on", or a whole number of 1 to 1000'),
        (
            'kind = "kill"\nevent = "read"',
            'an event "read" changes nothing, so no kill falls there',
        ),
        ('kind = "kill"\nerrors = ["EIO"]', "falls at an event and has no `errors`"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(
    tmp_path: Path, fault: str, words: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, fault)
    assert words in " ".join(str(caught.value).split())
