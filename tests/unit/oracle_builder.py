"""Short words for histories: what a test of the oracle says, and nothing that it does not.

A record made at time t lies at offset 100 * t, so a log can be written down by its records.
The state that a recovery shows is what its records amount to, unless a test says otherwise.
"""

from walcrash.oracle import judge
from walcrash.oracle.fold import fold
from walcrash.values.contract import Contract
from walcrash.values.history import (
    BootEnd,
    BootHistory,
    Call,
    History,
    Outcome,
    Recoveries,
)
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    RecoveredRecord,
    Recovery,
    RecoveryFailure,
    Resume,
    SubjectState,
    UndecodableRecord,
)
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Judgement

WIDTH = 100
EVERYTHING = frozenset(Invariant)
SUPPORTS = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
FAR_FUTURE_MS = 10**15
OPEN = Call(Operation(OperationKind.OPEN), Outcome.ACKNOWLEDGED)
SYNC = Call(Operation(OperationKind.SYNC), Outcome.ACKNOWLEDGED)
COMPACT = Call(Operation(OperationKind.COMPACT), Outcome.ACKNOWLEDGED)
CLOSE = Call(Operation(OperationKind.CLOSE), Outcome.ACKNOWLEDGED)
REFUSAL = RecoveryFailure(FailureKind.REFUSED, "bad magic")


def put(operation_id: str, at: int, payload: bytes = b"payload") -> Record:
    return Record(RecordType.PUT, operation_id, at, payload)


def done(operation_id: str, at: int) -> Record:
    return Record(RecordType.DONE, operation_id, at)


def failed(operation_id: str, at: int, error: str = "no route", retry: int = 5000) -> Record:
    return Record(RecordType.FAILED, operation_id, at, b"", error, retry)


def acked(record: Record) -> Call:
    operation = Operation(OperationKind.APPEND, record)
    return Call(operation, Outcome.ACKNOWLEDGED, offset=record.ts_ms * WIDTH)


def unanswered(record: Record) -> Call:
    return Call(Operation(OperationKind.APPEND, record), Outcome.UNANSWERED)


def refused(record: Record, outcome: Outcome = Outcome.REFUSED) -> Call:
    return Call(Operation(OperationKind.APPEND, record), outcome, error="disk full")


def tick(*effects: str, now_ms: int = FAR_FUTURE_MS) -> Call:
    operation = Operation(OperationKind.TICK, now_ms=now_ms)
    return Call(operation, Outcome.ACKNOWLEDGED, sent=effects, effects=effects)


def replay(*records: Record, start: int = 0) -> Call:
    resume = Resume(start, items(*records))
    return Call(Operation(OperationKind.REPLAY), Outcome.ACKNOWLEDGED, replayed=resume)


def items(*records: Record) -> tuple[RecoveredRecord, ...]:
    return tuple(RecoveredRecord(record.ts_ms * WIDTH, record) for record in records)


def shows(
    *records: Record,
    checkpoint: int | None = None,
    applied: int | None = None,
    operations: dict[str, OperationState] | None = None,
    end: int | None = None,
    resumes: tuple[Resume, ...] = (),
    max_attempts: int | None = None,
    undecodable: tuple[UndecodableRecord, ...] = (),
) -> Recovery:
    """Return a recovery that showed these records and the state that follows from them."""
    last = max((record.ts_ms + 1 for record in records), default=0) * WIDTH
    end = last if end is None else end
    state = SubjectState(
        checkpoint=end if checkpoint is None else checkpoint,
        applied=end if applied is None else applied,
        operations=fold(records, max_attempts) if operations is None else operations,
    )
    return Recovery(items(*records), end, state, resumes, undecodable)


NOTHING = shows()


def killed(*calls: Call, recovery: Recovery | RecoveryFailure | None = NOTHING) -> BootHistory:
    return BootHistory((OPEN, *calls), recovery, BootEnd.KILLED)


def power_lost(*calls: Call, recovery: Recovery | RecoveryFailure | None = NOTHING) -> BootHistory:
    return BootHistory((OPEN, *calls), recovery, BootEnd.POWER_LOST)


def closed(*calls: Call, recovery: Recovery | RecoveryFailure | None = NOTHING) -> BootHistory:
    return BootHistory((OPEN, *calls, CLOSE), recovery, BootEnd.CLOSED)


def verdict_on(
    *boots: BootHistory,
    first: Recovery | RecoveryFailure,
    contract: Contract | None = None,
    supports: frozenset[str] = SUPPORTS,
    invariants: frozenset[Invariant] = EVERYTHING,
    **looks: object,
) -> Judgement:
    """Judge these boots and what came after them."""
    recoveries = Recoveries(first, **looks)  # type: ignore[arg-type]
    terms = Terms(contract or Contract(max_attempts=3), supports, invariants)
    return judge(terms, History(boots, recoveries))


def accused(*boots: BootHistory, first: Recovery | RecoveryFailure, **more: object) -> list[str]:
    """Return the ids of the invariants that were violated, most telling first."""
    judgement = verdict_on(*boots, first=first, **more)  # type: ignore[arg-type]
    return [violation.invariant.value for violation in judgement.violations]
