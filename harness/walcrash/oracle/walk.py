"""The walk through one case: what it shows, piece by piece, in the order in which it happened.

Each recovery is compared with what all boots before it leave possible (`log`). What was
compared, each call and each end of a boot become pieces of evidence, which are held against the
rules and then taken in. A recovery that failed ends the walk: what comes after it follows from
it. So does a further recovery of the last image when the first one has failed.

Where the contract promises nothing after a crash, nothing is judged that this crash could have
spoilt, not even whether recovery succeeds. What it shows is taken as the log of the next boot.
A subject that may lose anything but never shows malformed records promises a prefix, of which
nothing at all is one.

A boot that ended by itself is a violation in any boot, also the first: no fault explains it. After
an injected error it is right to refuse everything, `open` too, and to end the process.

Not here: the rules, one by one in the modules that `rules` names.
"""

from dataclasses import replace

from walcrash.oracle.branch import branched
from walcrash.oracle.comparison import Comparison, compare_recovery
from walcrash.oracle.effect_watch import EffectWatch
from walcrash.oracle.evidence import (
    AfterWork,
    BootCall,
    DamagedRecovery,
    Died,
    FailedRecovery,
    LaterBoot,
    PerturbedRecovery,
    RepeatedRecovery,
    Replayed,
    RightRecords,
    ShownState,
    Stuck,
    WorkCall,
    WorkDone,
)
from walcrash.oracle.findings import Findings
from walcrash.oracle.fold import fold
from walcrash.oracle.gather import (
    asked,
    calls_before_error,
    end_of_boot,
    end_of_work,
    is_half_made,
    live_replay,
    occasions_of,
    puts_shown,
    resent,
    survivors,
)
from walcrash.oracle.log import Log, Position
from walcrash.oracle.not_appendable import put_size
from walcrash.oracle.silent_rot import promises_about, written_by
from walcrash.oracle.state import (
    has_begun,
    is_behind,
    judge_checkpoint_ahead,
    judge_checkpoint_state,
)
from walcrash.values.contract import Damage
from walcrash.values.damage import DamageKind, Rotted
from walcrash.values.history import (
    AFTER_RECOVERY,
    BootEnd,
    BootHistory,
    Call,
    Outcome,
    Recoveries,
    RecoveryName,
)
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure, SubjectState
from walcrash.values.rule import Occasion
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Violation

_STATE_RULES = (Invariant.CHECKPOINT_AHEAD, Invariant.CHECKPOINT_STATE, Invariant.REQUEUE)


class Walk:
    """One pass through a history: the log and the effects so far, and what was found.

    Attributes:
        boots: what has been walked through.
        sizes: the payload lengths of puts that were acknowledged in these boots.
        goes_on: whether what comes after the boots counts.
        has_applied: whether anything was asked to be applied, so that there is a checkpoint.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.findings = Findings(terms)
        self.findings.begin(1)
        self.log = Log(terms.contract)
        self.effects = EffectWatch(terms.contract)
        self.boots: tuple[BootHistory, ...] = ()
        self.sizes: set[int] = set()
        self.goes_on = True
        self.has_applied = False
        self._rotted: Rotted | None = None
        self._is_damage_unseen = False

    def branch(self) -> "Walk":
        """Return a walk that goes on from here by itself."""
        other = branched(self)
        other.findings = branched(self.findings)
        other.log = branched(self.log)
        other.effects = branched(self.effects)
        return other

    def through(self, boot: BootHistory) -> None:
        """Walk through the next boot of the case, where the walk goes on."""
        self.boots = (*self.boots, boot)
        if self.goes_on:
            number = len(self.boots)
            self.findings.begin(number)
            self.goes_on = self._boot(number, boot)
            self.findings.begin(number + self.goes_on)

    def judge_recoveries(self, recoveries: Recoveries) -> None:
        """Judge the recoveries of what the last boot left."""
        first, promises_nothing = recoveries.first, self.log.promises_nothing
        if self._rotted is not None:
            self._recoveries_behind_damage(first, recoveries, self._rotted)
            return
        if recoveries.rotted is not None:
            self._damaged(RecoveryName.FIRST.value, first, recoveries.rotted)
            if isinstance(first, Recovery) and recoveries.continued:
                self._work_on_damaged(first, recoveries, recoveries.rotted)
            return
        if isinstance(first, RecoveryFailure):
            self._failure(RecoveryName.FIRST.value, first)
            return
        comparison = self._recovery(RecoveryName.FIRST.value, first)
        if promises_nothing:
            return
        if recoveries.continued:
            self._take_in(first, comparison)
        self.findings.begin(self.findings.stage + 1)
        self._further_recoveries(first, recoveries)

    # Boots.

    def _boot(self, number: int, boot: BootHistory) -> bool:
        """Walk through one boot; return whether to go on to the next."""
        if boot.rotted is not None or self._rotted is not None:
            return self._boot_behind_damage(number, boot)
        where, opening, calls = f"boot {number}", boot.calls[:1], boot.calls[1:]
        self.findings.slow_down(boot.slow)
        for call in opening:
            self._call(call, (number, 0), is_after_error=self._strike(boot, 0))
        recovery = boot.recovery
        if boot.gave_up:
            self.log.end_boot(BootEnd.KILLED)
            self.effects.end_boot(BootEnd.KILLED)
            return True
        if recovery is None and boot.end is BootEnd.DIED:
            recovery = RecoveryFailure(FailureKind.DIED, "the subject ended in `open`")
        if isinstance(recovery, RecoveryFailure):
            self._failure(where, recovery)
            return False
        if recovery is not None:
            self._take_in(recovery, self._recovery(where, recovery))
        for index, call in enumerate(calls, start=1):
            if call.outcome is Outcome.NOT_ASKED:
                continue
            self.findings.step = index
            is_after_error = self._strike(boot, index)
            self._replay(call, f"{where}, call {index}")
            self._call(call, (number, index), is_after_error=is_after_error)
            self.log.call(call, (number, index))
        self._end_boot(number, boot, calls)
        return True

    def _strike(self, boot: BootHistory, index: int) -> bool:
        """Note the first error that was injected into a boot up to a call, if there was one."""
        is_after_error = bool(boot.errors) and boot.errors[0].call <= index
        if is_after_error:
            self.findings.strike(boot.errors[0])
        return is_after_error

    def _replay(self, call: Call, where: str) -> None:
        comparison = live_replay(self.log, call)
        if comparison is not None:
            self.findings.hold(Replayed(where=where, comparison=comparison))

    def _call(self, call: Call, position: Position, *, is_after_error: bool) -> None:
        """Judge one call of a boot, and take in its effects."""
        boot, index = position
        where = f"boot {boot}, call {index}"
        self.has_applied |= call.operation.kind is OperationKind.APPLY
        if index > 0 and boot > 1 and call.operation.record is not None:
            self.findings.note(Occasion.WORK)
        self.findings.hold(
            BootCall(
                where=where,
                call=call,
                boot=boot,
                log=self.log,
                effects=self.effects,
                is_after_error=is_after_error,
            )
        )
        self.effects.call(call, position, where)

    def _end_boot(self, number: int, boot: BootHistory, calls: tuple[Call, ...]) -> None:
        before_error, calls = calls_before_error(boot), asked(calls)
        if number > 1:
            where, is_full = f"boot {number}", boot.is_full
            self.findings.hold(
                LaterBoot(where=where, calls=before_error, sizes=self.sizes, is_full=is_full)
            )
        taken = (call for call in calls if call.outcome is Outcome.ACKNOWLEDGED)
        self.sizes.update(size for size in map(put_size, taken) if size is not None)
        if boot.is_stuck and boot.errors and boot.calls:
            where = f"boot {number}, call {len(boot.calls) - 1}"
            self.findings.hold(Stuck(where=where, call=boot.calls[-1]))
        elif boot.end is BootEnd.DIED and boot.calls and not boot.errors:
            where = f"boot {number}, call {len(boot.calls) - 1}"
            breaks = self.findings.first_judged(Invariant.NOT_APPENDABLE, Invariant.UNRECOVERABLE)
            self.findings.hold(Died(where=where, call=boot.calls[-1], breaks=breaks))
        end = end_of_boot(boot)
        self.log.end_boot(end)
        self.effects.end_boot(end)

    # Recoveries.

    def _failure(self, where: str, failure: RecoveryFailure) -> None:
        if not self.log.promises_nothing:
            self.findings.hold(
                FailedRecovery(
                    where=where,
                    failure=failure,
                    breaks=Invariant.UNRECOVERABLE,
                    is_half_made=is_half_made(self.boots),
                )
            )

    def _recovery(self, where: str, recovery: Recovery) -> Comparison:
        """Judge one recovery; return its records compared with the log."""
        comparison = compare_recovery(self.log.expectation(), recovery)
        if self.log.promises_nothing:
            return comparison
        for occasion in occasions_of(comparison):
            self._note_shown(occasion)
        if self.effects.seen():
            self._note_shown(Occasion.EFFECT)
        is_wrong = self.findings.hold(Replayed(where=where, comparison=comparison))
        if not is_wrong:
            self.findings.hold(RightRecords(where=where, recovery=recovery))
            if recovery.state is not None and self._judges_state:
                self._state(where, recovery, recovery.state, comparison)
        if Invariant.EFFECT_BEFORE_APPEND in self.findings.invariants:
            self.findings.hold(survivors(where, comparison, self.log, self.effects))
        return comparison

    def _boot_behind_damage(self, number: int, boot: BootHistory) -> bool:
        """Walk through a boot that works on damaged files; return whether to go on to the next.

        To refuse is a report, whatever it refuses, and to end by itself as well.
        """
        where, recovery = f"boot {number}", boot.recovery
        if recovery is None and boot.end is BootEnd.DIED:
            recovery = RecoveryFailure(FailureKind.DIED, "the subject ended in `open`")
        self._shown_behind_damage(where, recovery, boot.rotted)
        if isinstance(recovery, RecoveryFailure):
            return False
        self.has_applied |= any(c.operation.kind is OperationKind.APPLY for c in boot.calls)
        for index, call in enumerate(boot.calls[1:], start=1):
            if call.outcome is not Outcome.NOT_ASKED:
                self.log.call(call, (number, index))
        self.log.end_boot(end_of_boot(boot))
        return all(call.outcome is not Outcome.REFUSED for call in boot.calls)

    def _recoveries_behind_damage(
        self, first: Recovery | RecoveryFailure, recoveries: Recoveries, rotted: Rotted
    ) -> None:
        """Judge the recoveries of what boots left that had worked on damaged files."""
        self._shown_behind_damage(RecoveryName.FIRST.value, first, None)
        if isinstance(first, Recovery) and recoveries.continued:
            self._work_on_damaged(first, recoveries, rotted)

    def _shown_behind_damage(
        self, where: str, shown: Recovery | RecoveryFailure | None, rotted: Rotted | None
    ) -> None:
        """Judge what is shown of files that are damaged now, or were worked on since.

        A boot that was killed before it showed anything leaves that to the next one.
        """
        is_new, known = self._is_damage_unseen or rotted is not None, rotted or self._rotted
        assert known is not None, "there was damage"
        self._rotted, self._is_damage_unseen = known, is_new and shown is None
        if shown is None:
            return
        if is_new or isinstance(shown, RecoveryFailure):
            self._damaged(where, shown, known)
        self.findings.rot(known, written_by(known, self.boots))
        if isinstance(shown, RecoveryFailure):
            return
        shown = replace(shown, undecodable=())
        comparison = compare_recovery(self.log.expectation(), shown)
        if not is_new and not self.log.promises_nothing:
            self.findings.hold(AfterWork(where=where, shown=comparison))
        self._take_in(shown, comparison)

    def _damaged(self, where: str, first: Recovery | RecoveryFailure, rotted: Rotted) -> None:
        """Judge the recovery of what was damaged at rest."""
        contract = self.terms.contract
        if Damage.ROT in contract.detects:
            self.findings.note(Occasion.ROT)
        if self.log.promises_nothing:
            return
        shown: Comparison | RecoveryFailure
        violations: list[Violation] = []
        if isinstance(first, RecoveryFailure):
            shown = first
        else:
            shown = compare_recovery(self.log.expectation(), first)
            violations = self._damaged_state(where, first, shown, rotted)
        self.findings.hold(
            DamagedRecovery(
                where=where,
                contract=contract,
                rotted=rotted,
                shown=shown,
                written_by=written_by(rotted, self.boots),
                promises=promises_about(contract, self.boots),
                state_violations=violations,
            )
        )

    def _work_on_damaged(self, first: Recovery, recoveries: Recoveries, rotted: Rotted) -> None:
        """Judge a boot with new records on what was damaged, and the recovery behind it.

        To refuse is a report, at any time; so is what cannot be decoded. What is acknowledged now
        is there in the next recovery, with all that this one showed.
        """
        again, after = recoveries.again, recoveries.after
        is_judged = Damage.ROT in self.terms.contract.detects and not self.log.promises_nothing
        if not is_judged or not isinstance(again, Recovery):
            return
        self.findings.rot(rotted, written_by(rotted, self.boots))
        self.findings.begin(self.findings.stage + 1)
        first, again = replace(first, undecodable=()), replace(again, undecodable=())
        self.findings.hold(
            RepeatedRecovery(where=RecoveryName.AGAIN.value, first=first, other=again)
        )
        if any(call.outcome is Outcome.REFUSED for call in recoveries.continued):
            return
        self._take_in(again, compare_recovery(self.log.expectation(), again))
        for index, call in enumerate(recoveries.continued):
            if call.outcome is not Outcome.NOT_ASKED:
                self.log.call(call, (self.findings.stage, index))
        self.log.end_boot(end_of_work(recoveries.continued))
        if isinstance(after, Recovery):
            self._after_work(replace(after, undecodable=()))

    def _damaged_state(
        self, where: str, recovery: Recovery, comparison: Comparison, rotted: Rotted
    ) -> list[Violation]:
        """Return what is wrong with the state that a damaged image showed.

        A checkpoint that came back as an earlier one was right once, and applying again from there
        does no harm, also where a compaction has moved the records since.
        """
        if recovery.state is None or not self._judges_state:
            return []
        state = self._shown_state(where, recovery, recovery.state, comparison)
        ahead = judge_checkpoint_ahead(state)
        came_back = rotted.damage.kind in (DamageKind.STALE, DamageKind.OLDER)
        was_right = recovery.state.checkpoint in comparison.expectation.boundaries
        if came_back and was_right and is_behind(recovery, recovery.state):
            ahead = []
        return ahead if comparison.missing else [*ahead, *judge_checkpoint_state(state)]

    def _take_in(self, recovery: Recovery, comparison: Comparison) -> None:
        """Make what a recovery showed the log from here on."""
        self.log.show(recovery, comparison.matches)
        self.effects.show(item.record for item in recovery.records)

    def _note_shown(self, occasion: Occasion) -> None:
        """Note what a recovery showed; the empty directory of the first boot shows nothing."""
        if self.findings.stage > 1:
            self.findings.note(occasion, promise=self.log.promise)

    @property
    def _judges_state(self) -> bool:
        is_shown = "checkpoint" in self.terms.supports
        return is_shown and any(item in self.findings.invariants for item in _STATE_RULES)

    def _state(
        self, where: str, recovery: Recovery, state: SubjectState, comparison: Comparison
    ) -> None:
        self._note_shown(Occasion.STATE)
        if self.has_applied or has_begun(recovery, state):
            self._note_shown(Occasion.APPLIED)
        self.findings.hold(self._shown_state(where, recovery, state, comparison))

    def _shown_state(
        self, where: str, recovery: Recovery, state: SubjectState, comparison: Comparison
    ) -> ShownState:
        max_attempts = self.terms.contract.max_attempts
        return ShownState(
            where=where,
            recovery=recovery,
            state=state,
            comparison=comparison,
            folded=fold((item.record for item in recovery.records), max_attempts),
            resent=resent(comparison, self.effects),
            max_attempts=max_attempts,
            vanishing_breaks=self.findings.first_judged(
                Invariant.REQUEUE, Invariant.CHECKPOINT_STATE
            ),
        )

    # What came after the first recovery of the last image.

    def _further_recoveries(self, first: Recovery, recoveries: Recoveries) -> None:
        again, perturbed = recoveries.again, recoveries.perturbed
        if perturbed is not None:
            where = RecoveryName.PERTURBED.value
            self.findings.note(Occasion.PERTURBED)
            if isinstance(perturbed, RecoveryFailure):
                self._further_failure(where, perturbed, Invariant.DETERMINISM)
            else:
                self.findings.hold(PerturbedRecovery(where=where, first=first, other=perturbed))
        repeated = (
            (RecoveryName.AGAIN, again),
            (RecoveryName.UNINTERRUPTED, recoveries.uninterrupted),
        )
        for name, other in repeated:
            if other is not None:
                self.findings.note(Occasion.AGAIN)
            if isinstance(other, RecoveryFailure):
                self._further_failure(name.value, other, Invariant.IDEMPOTENCE)
            elif other is not None:
                self.findings.hold(RepeatedRecovery(where=name.value, first=first, other=other))
        if recoveries.continued and not isinstance(again, RecoveryFailure):
            self._work(again or first, recoveries.continued, is_full=recoveries.is_full)
            if recoveries.after is not None and not self.log.promises_nothing:
                self._after_work(recoveries.after)

    def _further_failure(self, where: str, failure: RecoveryFailure, other: Invariant) -> None:
        breaks = self.findings.first_judged(Invariant.UNRECOVERABLE, other)
        self.findings.hold(FailedRecovery(where=where, failure=failure, breaks=breaks))

    def _work(self, base: Recovery, calls: tuple[Call, ...], *, is_full: bool) -> None:
        """Judge the calls after the recovery `base`, and take them into the log."""
        self.findings.note(Occasion.WORK)
        if any(call.operation.kind is OperationKind.TICK for call in calls):
            self.findings.note(Occasion.TICK)
        self._take_in(base, compare_recovery(self.log.expectation(), base))
        puts = puts_shown(base.records)
        for index, call in enumerate(calls):
            if call.outcome is Outcome.NOT_ASKED:
                continue
            self._work_call(call, (self.findings.stage, index), puts)
        self.findings.hold(
            WorkDone(
                where=AFTER_RECOVERY,
                calls=asked(calls),
                records=[item.record for item in base.records],
                max_attempts=self.terms.contract.max_attempts,
                is_full=is_full,
            )
        )
        self.log.end_boot(end_of_work(calls))

    def _work_call(self, call: Call, position: Position, puts: set[str]) -> None:
        """Judge one call after the last recovery, and take it in; `puts` are those in the log."""
        where = f"{AFTER_RECOVERY}, call {position[1]}"
        record = call.operation.record
        if record is not None and record.type is RecordType.PUT:
            puts.add(record.id)
        self.findings.hold(
            WorkCall(
                where=where,
                call=call,
                replay=live_replay(self.log, call),
                log=self.log,
                effects=self.effects,
                puts=puts,
            )
        )
        self.effects.call(call, position, where)
        self.log.call(call, position)

    def _after_work(self, after: Recovery | RecoveryFailure) -> None:
        shown: Comparison | RecoveryFailure
        if isinstance(after, RecoveryFailure):
            shown = after
        else:
            shown = compare_recovery(self.log.expectation(), after)
        self.findings.hold(AfterWork(where=RecoveryName.AFTER.value, shown=shown))
