"""The judge: one case from its first boot to the last look at what it left.

It walks through the history once, in the order in which it happened, and holds each recovery
against what all boots before it leave possible (`log`). A recovery that failed ends the walk:
what comes after it follows from it. So does a further look at the last image when the
first look has failed.

Where the contract promises nothing after a crash, nothing is judged that this crash could have
spoilt, not even whether recovery succeeds. What it shows is taken as the log of the next boot.
A subject that may lose anything but never shows rubbish promises a prefix, of which nothing at
all is one.

A boot that ended by itself is a violation in any boot, also the first: no fault explains it.

Not here: the rules, which stand one by one in the modules beside this one.
"""

from walcrash.oracle.applicability import (
    EFFECT_RULES,
    LOSS_RULES,
    RECORD_RULES,
    STATE_RULES,
    reason_unjudged,
)
from walcrash.oracle.branch import branched
from walcrash.oracle.continuation import (
    check_after,
    check_append,
    check_growth,
    check_takes_known,
    check_work,
    failed,
    put_size,
    unanswered,
)
from walcrash.oracle.effects import EffectWatch, check_requeue
from walcrash.oracle.findings import Findings
from walcrash.oracle.log import Expectation, Log, Position
from walcrash.oracle.records import Matches, compare, compare_offsets
from walcrash.oracle.resume import check_live_replay, check_resumes
from walcrash.oracle.sameness import check_determinism, check_idempotence
from walcrash.oracle.state import check_checkpoint, check_operations, puts_shown
from walcrash.values.contract import Contract, Promise
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure, SubjectState
from walcrash.values.verdict import Invariant, Judgement

FIRST = "first recovery"
AGAIN = "recovery again"
PERTURBED = "recovery elsewhere"
UNINTERRUPTED = "uninterrupted recovery"
CONTINUED = "after recovery"
AFTER = "recovery after new records"

# limits
WALKS = 8
"""Walks through boots that are kept: images come position by position, and boots with them."""


def judge(
    contract: Contract,
    history: History,
    *,
    supports: frozenset[str],
    invariants: frozenset[Invariant],
) -> Judgement:
    """Hold one case against what its subject promises.

    Args:
        contract: what the subject promises.
        history: all boots of the case and the last look.
        supports: the subject's capabilities, as in the driver protocol.
        invariants: the rules that were asked for; the others are not reported.
    """
    return Judge(contract, supports=supports, invariants=invariants).judge(history)


class Judge:
    """Judges one case after the other, as `judge` does, and knows boots again.

    A power loss leaves one of many images, and all of them come after the same boots: these
    are walked through once, as long as they are the very same objects.
    """

    def __init__(
        self, contract: Contract, *, supports: frozenset[str], invariants: frozenset[Invariant]
    ) -> None:
        """Take what all cases have in common; the arguments are those of `judge`."""
        self._contract = contract
        self._supports = supports
        self._invariants = invariants
        # A walk keeps its boots alive, so no other object has their identity meanwhile.
        self._walks: dict[tuple[int, ...], _Walk] = {}

    def judge(self, history: History) -> Judgement:
        """Hold one case against what its subject promises."""
        walk = self._walk_through(history.boots).branch()
        if walk.goes_on:
            walk.judge_recoveries(history.recoveries)
        return walk.findings.judgement(
            lambda invariant: reason_unjudged(invariant, self._contract, history, self._supports)
        )

    def _walk_through(self, boots: tuple[BootHistory, ...]) -> "_Walk":
        key = tuple(map(id, boots))
        walk = self._walks.get(key)
        if walk is None:
            if len(self._walks) == WALKS:
                self._walks.clear()
            walk = self._walks[key] = _Walk(self._contract, self._supports, self._invariants)
            walk.through(boots)
            # What may be shown then is the same for all that branch off.
            walk.log.expectation()
        return walk


class _Walk:
    """One pass through a history: the log and the effects so far, and what was found.

    Attributes:
        boots: what has been walked through.
        sizes: the payload lengths of puts that were acknowledged in these boots.
        goes_on: whether what comes after the boots counts.
    """

    def __init__(
        self, contract: Contract, supports: frozenset[str], invariants: frozenset[Invariant]
    ) -> None:
        self.contract = contract
        self.supports = supports
        self.findings = Findings(invariants)
        self.log = Log(contract)
        self.effects = EffectWatch(contract)
        self.boots: tuple[BootHistory, ...] = ()
        self.sizes: set[int] = set()
        self.goes_on = True

    def branch(self) -> "_Walk":
        """Return a walk that goes on from here by itself."""
        other = branched(self)
        other.findings = branched(self.findings)
        other.log = branched(self.log)
        other.effects = branched(self.effects)
        return other

    def through(self, boots: tuple[BootHistory, ...]) -> None:
        """Walk through all boots of a case."""
        self.boots = boots
        for number, boot in enumerate(boots, start=1):
            self.findings.stage = number
            if not self._boot(number, boot):
                self.goes_on = False
                return
        self.findings.stage = len(boots) + 1

    def judge_recoveries(self, recoveries: Recoveries) -> None:
        """Look at what the last boot left."""
        first, promises_nothing = recoveries.first, self.log.promises_nothing
        if isinstance(first, RecoveryFailure):
            self._failure(FIRST, first)
            return
        matches = self._recovery(FIRST, first)
        if promises_nothing:
            return
        if recoveries.continued:
            self._take_in(first, matches)
        self.findings.stage += 1
        self._further_recoveries(first, recoveries)

    def _boot(self, number: int, boot: BootHistory) -> bool:
        """Walk through one boot; return whether to go on to the next."""
        opening, calls = boot.calls[:1], boot.calls[1:]
        for call in opening:
            self._effects(call, (number, 0), f"boot {number}, call 0")
        if isinstance(boot.recovery, RecoveryFailure):
            self._failure(f"boot {number}", boot.recovery)
            return False
        if boot.recovery is None and boot.end is BootEnd.DIED:
            self._failure(
                f"boot {number}", RecoveryFailure(FailureKind.DIED, "the subject ended in `open`")
            )
            return False
        if boot.recovery is not None:
            self._take_in(boot.recovery, self._recovery(f"boot {number}", boot.recovery))
        for index, call in enumerate(calls, start=1):
            self._call(call, (number, index), f"boot {number}, call {index}")
        if number > 1:
            self.findings.add(check_takes_known(calls, self.sizes, f"boot {number}"))
        taken = (call for call in calls if call.outcome is Outcome.ACKNOWLEDGED)
        self.sizes.update(size for size in map(put_size, taken) if size is not None)
        if boot.end is BootEnd.DIED and boot.calls:
            where = f"boot {number}, call {len(boot.calls) - 1}"
            rule = self.findings.first_asked(Invariant.NOT_APPENDABLE, Invariant.UNRECOVERABLE)
            self.findings.add([unanswered(rule, boot.calls[-1], where)])
        end = _end_of(boot)
        self.log.end_boot(end)
        self.effects.end_boot(end)
        return True

    def _failure(self, where: str, failure: RecoveryFailure) -> None:
        if not self.log.promises_nothing:
            self.findings.add([failed(Invariant.UNRECOVERABLE, where, failure)])

    def _recovery(self, where: str, recovery: Recovery) -> Matches:
        """Judge one recovery; return which expected record each shown one is."""
        expectation = self.log.expectation()
        comparison = compare(expectation, recovery.records, where)
        matches = comparison.matches
        if not self.log.promises_nothing:
            self._judge_image(*RECORD_RULES)
            if self.log.promise is Promise.ALL:
                self._judge_image(*LOSS_RULES)
            offsets = compare_offsets(expectation, recovery.records, matches, recovery.end, where)
            is_wrong = self.findings.add([*comparison.violations, *offsets])
            if not is_wrong:
                self.findings.add(check_resumes(recovery, where))
            state = recovery.state if self._judges_state else None
            if not is_wrong and state is not None:
                self._state(where, recovery, state, expectation, matches)
            self._survival(where, recovery, matches)
        return matches

    def _take_in(self, recovery: Recovery, matches: Matches) -> None:
        """Make what a recovery showed the log from here on."""
        self.log.show(recovery, matches)
        self.effects.show(item.record for item in recovery.records)

    @property
    def _judges_state(self) -> bool:
        is_asked = not self.findings.asked.isdisjoint(STATE_RULES)
        return is_asked and "checkpoint" in self.supports

    def _judge_image(self, *invariants: Invariant) -> None:
        """Note what was looked at; the empty directory of the first boot shows nothing."""
        if self.findings.stage > 1:
            self.findings.note_judged(*invariants)

    def _state(
        self,
        where: str,
        recovery: Recovery,
        state: SubjectState,
        expectation: Expectation,
        matches: tuple[int | None, ...],
    ) -> None:
        self._judge_image(Invariant.CHECKPOINT_AHEAD, Invariant.CHECKPOINT_STATE)
        self.findings.add(check_checkpoint(expectation, recovery, state, matches, where))
        last: dict[str, Position] = {}
        for item, index in zip(recovery.records, matches, strict=True):
            if index is not None:
                last[item.record.id] = expectation.items[index].entry.position
        resent = [key for key, at in last.items() if self.effects.may_be_sent_since(key, at)]
        can_requeue = "effects" in self.supports
        vanished = Invariant.REQUEUE if can_requeue else Invariant.CHECKPOINT_STATE
        self.findings.add(
            check_operations(
                expectation,
                recovery,
                state.operations,
                resent=frozenset(resent),
                max_attempts=self.contract.max_attempts,
                vanished=self.findings.first_asked(vanished, Invariant.CHECKPOINT_STATE),
                where=where,
            )
        )

    def _survival(self, where: str, recovery: Recovery, matches: tuple[int | None, ...]) -> None:
        if "effects" not in self.supports or self.findings.asked.isdisjoint(EFFECT_RULES):
            return
        self._judge_image(*EFFECT_RULES)
        # An altered id is reported as altered; the PutOperation behind it did survive.
        appended = {
            self.log.entries[index].record.id
            for index in matches
            if index is not None and self.log.entries[index].record.type is RecordType.PUT
        }
        puts = puts_shown(recovery.records) | appended
        compactable = frozenset(self.log.compactable)
        self.findings.add(self.effects.check_survived(puts, compactable, where))

    def _call(self, call: Call, position: Position, where: str) -> None:
        """Judge one call of a living subject, and take it in."""
        is_acknowledged = call.outcome is Outcome.ACKNOWLEDGED
        if call.replayed is not None and is_acknowledged:
            self.findings.add(check_live_replay(self.log, call.replayed, where))
        if call.operation.record is not None and position[0] > 1:
            self.findings.note_judged(Invariant.NOT_APPENDABLE)
            self.findings.add(check_append(call, where))
        self.findings.add(check_growth(self.log, call, where))
        self._effects(call, position, where)
        self.log.call(call, position)

    def _effects(self, call: Call, position: Position, where: str) -> None:
        violations = self.effects.call(call, position, where)
        if "effects" in self.supports:
            self.findings.add(violations)

    def _further_recoveries(self, first: Recovery, recoveries: Recoveries) -> None:
        """Judge what was shown beside and after the first recovery of the last image."""
        perturbed, again = recoveries.perturbed, recoveries.again
        if perturbed is not None:
            self.findings.note_judged(Invariant.DETERMINISM)
            if isinstance(perturbed, RecoveryFailure):
                self._failed_recovery(PERTURBED, perturbed, Invariant.DETERMINISM)
            else:
                self.findings.add(check_determinism(first, perturbed, PERTURBED))
        for where, other in ((AGAIN, again), (UNINTERRUPTED, recoveries.uninterrupted)):
            if other is not None:
                self.findings.note_judged(Invariant.IDEMPOTENCE)
            if isinstance(other, RecoveryFailure):
                self._failed_recovery(where, other, Invariant.IDEMPOTENCE)
            elif other is not None:
                self.findings.add(check_idempotence(first, other, where))
        if recoveries.continued and not isinstance(again, RecoveryFailure):
            self._continuation(again or first, recoveries)

    def _failed_recovery(self, where: str, failure: RecoveryFailure, rule: Invariant) -> None:
        invariant = self.findings.first_asked(Invariant.UNRECOVERABLE, rule)
        self.findings.add([failed(invariant, where, failure)])

    def _continuation(self, base: Recovery, recoveries: Recoveries) -> None:
        """Judge the work after the recovery `base`, and what the next recovery shows of it."""
        self.findings.note_judged(Invariant.NOT_APPENDABLE)
        records = [item.record for item in base.records]
        self.log.show(base, compare(self.log.expectation(), base.records, AGAIN).matches)
        self.effects.show(records)
        calls, has_effects = recoveries.continued, "effects" in self.supports
        violations = check_work(self.log, self.effects, base, calls, self.findings.stage)
        if has_effects and any(call.operation.kind is OperationKind.TICK for call in calls):
            self.findings.note_judged(Invariant.REQUEUE)
            violations += check_requeue(
                records, calls, max_attempts=self.contract.max_attempts, where=CONTINUED
            )
        if recoveries.after is not None:
            violations += check_after(self.log, recoveries.after, AFTER)
        self.findings.add(
            item for item in violations if has_effects or item.invariant not in EFFECT_RULES
        )


def _end_of(boot: BootHistory) -> BootEnd:
    """A close that was refused kept no more than a kill would have."""
    is_refused = any(
        call.operation.kind is OperationKind.CLOSE and call.outcome is not Outcome.ACKNOWLEDGED
        for call in boot.calls
    )
    return BootEnd.KILLED if boot.end is BootEnd.CLOSED and is_refused else boot.end
