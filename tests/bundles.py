"""A small bundle for tests, made without running anything."""

from walcrash.case.case_run import CaseRun
from walcrash.case.watched_boot import WatchedBoot
from walcrash.findings.bundle import Bundle
from walcrash.findings.evidence import Evidence
from walcrash.recorder.recording import CrashLanding, EventRow, Recording, WatchEnd
from walcrash.values.case import BootPlan, Case, Landing
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.finding import Finding
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    OperationStatus,
    RecoveredRecord,
    Recovery,
    RecoveryFailure,
    Resume,
    SubjectState,
)
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

RECORD = Record(RecordType.PUT, "op-1", 1_700_000_000_001, b"\0\xff" * 3)
OPEN = Operation(OperationKind.OPEN)
APPEND = Operation(OperationKind.APPEND, record=RECORD)
VIOLATION = Violation(Invariant.LOST_PUT, "first recovery", "it is gone", "op-1", "nothing")

IMAGE = Image(
    {
        "a": DirectoryEntry(),
        "a/log": FileEntry(b"\0\1\2" * 5, 0o644),
        "b": LinkEntry("a/log"),
        "c": SymlinkEntry("a/log"),
        "odd-\udcfe": FileEntry(b""),
    }
)


def row(kind: EventKind, data: bytes = b"") -> EventRow:
    return EventRow._make((kind, 1, "a/log", "", 0, 16, len(data), data, 0, False, len(data), 0, 0))


def boot(plan: BootPlan, history: BootHistory) -> WatchedBoot:
    rows = (row(EventKind.WRITE, b"abc"), row(EventKind.REPLY, b'{"ok": true}'))
    crash = CrashLanding(event_index=1, placement=Placement.AFTER, row=rows[1], kept_bytes=0)
    return WatchedBoot(
        plan=plan,
        history=history,
        recording=Recording(
            rows=rows, end=WatchEnd.KILLED, crash=crash, unmodelled=(), outside=(), children=0
        ),
        landing=Landing(
            boot=1, event_index=1, kind=EventKind.REPLY, placement=Placement.AFTER,
            operation=OperationKind.APPEND, record=RecordType.PUT,
        ),
        output="",
    )  # fmt: skip


def small_bundle(**changes: object) -> Bundle:
    """Return a bundle with something of every kind in it."""
    crash = CrashPoint(call=1, ordinal=0, placement=Placement.AFTER, event=EventKind.REPLY)
    plan = BootPlan((OPEN, APPEND), crash)
    case = Case("made-up", 3, 2**64 - 1, (plan,))
    recovery = Recovery(
        records=(RecoveredRecord(0, RECORD),),
        end=99,
        state=SubjectState(0, 0, {"op-1": OperationState(OperationStatus.PENDING)}),
        resumes=(Resume(0, (RecoveredRecord(0, RECORD),)),),
    )
    history = BootHistory(
        (Call(OPEN, Outcome.ACKNOWLEDGED), Call(APPEND, Outcome.ACKNOWLEDGED, offset=0)),
        recovery,
        BootEnd.KILLED,
    )
    judgement = Judgement(
        Verdict.FAIL, (VIOLATION,), frozenset(Invariant), ((Invariant.ORDER, "no"),)
    )
    gone = RecoveryFailure(FailureKind.DIED, "gone")
    run = CaseRun(
        case=case,
        boots=(boot(plan, history),),
        history=History((history,), Recoveries(first=recovery, perturbed=gone)),
        judgement=judgement,
        recoveries=2,
        doubt="",
    )
    stored = StoredCase(
        case=case,
        subject=SubjectSpec("/home/somebody/wal/my_wal.py:Wal", {"sync": True}),
        contract=Contract(),
        supports=frozenset({"sync"}),
        invariants=frozenset(Invariant),
        limits=RecoveryLimits(),
    )
    fields: dict[str, object] = {
        "finding": Finding(
            id="F-0123ab", scenario="made-up", scenario_path="made-up.toml", master_seed="s",
            case_index=3, violations=(VIOLATION,), landings=(run.boots[0].landing,),
            model=PersistenceModel.KILL, operations=1, seen=1, cases=2, replays=5,
            replays_alike=5,
        ),
        "stored": stored,
        "origin": stored,
        "evidence": Evidence(run=run, before=IMAGE, after=Image({})),
        "environment": (("machine", "a small one"),),
        "version": "0.1.0",
    }  # fmt: skip
    return Bundle(**{**fields, **changes})  # type: ignore[arg-type]
