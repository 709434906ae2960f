"""Stories of cases: what they say of calls, files, a crash and its loss, and their bounds."""

from dataclasses import replace

from report_lines import finding

from walcrash.case.case_run import CaseRun
from walcrash.case.watched_boot import WatchedBoot
from walcrash.findings.story import build_story
from walcrash.recorder.recording import EventRow, Recording, WatchEnd
from walcrash.report.ndjson import line_bytes
from walcrash.values.case import BootPlan, Case, Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.log import FindingReported
from walcrash.values.moments import CrashPosition, Placement, part
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, RecoveredRecord, Recovery, RecoveryFailure
from walcrash.values.story import (
    PATHS_SHOWN,
    STEPS_SHOWN,
    TEXT_CHARACTERS,
    VIEW_BYTES,
    Aspect,
    Durability,
    Fate,
    Mark,
    PathState,
    Story,
    StoryCrash,
)
from walcrash.values.verdict import Judgement, Verdict

K = EventKind
NOTHING = Recovery(records=(), end=0, state=None)


def row(
    kind: EventKind,
    call: int,
    path: str = "",
    *,
    to: str = "",
    file: int = -1,
    at: int = 0,
    data: bytes = b"",
    result: int | None = None,
) -> EventRow:
    length = len(data)
    done = (length if kind is K.WRITE else 0) if result is None else result
    return EventRow._make((kind, call, path, to, file, at, length, data, 0, False, done, 0, -1))


def append(number: int, offset: int, *, data: bytes, is_synced: bool) -> list[EventRow]:
    rows = [row(K.WRITE, number, "wal.log", file=1, at=offset, data=data)]
    if is_synced:
        rows.append(row(K.FSYNC, number, "wal.log", file=1))
    return [*rows, row(K.REPLY, number, data=b"{}")]


OPENED = [
    row(K.CREATE, 0, "wal.log", file=1),
    row(K.FSYNC, 0, ".", file=0),
    row(K.REPLY, 0, data=b"{}"),
]


def put(operation_id: str) -> Operation:
    return Operation(OperationKind.APPEND, Record(RecordType.PUT, operation_id, 1))


def watched(
    rows: list[EventRow],
    *operations: Operation,
    end: BootEnd = BootEnd.KILLED,
    offsets: tuple[int | None, ...] = (),
    landing: Landing | None = None,
    crash: PowerLoss | None = None,
    is_last_answered: bool = True,
) -> WatchedBoot:
    every = (Operation(OperationKind.OPEN), *operations)
    calls = tuple(
        Call(operation, Outcome.ACKNOWLEDGED, offset=offsets[at] if at < len(offsets) else None)
        for at, operation in enumerate(every)
    )
    if not is_last_answered:
        calls = (*calls[:-1], Call(every[-1], Outcome.UNANSWERED))
    return WatchedBoot(
        plan=BootPlan(every, crash),
        history=BootHistory(calls, NOTHING, end),
        recording=Recording(
            rows=tuple(rows), end=WatchEnd.KILLED, crash=None, unmodelled=(), outside=(), children=0
        ),
        landing=landing,
        output="",
    )


def case_run(
    *boots: WatchedBoot,
    first: Recovery | RecoveryFailure = NOTHING,
    model: PersistenceModel = PersistenceModel.KILL,
) -> CaseRun:
    return CaseRun(
        case=Case("made-up", 0, 1, tuple(boot.plan for boot in boots)),
        boots=boots,
        history=History(tuple(boot.history for boot in boots), Recoveries(first=first)),
        judgement=Judgement(Verdict.FAIL, (), frozenset(), ()),
        recoveries=1,
        doubt="",
        model=model,
    )


def told(*boots: WatchedBoot, **changes: object) -> Story:
    return build_story(case_run(*boots, **changes), promised=PersistenceModel.EXT4)  # type: ignore[arg-type]


def cut(event: int, model: PersistenceModel, policy: Policy, **changes: object) -> PowerLoss:
    position = CrashPosition(event, Placement.AFTER)
    choice = ImageChoice(model=model, position=position, policy=policy)
    return PowerLoss(seed=1, images=1, choice=replace(choice, **changes))  # type: ignore[arg-type]


def states_of(story: Story, boot: int) -> list[tuple[int, tuple[PathState, ...]]]:
    return [(step.event, step.states) for step in story.boots[boot].steps if step.states]


def test_what_is_durable_is_told_after_each_event() -> None:
    rows = [
        *OPENED,
        *append(1, 0, data=b"a" * 100, is_synced=True),
        *append(2, 100, data=b"b" * 60, is_synced=False),
    ]
    story = told(watched(rows, put("op-1"), put("op-2")))
    assert story.paths == ("wal.log", "./")
    assert states_of(story, 0) == [
        (0, (PathState(0, Durability.NEW),)),
        (1, (PathState(0, Durability.DURABLE),)),
        (3, (PathState(0, Durability.DURABLE, 100, 0, ((0, 100),)),)),
        (4, (PathState(0, Durability.DURABLE, 100, 100),)),
        (6, (PathState(0, Durability.DURABLE, 160, 100, ((100, 160),)),)),
    ]


def test_calls_stand_beside_the_events_that_they_made() -> None:
    rows = [*OPENED, *append(1, 0, data=b"a" * 9, is_synced=False)]
    boot = told(watched(rows, put("op-1"), offsets=(None, 0))).boots[0]
    assert [(call.operation, call.offset) for call in boot.calls] == [
        ("open", -1),
        ("append PutOperation op-1", 0),
    ]
    assert [(step.call, step.kind) for step in boot.steps[3:]] == [(1, K.WRITE), (1, K.REPLY)]


def test_a_kill_within_a_write_is_shown_with_what_was_to_be_written_and_what_is_there() -> None:
    torn = row(K.WRITE, 2, "wal.log", file=1, at=100, data=b"b" * 60, result=20)
    rows = [*OPENED, *append(1, 0, data=b"a" * 100, is_synced=True), torn]
    landing = Landing(
        boot=1, event_index=6, kind=K.WRITE, placement=Placement.WITHIN,
        operation=OperationKind.APPEND, record=RecordType.PUT, path="wal.log", kept_bytes=20,
    )  # fmt: skip
    boot = watched(rows, put("op-1"), put("op-2"), offsets=(None, 0), landing=landing)
    story = told(boot)
    assert story.boots[0].crash == StoryCrash(
        event=6, placement=Placement.WITHIN, kept_bytes=20, model=PersistenceModel.KILL
    )
    assert story.boots[0].steps[-1].result == 20
    view = story.view
    assert view is not None
    assert (view.path, view.start, view.size_written, view.size_found) == (0, 48, 160, 120)
    assert view.written == b"a" * 52 + b"b" * 60
    assert view.found == b"a" * 52 + b"b" * 20
    assert view.marks == (Mark(100, "append PutOperation op-2"),)


def test_what_a_later_boot_wrote_over_a_torn_record_is_in_the_view() -> None:
    torn = row(K.WRITE, 1, "wal.log", file=1, data=b"b" * 60, result=20)
    landing = Landing(
        boot=1, event_index=3, kind=K.WRITE, placement=Placement.WITHIN,
        operation=OperationKind.APPEND, record=RecordType.PUT, path="wal.log", kept_bytes=20,
    )  # fmt: skip
    later = append(1, 20, data=b"c" * 30, is_synced=True)
    second = watched([row(K.REPLY, 0, data=b"{}"), *later], put("op-2"), offsets=(None, 20))
    story = told(watched([*OPENED, torn], put("op-1"), landing=landing), second)
    assert story.view is not None
    assert story.view.boot == 1
    assert story.view.found == b"b" * 20 + b"c" * 30
    assert story.view.marks[-1] == Mark(20, "append PutOperation op-2", True)


def test_a_power_loss_tells_what_of_each_change_was_kept() -> None:
    rows = [*OPENED, *append(1, 0, data=b"a" * 1000, is_synced=False)]
    first_sector = part(3, 1)
    crash = cut(4, PersistenceModel.POSIX, Policy.TORN, files=first_sector, names=first_sector)
    boot = watched(rows, put("op-1"), end=BootEnd.POWER_LOST, crash=crash)
    found = told(boot, model=PersistenceModel.POSIX).boots[0].crash
    assert found is not None
    assert found.fates == (
        Fate(1, 3, 0, Aspect.SIZE, False),
        Fate(1, 3, 0, Aspect.DATA, False, ((0, 512),), ((512, 1000),)),
    )
    assert found.states == (PathState(0, Durability.DURABLE, 512, 512),)


def test_after_a_power_loss_what_was_lost_is_gone_and_the_rest_is_durable() -> None:
    rows = [
        *OPENED,
        *append(1, 0, data=b"a" * 100, is_synced=True),
        *append(2, 100, data=b"b" * 60, is_synced=False),
    ]
    crash = cut(7, PersistenceModel.EXT4, Policy.NOTHING)
    boot = watched(
        rows, put("op-1"), put("op-2"), end=BootEnd.POWER_LOST, crash=crash, offsets=(None, 0, 100)
    )
    story = told(boot, model=PersistenceModel.EXT4)
    assert story.boots[0].event_count == 8
    assert story.boots[0].crash == StoryCrash(
        event=7,
        placement=Placement.AFTER,
        kept_bytes=0,
        model=PersistenceModel.EXT4,
        fates=(
            Fate(1, 6, 0, Aspect.SIZE, False),
            Fate(1, 6, 0, Aspect.DATA, False, (), ((100, 160),)),
        ),
        fate_count=2,
        states=(PathState(0, Durability.DURABLE, 100, 100),),
    )
    assert story.view is not None
    assert (story.view.size_written, story.view.size_found) == (160, 100)
    assert story.view.marks == (Mark(100, "append PutOperation op-2", True),)


def test_the_place_of_the_loss_is_where_an_acknowledged_change_was_lost() -> None:
    rows = [
        *OPENED,
        *append(1, 0, data=b"a" * 10, is_synced=True),
        row(K.CREATE, 2, "new", file=2),
        row(K.WRITE, 2, "new", file=2, data=b"n" * 20),
        row(K.FSYNC, 2, "new", file=2),
        row(K.RENAME, 2, "new", to="wal.log", file=2),
        row(K.REPLY, 2, data=b"{}"),
        row(K.WRITE, 3, "other", file=3, data=b"x"),
    ]
    rows.insert(-1, row(K.CREATE, 3, "other", file=3))
    crash = cut(len(rows) - 1, PersistenceModel.POSIX, Policy.NOTHING)
    operations = put("op-1"), Operation(OperationKind.COMPACT), put("op-2")
    boot = watched(rows, *operations, end=BootEnd.POWER_LOST, crash=crash, is_last_answered=False)
    story = told(boot, model=PersistenceModel.POSIX)
    assert story.view is not None
    assert story.paths[story.view.path] == "wal.log"
    assert (story.view.written, story.view.found) == (b"n" * 20, b"a" * 10)


def test_a_kill_leaves_pending_what_was_pending_for_a_later_power_loss() -> None:
    first = watched([*OPENED, *append(1, 0, data=b"a" * 10, is_synced=False)], put("op-1"))
    later = [row(K.REPLY, 0, data=b"{}"), row(K.REPLY, 1, data=b"{}")]
    crash = cut(6, PersistenceModel.EXT4, Policy.NOTHING)
    second = watched(later, put("op-2"), end=BootEnd.POWER_LOST, crash=crash)
    story = told(first, second, model=PersistenceModel.EXT4)
    lost = story.boots[1].crash
    assert lost is not None
    assert lost.event == 1
    assert [(fate.boot, fate.event) for fate in lost.fates] == [(1, 3), (1, 3)]


def test_a_long_trace_is_cut_in_the_middle_and_what_changed_there_is_told_after_it() -> None:
    rows = list(OPENED)
    for number in range(1, 400):
        rows += append(number, 10 * number, data=b"x" * 10, is_synced=False)
    operations = [put(f"op-{number}") for number in range(1, 400)]
    boot = told(watched(rows, *operations)).boots[0]
    events = [step.event for step in boot.steps]
    assert len(events) == STEPS_SHOWN
    assert events[0] == 0
    assert events[-1] == boot.event_count - 1 == len(rows) - 1
    jump = next(step for before, step in zip(boot.steps, boot.steps[1:], strict=False)
                if step.event != before.event + 1)  # fmt: skip
    assert jump.states
    assert {step.call for step in boot.steps} - {0} <= {call.number for call in boot.calls} | {
        step.call for step in boot.steps[: STEPS_SHOWN // 4]
    }
    assert boot.call_count == 400


def test_a_story_is_some_kilobytes_whatever_the_case_was() -> None:
    long_name = "n" * 250
    boots = []
    for _ in range(5):
        rows = []
        for number in range(300):
            rows.append(row(K.CREATE, number, f"{long_name}-{number}", file=number))
            rows.append(
                row(K.WRITE, number, f"{long_name}-{number}", file=number, data=b"\xff" * 5000)
            )
        operations = [put("\x1b" * 10_000) for _ in range(300)]
        boots.append(watched(rows, *operations))
        long_name += "m"
    records = tuple(
        RecoveredRecord(n, Record(RecordType.PUT, "i" * 9999, n)) for n in range(10_000)
    )
    story = told(*boots, first=Recovery(records=records, end=0, state=None))
    assert len(story.paths) == PATHS_SHOWN + 1
    assert all(len(path) <= TEXT_CHARACTERS for path in story.paths)
    assert story.view is not None
    assert len(story.view.found) <= VIEW_BYTES
    assert len(line_bytes(FindingReported(finding=finding(), story=story))) < 64_000


def test_a_recovery_that_failed_is_told_with_its_words() -> None:
    failure = RecoveryFailure(FailureKind.REFUSED, "bad magic")
    look = told(watched(OPENED), first=failure).recoveries[-1]
    assert (look.where, look.failure, look.record_count) == (
        "first recovery",
        "refused: bad magic",
        0,
    )


def test_where_the_models_have_no_rule_calls_and_events_are_told_without_the_disk() -> None:
    strange = row(K.RENAME, 1, "nobody", to="knows", file=9)
    story = told(watched([*OPENED, strange], put("op-1")))
    assert "nobody" in story.unknown
    assert [step.kind for step in story.boots[0].steps][-1] is K.RENAME
    assert not any(step.states for step in story.boots[0].steps)
    assert story.view is None
