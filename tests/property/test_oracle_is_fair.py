"""A right subject is never accused, a wrong one always; no malformed history makes the judge raise.

The subject here is a model of a few lines: a list that loses what its contract lets it lose.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walcrash.oracle import Judge, judge
from walcrash.oracle.fold import fold
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import (
    OperationState,
    OperationStatus,
    RecoveredRecord,
    Recovery,
    RecoveryFailure,
    Resume,
    SubjectState,
)
from walcrash.values.seed import Prng
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Verdict

ALL = frozenset(Invariant)
SUPPORTS = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
MAX_ATTEMPTS = 2
FAR_FUTURE_MS = 10**9
CONTRACTS = {
    "append": Contract(max_attempts=MAX_ATTEMPTS),
    "sync": Contract(acknowledges=Acknowledges.SYNC, max_attempts=MAX_ATTEMPTS),
    "prefix": Contract(kill=Promise.PREFIX, power=Promise.PREFIX, max_attempts=MAX_ATTEMPTS),
    "all, then a prefix": Contract(power=Promise.PREFIX, max_attempts=MAX_ATTEMPTS),
    "synced, then a prefix": Contract(
        acknowledges=Acknowledges.SYNC, power=Promise.PREFIX, max_attempts=MAX_ATTEMPTS
    ),
    "all, then nothing": Contract(power=Promise.NONE, max_attempts=MAX_ATTEMPTS),
    "a prefix, then nothing": Contract(
        kill=Promise.PREFIX, power=Promise.NONE, max_attempts=MAX_ATTEMPTS
    ),
    "nothing": Contract(kill=Promise.NONE, power=Promise.NONE, max_attempts=MAX_ATTEMPTS),
    "nothing, then all": Contract(kill=Promise.NONE, max_attempts=MAX_ATTEMPTS),
}
"""What is promised after a kill, then what after a power loss."""

APPEND = CONTRACTS["append"]
KEEPING_ALL_AFTER_A_KILL = [
    name for name, each in CONTRACTS.items()
    if each.kill is Promise.ALL and each.acknowledges is Acknowledges.APPEND
]  # fmt: skip
SEEDS = st.integers(min_value=0, max_value=2**32)
LIVE = (OperationStatus.PENDING, OperationStatus.FAILED)


@dataclass
class ModelWal:
    """A right subject that keeps its promises and no more: of the rest a crash keeps a prefix.

    A crash after which nothing is promised leaves any of its records, in their order.

    Attributes:
        durable: how many records it has synced for itself, before effects and checkpoints.
        promised: how many are promised to its client.
        shown: how many it has shown in the last recovery; they are in the file.
    """

    prng: Prng
    contract: Contract
    log: list[RecoveredRecord] = field(default_factory=list)
    end: int = 0
    durable: int = 0
    promised: int = 0
    shown: int = 0
    checkpoint: int = 0
    in_flight: set[str] = field(default_factory=set)
    clock_ms: int = 0
    puts: list[str] = field(default_factory=list)
    marked_done: set[str] = field(default_factory=set)
    has_crashed: bool = False

    def boot(self) -> BootHistory:
        calls = [Call(Operation(OperationKind.OPEN), Outcome.ACKNOWLEDGED)]
        if self.prng.below(8) == 0:
            return BootHistory(tuple(calls), None, self.crash())
        recovery = self.recover()
        self.shown = len(self.log)
        calls += [self.call() for _ in range(self.prng.below(12))]
        if self.prng.below(5) == 0:
            self.durable = self.promised = len(self.log)
            self.has_crashed = True
            calls.append(Call(Operation(OperationKind.CLOSE), Outcome.ACKNOWLEDGED))
            return BootHistory(tuple(calls), recovery, BootEnd.CLOSED)
        calls.append(self.unanswered(self.call()))
        return BootHistory(tuple(calls), recovery, self.crash())

    def unanswered(self, call: Call) -> Call:
        """The call under way at the crash: it happened, or it did not."""
        was_appended = call.operation.record is not None and call.offset is not None
        if was_appended and self.prng.below(2):
            self.take_back()
        return Call(call.operation, Outcome.UNANSWERED, effects=call.effects)

    def take_back(self) -> None:
        """Have the last record not appended."""
        self.end = self.log.pop().offset
        self.shorten()

    def shorten(self) -> None:
        count = len(self.log)
        self.durable, self.promised = min(self.durable, count), min(self.promised, count)
        self.shown = min(self.shown, count)

    def crash(self) -> BootEnd:
        self.has_crashed = True
        end = self.prng.choice([BootEnd.KILLED, BootEnd.POWER_LOST])
        is_kill = end is BootEnd.KILLED
        promise = self.contract.kill if is_kill else self.contract.power
        self.in_flight = {item for item in sorted(self.in_flight) if self.prng.below(2)}
        if promise is Promise.NONE:
            self.log = [item for item in self.log if self.prng.below(2)]
            self.checkpoint = 0
            self.shorten()
            return end
        least = self.durable
        if promise is Promise.ALL:
            least = max(least, self.promised, self.shown if is_kill else 0)
        kept = self.prng.between(least, len(self.log))
        if kept < len(self.log):
            self.end = self.log[kept].offset
            del self.log[kept:]
        self.shorten()
        return end

    def recover(self) -> Recovery:
        operations = dict(self.operations())
        for operation_id in self.in_flight & operations.keys():
            if operations[operation_id].status in LIVE:
                operations[operation_id] = OperationState(OperationStatus.IN_FLIGHT)
        starts = {self.checkpoint, *(item.offset for item in self.log[:2])}
        resumes = tuple(
            Resume(start, tuple(item for item in self.log if item.offset >= start))
            for start in sorted(starts)
        )
        return Recovery(
            tuple(self.log), self.end, SubjectState(self.checkpoint, self.end, operations), resumes
        )

    def operations(self) -> dict[str, OperationState]:
        return fold((item.record for item in self.log), MAX_ATTEMPTS)

    def call(self) -> Call:
        draws = [self.put, self.put, self.mark, self.mark, self.tick, self.compact, self.sync]
        if self.has_crashed:
            return self.prng.choice([*draws, self.replay, self.apply])()
        return self.prng.choice([*draws, self.replay, self.apply, self.refused])()

    def append(self, record: Record) -> Call:
        offset = self.end
        self.log.append(RecoveredRecord(offset, record))
        self.end += self.prng.between(1, 50)
        if self.contract.acknowledges is Acknowledges.APPEND:
            self.promised = len(self.log)
        return Call(Operation(OperationKind.APPEND, record), Outcome.ACKNOWLEDGED, offset=offset)

    def put(self) -> Call:
        self.clock_ms += 1
        self.puts.append(f"op-{self.clock_ms}")
        payload = self.prng.data(self.prng.below(3) + 1)
        return self.append(Record(RecordType.PUT, self.puts[-1], self.clock_ms, payload))

    def mark(self) -> Call:
        open_ids = [item for item in self.puts if item not in self.marked_done]
        if not open_ids:
            return self.put()
        self.clock_ms += 1
        chosen = self.prng.choice(open_ids)
        self.in_flight.discard(chosen)
        if self.prng.below(2):
            self.marked_done.add(chosen)
            return self.append(Record(RecordType.DONE, chosen, self.clock_ms))
        retry = self.clock_ms + self.prng.below(5)
        return self.append(Record(RecordType.FAILED, chosen, self.clock_ms, b"", "error", retry))

    def refused(self) -> Call:
        outcome = self.prng.choice([Outcome.REFUSED, Outcome.REFUSED_DEFINITE])
        operation = self.put().operation
        if outcome is Outcome.REFUSED_DEFINITE or self.prng.below(2):
            self.take_back()
            self.puts.pop()
        return Call(operation, outcome)

    def tick(self, now_ms: int | None = None) -> Call:
        now_ms = self.clock_ms if now_ms is None else now_ms
        self.durable = len(self.log)
        due = [
            operation_id
            for operation_id, state in self.operations().items()
            if state.status in LIVE
            and state.next_retry_at_ms <= now_ms
            and (operation_id not in self.in_flight or now_ms == FAR_FUTURE_MS)
        ]
        self.in_flight.update(due)
        return Call(
            Operation(OperationKind.TICK, now_ms=now_ms),
            Outcome.ACKNOWLEDGED,
            sent=tuple(due),
            effects=tuple(due),
        )

    def compact(self) -> Call:
        dropped = {
            operation_id
            for operation_id, state in self.operations().items()
            if state.status is OperationStatus.DONE
        }
        self.log = [item for item in self.log if item.record.id not in dropped]
        self.durable = self.promised = self.shown = len(self.log)
        return Call(Operation(OperationKind.COMPACT), Outcome.ACKNOWLEDGED)

    def sync(self) -> Call:
        self.durable = self.promised = len(self.log)
        return Call(Operation(OperationKind.SYNC), Outcome.ACKNOWLEDGED)

    def replay(self) -> Call:
        start = self.prng.choice([0, *(item.offset for item in self.log)])
        shown = tuple(item for item in self.log if item.offset >= start)
        resume = Resume(start, shown)
        return Call(Operation(OperationKind.REPLAY), Outcome.ACKNOWLEDGED, replayed=resume)

    def apply(self) -> Call:
        self.durable = len(self.log)
        self.checkpoint = self.end
        return Call(Operation(OperationKind.APPLY), Outcome.ACKNOWLEDGED, checkpoint=self.end)


def right_history(seed: int, contract: Contract, *, boots: int = 4) -> History:
    """Return what the model does in some boots, and all looks at what it left."""
    prng = Prng(seed)
    model = ModelWal(prng, contract)
    histories = tuple(model.boot() for _ in range(1 + prng.below(boots)))
    first = model.recover()
    continued = (model.put(), model.tick(FAR_FUTURE_MS), model.put())
    close = Call(Operation(OperationKind.CLOSE), Outcome.ACKNOWLEDGED)
    recoveries = Recoveries(
        first, first, first, (*continued, close), model.recover(), uninterrupted=first
    )
    return History(histories, recoveries)


def accused(history: History, contract: Contract) -> list[Invariant]:
    judgement = judge(Terms(contract, SUPPORTS, ALL), history)
    return [violation.invariant for violation in judgement.violations]


@pytest.mark.parametrize("examples", [40, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CONTRACTS)
def test_a_right_subject_is_never_accused(name: str, examples: int) -> None:
    contract = CONTRACTS[name]

    @settings(max_examples=examples, deadline=None)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        history = right_history(seed, contract)
        judgement = judge(Terms(contract, SUPPORTS, ALL), history)
        assert judgement.violations == ()
        assert judgement.verdict is (Verdict.PASS if judgement.judged else Verdict.INCONCLUSIVE)
        if not ends_without_promise(history, contract):
            assert judgement.judged, "where something is promised, something can be judged"

    check()


def ends_without_promise(history: History, contract: Contract) -> bool:
    promises = {BootEnd.KILLED: contract.kill, BootEnd.POWER_LOST: contract.power}
    return any(promises.get(boot.end) is Promise.NONE for boot in history.boots)


DUE = ALL - {Invariant.UNREPORTED_ERROR, Invariant.SILENT_ROT}
"""What histories without injected errors and without rot can break."""

OF_ALL_PROMISED = {Invariant.LOST_PUT, Invariant.LOST_MARK}


@pytest.mark.parametrize("name", CONTRACTS)
def test_right_subjects_give_every_rule_something_to_judge(name: str) -> None:
    """Otherwise that they are never accused would say nothing."""
    contract, histories = CONTRACTS[name], 120
    judged: Counter[Invariant] = Counter()
    ends: Counter[BootEnd] = Counter()
    lost = 0
    for seed in range(histories):
        history = right_history(seed, contract)
        judged.update(judge(Terms(contract, SUPPORTS, ALL), history).judged)
        ends.update({boot.end for boot in history.boots})
        lost += has_lost_something(history)
    due = DUE - OF_ALL_PROMISED if contract.kill is Promise.PREFIX else DUE
    rare = {each: judged[each] for each in due if judged[each] < histories // 20}
    assert rare == {}
    assert min(ends[end] for end in BootEnd if end is not BootEnd.DIED) > histories // 4
    is_all_kept = (contract.kill, contract.power) == (Promise.ALL, Promise.ALL)
    if not is_all_kept or contract.acknowledges is Acknowledges.SYNC:
        assert lost > histories // 40, "a subject that never loses anything tries no promise"


def has_lost_something(history: History) -> bool:
    """Whether a record that was acknowledged is not there at the end, and none was compacted."""
    first = history.recoveries.first
    assert isinstance(first, Recovery)
    calls = [call for boot in history.boots for call in boot.calls]
    shown = {item.record for item in first.records}
    return not any(call.operation.kind is OperationKind.COMPACT for call in calls) and any(
        call.outcome is Outcome.ACKNOWLEDGED
        and call.operation.record is not None
        and call.operation.record not in shown
        for call in calls
    )


def promised_tail(seed: int, contract: Contract) -> tuple[History, list[RecoveredRecord]]:
    """Return a right history of one boot that was killed, with two records and all acknowledged.

    Of the seeds from this one on, it is that of the first that gives one.
    """
    return next(filter(None, (_promised_tail(number, contract) for number in count(seed))))


def _promised_tail(seed: int, contract: Contract) -> tuple[History, list[RecoveredRecord]] | None:
    history = right_history(seed, contract, boots=1)
    boot = history.boots[0]
    acknowledged = {
        call.operation.record
        for call in boot.calls
        if call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED
    }
    was_compacted = any(call.operation.kind is OperationKind.COMPACT for call in boot.calls)
    shown = list(history.recoveries.first.records)  # type: ignore[union-attr]
    is_usable = len(shown) > 1 and all(item.record in acknowledged for item in shown)
    is_killed = boot.end is BootEnd.KILLED
    return (history, shown) if is_killed and is_usable and not was_compacted else None


def with_first(history: History, records: list[RecoveredRecord]) -> History:
    first = history.recoveries.first
    assert isinstance(first, Recovery)
    return replace(history, recoveries=Recoveries(replace(first, records=tuple(records))))


@pytest.mark.parametrize("name", KEEPING_ALL_AFTER_A_KILL)
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_a_history_made_wrong_is_accused_of_what_was_done_to_it(name: str, seed: int) -> None:
    contract = CONTRACTS[name]
    history, shown = promised_tail(seed, contract)
    at = seed % (len(shown) - 1)
    victim = shown[at]
    is_put = victim.record.type is RecordType.PUT
    lost = Invariant.LOST_PUT if is_put else Invariant.LOST_MARK
    dropped = shown[:at] + shown[at + 1 :]
    assert accused(with_first(history, dropped), contract)[0] is lost

    swapped = list(shown)
    swapped[at], swapped[at + 1] = (
        replace(victim, record=shown[at + 1].record),
        replace(shown[at + 1], record=victim.record),
    )
    assert accused(with_first(history, swapped), contract)[0] is Invariant.ORDER

    payload = bytes([victim.record.payload[0] ^ 1]) if victim.record.payload else b"?"
    flipped = replace(victim, record=replace(victim.record, payload=payload))
    altered = [*shown[:at], flipped, *shown[at + 1 :]]
    assert accused(with_first(history, altered), contract)[0] is Invariant.ALTERED_RECORD

    twice = [*shown[: at + 1], victim, *shown[at + 1 :]]
    assert accused(with_first(history, twice), contract)[0] is Invariant.ORDER

    stranger = replace(victim, record=Record(RecordType.PUT, "stranger", -1))
    phantom = [*shown[:at], stranger, *shown[at:]]
    assert accused(with_first(history, phantom), contract)[0] is Invariant.PHANTOM_RECORD


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_where_nothing_is_promised_no_loss_is_accused(seed: int) -> None:
    """The same loss is accused where all is promised after a kill."""
    history, shown = promised_tail(seed, APPEND)
    at = seed % len(shown)
    lossy = with_first(history, shown[:at] + shown[at + 1 :])
    assert accused(lossy, APPEND)
    assert accused(lossy, CONTRACTS["nothing"]) == []
    assert accused(lossy, CONTRACTS["nothing, then all"]) == []
    cut = replace(lossy, boots=(replace(lossy.boots[0], end=BootEnd.POWER_LOST),))
    assert accused(cut, CONTRACTS["all, then nothing"]) == []
    assert accused(cut, CONTRACTS["nothing, then all"])
    assert accused(cut, APPEND)


NUMBERS = st.integers(min_value=-2, max_value=6)
IDS = st.sampled_from(["a", "b", "", "\ud800\n"])
RECORDS = st.builds(
    Record, st.sampled_from(RecordType), IDS, NUMBERS, st.binary(max_size=2), IDS, NUMBERS
)
SHOWN = st.lists(st.builds(RecoveredRecord, NUMBERS, RECORDS), max_size=4).map(tuple)
RESUMES = st.builds(Resume, NUMBERS, SHOWN)
STATES = st.builds(
    SubjectState,
    NUMBERS,
    NUMBERS,
    st.dictionaries(
        IDS, st.builds(OperationState, st.sampled_from(OperationStatus), IDS, NUMBERS), max_size=3
    ),
)
RECOVERIES = st.one_of(
    st.builds(
        Recovery, SHOWN, NUMBERS, st.none() | STATES, st.lists(RESUMES, max_size=2).map(tuple)
    ),
    st.builds(RecoveryFailure),
)
MAYBE_NUMBER = st.none() | NUMBERS
EFFECTS = st.lists(IDS, max_size=2).map(tuple)
OPERATIONS = st.builds(
    Operation, st.sampled_from(OperationKind), st.none() | RECORDS, MAYBE_NUMBER, MAYBE_NUMBER
)
CALLS = st.lists(
    st.builds(
        Call,
        OPERATIONS,
        st.sampled_from(Outcome),
        MAYBE_NUMBER,
        MAYBE_NUMBER,
        EFFECTS,
        EFFECTS,
        st.none() | RESUMES,
    ),
    max_size=4,
).map(tuple)
BOOTS = st.builds(BootHistory, CALLS, st.none() | RECOVERIES, st.sampled_from(BootEnd))
MAYBE_RECOVERY = st.none() | RECOVERIES
BOOTS_OF_A_CASE = st.lists(BOOTS, max_size=3).map(tuple)
LOOKS = st.builds(
    Recoveries,
    RECOVERIES,
    MAYBE_RECOVERY,
    MAYBE_RECOVERY,
    CALLS,
    MAYBE_RECOVERY,
    MAYBE_RECOVERY,
)
HISTORIES = st.builds(History, BOOTS_OF_A_CASE, LOOKS)
ANY_CONTRACT = st.builds(
    Contract,
    acknowledges=st.sampled_from(Acknowledges),
    kill=st.sampled_from(Promise),
    power=st.sampled_from(Promise),
    max_attempts=st.none() | st.integers(min_value=0, max_value=3),
)


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.parametrize("examples", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_no_malformed_history_makes_the_judge_raise(examples: int) -> None:
    judged: Counter[bool] = Counter()

    @settings(max_examples=examples, deadline=None, suppress_health_check=QUIET)
    @given(
        history=HISTORIES,
        contract=ANY_CONTRACT,
        supports=st.sets(st.sampled_from(sorted(SUPPORTS))),
    )
    def check(history: History, contract: Contract, supports: set[str]) -> None:
        judgement = judge(Terms(contract, frozenset(supports), ALL), history)
        judged[bool(judgement.judged)] += 1
        assert (judgement.verdict is Verdict.FAIL) == bool(judgement.violations)
        assert judgement.judged | {item for item, _ in judgement.unjudged} == ALL
        for violation in judgement.violations:
            assert violation.message.isascii()
            assert violation.message.isprintable()
            assert violation.found.isprintable()

    check()
    assert judged[True] > judged.total() // 4, judged


@pytest.mark.parametrize("examples", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_boots_that_are_known_again_are_judged_as_new_ones_are(examples: int) -> None:
    judged: Counter[bool] = Counter()

    @settings(max_examples=examples, deadline=None, suppress_health_check=QUIET)
    @given(
        boots=BOOTS_OF_A_CASE, looks=st.lists(LOOKS, min_size=2, max_size=4), contract=ANY_CONTRACT
    )
    def check(boots: tuple[BootHistory, ...], looks: list[Recoveries], contract: Contract) -> None:
        terms = Terms(contract, SUPPORTS, ALL)
        oracle = Judge(terms)
        for recoveries in [*looks, *looks]:
            history = History(boots, recoveries)
            judgement = oracle.judge(history)
            assert judgement == judge(terms, history)
            judged[bool(judgement.judged)] += 1

    check()
    assert judged[True] > judged.total() // 4, judged


@pytest.mark.parametrize("examples", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_boots_of_a_right_subject_that_are_known_again_are_judged_as_new_ones_are(
    examples: int,
) -> None:
    """These are judged by every rule; of what is malformed, few rules see anything."""

    @settings(max_examples=examples, deadline=None)
    @given(seeds=st.lists(SEEDS, min_size=2, max_size=5), name=st.sampled_from(sorted(CONTRACTS)))
    def check(seeds: list[int], name: str) -> None:
        terms = Terms(CONTRACTS[name], SUPPORTS, ALL)
        histories = [right_history(seed, CONTRACTS[name]) for seed in seeds]
        oracle = Judge(terms)
        for boots in histories:
            for recoveries in histories:
                mixed = History(boots.boots, recoveries.recoveries)
                assert oracle.judge(mixed) == judge(terms, mixed)

    check()


@pytest.mark.parametrize("examples", [20, pytest.param(50, marks=pytest.mark.slow)])
def test_a_right_subject_is_not_accused_of_what_other_boots_left(examples: int) -> None:
    contract = APPEND

    @settings(max_examples=examples, deadline=None)
    @given(seeds=st.lists(SEEDS, min_size=1, max_size=12))
    def check(seeds: list[int]) -> None:
        oracle = Judge(Terms(contract, SUPPORTS, ALL))
        for seed in [*seeds, *seeds]:
            assert oracle.judge(right_history(seed, contract)).violations == ()

    check()
