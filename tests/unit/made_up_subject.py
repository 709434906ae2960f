"""A subject that is a function: it runs cases in memory, and a rule says what each breaks.

Every call appends a line of its own to one file and replies; `sync` and `close` sync it. Crashes
fall on these events as they fall on a real trace, and power losses leave images of the models.

Not here: recoveries and the oracle, whose place the rule takes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from walcrash.case.case_run import CaseRun, SearchTargets
from walcrash.case.power_search import targeted
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.watched_boot import WatchedBoot, called
from walcrash.disk import Candidate, ImageBuilder, images
from walcrash.recorder.recording import CrashLanding, EventRow, Recording, WatchEnd
from walcrash.values.case import BootPlan, Case, landing_at
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import CrashPoint, KillTimer, PowerLoss
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation
from walcrash.workload.operations import CLOSE, EPOCH_MS

OPEN = Operation(OperationKind.OPEN)
SYNC = Operation(OperationKind.SYNC)
LOG = "log"
SHOWN = Recovery((), 0, None)
HUNG = RecoveryFailure(FailureKind.HUNG, "no progress")


def put(number: int, payload: bytes = b"") -> Operation:
    return append(Record(RecordType.PUT, f"op-{number}", EPOCH_MS + number, payload=payload))


def done(number: int) -> Operation:
    return append(Record(RecordType.DONE, f"op-{number}", EPOCH_MS + 1000 + number))


def append(record: Record) -> Operation:
    return Operation(OperationKind.APPEND, record)


def after_reply(call: int) -> CrashPoint:
    """Return the kill between a call and the next."""
    return CrashPoint(call=call, ordinal=0, placement=Placement.AFTER, event=EventKind.REPLY)


def killed(*operations: Operation, at: CrashPoint | KillTimer | None = None) -> BootPlan:
    """Return a boot that is killed at a point, or right after its last reply."""
    every = (OPEN, *operations)
    return BootPlan(every, at or after_reply(len(every) - 1))


def closed(*operations: Operation, loss: PowerLoss | None = None) -> BootPlan:
    """Return a boot that is closed, or recorded to its end for a power loss."""
    return BootPlan((OPEN, *operations, CLOSE), loss)


def stored(*boots: BootPlan, model: PersistenceModel = PersistenceModel.POSIX) -> StoredCase:
    return StoredCase(
        case=Case("made-up", 0, 1, boots),
        subject=SubjectSpec("made-up"),
        contract=Contract(model=model),
        supports=frozenset(),
        invariants=frozenset(Invariant),
        limits=RecoveryLimits(seconds=3.0),
    )


def calls_of(case: Case) -> list[str]:
    """Return the operations of a case without opens and closes, as reports show them."""
    around = (OperationKind.OPEN, OperationKind.CLOSE)
    every = [each for boot in case.boots for each in boot.operations]
    return [str(each) for each in every if each.kind not in around]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a rule judges: the case as it ran, its boots, and the image of its power loss."""

    case: Case
    boots: tuple[WatchedBoot, ...]
    image: Image | None

    @property
    def log(self) -> bytes:
        """What the power loss left of the log; empty where there was none."""
        entry = None if self.image is None else self.image.entries.get(LOG)
        return entry.content if isinstance(entry, FileEntry) else b""

    @property
    def last(self) -> WatchedBoot:
        return self.boots[-1]


Rule = Callable[[Shown], Invariant | None]


@dataclass
class MadeUpSubject:
    """Runs cases; `tried` is every case that was run, in order."""

    rule: Rule
    is_hanging: Callable[[Case], bool] = lambda case: False
    error: Callable[[Case], Exception | None] = lambda case: None
    tried: list[StoredCase] = field(default_factory=list)

    def __call__(self, stored: StoredCase, *, targets: SearchTargets | None = None) -> CaseRun:
        self.tried.append(stored)
        problem = self.error(stored.case)
        if problem is not None:
            raise problem
        boots: list[WatchedBoot] = []
        for number, plan in enumerate(stored.case.boots, start=1):
            boots.append(boot_of(number, plan))
            if isinstance(plan.crash, PowerLoss):
                target = None if targets is None else targets.power.get(number)
                candidates = self._candidates(boots, plan.crash, target)
                return self._first_that_breaks(stored, boots, candidates, targets)
        return self._judged(stored, boots, None)

    def _candidates(self, boots: list[WatchedBoot], loss: PowerLoss, target: object) -> list:  # type: ignore[type-arg]
        recorded = recorded_boot(boots)
        if target is not None:
            return targeted(recorded, target)  # type: ignore[arg-type]
        states = recorded.states()
        choice = loss.choice
        if choice is None:
            return [each for at, pending in states for each in images(pending, WEAKEST, at)]
        for position, pending in states:
            if position == choice.position:
                image = ImageBuilder(pending).build(choice)
                return [Candidate(choice, image, image.digest())]
        return []

    def _first_that_breaks(
        self,
        stored: StoredCase,
        boots: list[WatchedBoot],
        candidates: list[Candidate],
        targets: SearchTargets | None,
    ) -> CaseRun:
        run = self._judged(stored, boots, None, is_judged=False)
        for candidate in candidates:
            run = self._judged(stored, boots, candidate)
            violations = run.judgement.violations
            if violations and (
                targets is None or violations[0].invariant is targets.target_invariant
            ):
                break
        return run

    def _judged(
        self,
        stored: StoredCase,
        boots: list[WatchedBoot],
        candidate: Candidate | None,
        *,
        is_judged: bool = True,
    ) -> CaseRun:
        watched = tuple(boots)
        if candidate is not None:
            watched = (*boots[:-1], without_power(boots, candidate.choice))
        plans = tuple(boot.plan for boot in watched)
        case = replace(stored.case, boots=plans + stored.case.boots[len(plans) :])
        image = None if candidate is None else candidate.image
        broken = self.rule(Shown(case, watched, image)) if is_judged else None
        first = HUNG if self.is_hanging(case) else SHOWN
        return CaseRun(
            case=case,
            boots=watched,
            history=History(tuple(boot.history for boot in watched), Recoveries(first)),
            judgement=judgement_of(broken),
            recoveries=1,
            doubt="",
            model=candidate.choice.model if candidate is not None else PersistenceModel.KILL,
        )


WEAKEST = PersistenceModel.POSIX


def judgement_of(broken: Invariant | None) -> Judgement:
    if broken is None:
        return Judgement(Verdict.PASS, (), frozenset(Invariant), ())
    violation = Violation(broken, "first recovery", "made up")
    return Judgement(Verdict.FAIL, (violation,), frozenset(Invariant), ())


# Boots.


def boot_of(number: int, plan: BootPlan) -> WatchedBoot:
    """Return a boot as the recorder tells it; its kill falls where its plan says."""
    events = trace_of(plan)
    crash = crash_in(events, plan)
    rows = tuple(row_of(event) for event in events)
    landing = None
    if crash is not None:
        event = events[crash.event_index]
        landing = landing_at(
            event, called(plan, event.call), boot=number, event_index=crash.event_index,
            placement=crash.placement, kept_bytes=crash.kept_bytes,
        )  # fmt: skip
        rows = rows[: crash.event_index + (crash.placement is Placement.AFTER)]
    recording = Recording(
        rows=rows,
        end=WatchEnd.EXITED if crash is None else WatchEnd.KILLED,
        crash=crash,
        unmodelled=(),
        outside=(),
        children=0,
    )
    end = BootEnd.CLOSED if crash is None else BootEnd.KILLED
    history = history_of(plan, [row.kind for row in rows], end)
    return WatchedBoot(plan=plan, history=history, recording=recording, landing=landing, output="")


def trace_of(plan: BootPlan) -> list[Event]:
    """Return what a boot does if nobody kills it."""
    events, at = [Event(kind=EventKind.CREATE, call=0, path=LOG, file=0)], 0
    for call, operation in enumerate(plan.operations):
        if operation.record is not None:
            line = f"{operation.record.type.value} {operation.record.id}\n".encode()
            events.append(write(call, at, line))
            at += len(line)
        elif operation.kind in (OperationKind.SYNC, OperationKind.CLOSE):
            events.append(Event(kind=EventKind.FSYNC, call=call, path=LOG, file=0))
        events.append(Event(kind=EventKind.REPLY, call=call))
    return events


def write(call: int, at: int, line: bytes) -> Event:
    length = len(line)
    return Event(
        kind=EventKind.WRITE,
        call=call,
        path=LOG,
        file=0,
        offset=at,
        length=length,
        data=line,
        result=length,
    )


def crash_in(events: list[Event], plan: BootPlan) -> CrashLanding | None:
    crash = plan.crash
    if isinstance(crash, KillTimer):
        index = crash.delay_us % len(events)
        return landed(events, index, Placement.AFTER, 0)
    if not isinstance(crash, CrashPoint):
        return None
    of_call = [at for at, event in enumerate(events) if event.call == crash.call]
    alike = [at for at in of_call if crash.event in (None, events[at].kind)]
    index = alike[crash.ordinal] if crash.ordinal < len(alike) else of_call[-1]
    placement, length = crash.placement, len(events[index].data)
    if placement is Placement.WITHIN and length < 2:
        placement = Placement.BEFORE
    is_within = placement is Placement.WITHIN
    kept = min(max(1, crash.kept * length >> 16), length - 1) if is_within else 0
    return landed(events, index, placement, kept)


def landed(events: list[Event], index: int, placement: Placement, kept: int) -> CrashLanding:
    row = row_of(events[index])
    return CrashLanding(event_index=index, placement=placement, row=row, kept_bytes=kept)


def row_of(event: Event) -> EventRow:
    return EventRow(
        event.kind, event.call, event.path, event.path_to, event.file, event.offset, event.length,
        event.data, event.flags, event.is_synchronous, event.result, event.thread, event.mode,
    )  # fmt: skip


def history_of(plan: BootPlan, kinds: list[EventKind], end: BootEnd) -> BootHistory:
    """Return what a boot's calls came to, of which so many were answered."""
    answered = kinds.count(EventKind.REPLY)
    calls = tuple(
        Call(operation, Outcome.ACKNOWLEDGED if at < answered else Outcome.UNANSWERED)
        for at, operation in enumerate(plan.operations[: answered + 1])
    )
    return BootHistory(calls, SHOWN if answered else None, end)


def recorded_boot(boots: list[WatchedBoot]) -> RecordedBoot:
    """Return the last boot as a power cut finds it; the ones before it did not sync."""
    last = boots[-1]
    kinds = [event.kind for event in last.events()]
    return RecordedBoot(
        number=len(boots),
        plan=last.plan,
        base=Image({}),
        earlier=tuple(boot.events() for boot in boots[:-1]),
        events=last.events(),
        history_until=lambda count: history_of(last.plan, kinds[:count], BootEnd.POWER_LOST),
    )


def without_power(boots: list[WatchedBoot], choice: ImageChoice) -> WatchedBoot:
    """Return the last boot as the power cut of a choice left it."""
    last, recorded = boots[-1], recorded_boot(boots)
    assert isinstance(last.plan.crash, PowerLoss)
    exact = replace(last.plan.crash, choice=choice)
    return replace(
        last,
        plan=replace(last.plan, crash=exact),
        history=recorded.history_at(choice.position),
        landing=recorded.landing(choice),
    )
