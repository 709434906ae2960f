"""Trials: one simpler case after another is run, and taken if it breaks the same invariant first.

A failure counts only if it shows in fresh processes. Whatever has been tried is not tried again.
The limits are counts of tries and of starts of the subject, so that the same case gives the same
result on any machine. A time budget, where there is one, ends a run of a case in the middle
(`walcrash.case.deadline`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from walcrash.case.alignment import Alignment
from walcrash.case.case_run import CaseRun, SearchTargets
from walcrash.case.counterpart import events_before
from walcrash.case.outcome import has_acknowledged
from walcrash.case.plain import controls_of
from walcrash.case.search_target import PowerTarget, target_of
from walcrash.minimise.workload import Edit, unchanged
from walcrash.oracle import judge
from walcrash.values.case import Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import WalcrashError
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, PowerLoss, Rot
from walcrash.values.history import History, Recoveries
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.persistence import covers, is_portability, power_models
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.verdict import Invariant, Verdict

# limits
TRIES: Final = 200
"""Most runs of simpler cases for one finding."""

STARTS: Final = 2000
"""Most starts of the subject in these, boots and recoveries: a case with a power loss has many."""

BYTES_PER_START: Final = 4 << 20
"""A start on files of this size counts as one more: they are put back and looked through."""

EVENTS_PER_START: Final = 1000
"""So many recorded events count as one start more."""

TRIES_PER_HUNG_SECOND: Final = 10
"""A run in which a recovery hung counts as so many for each second of its time limit."""

NEAR_IMAGES: Final = 12
"""Images of one power loss that are judged where its target is the same kind of event."""

SEARCHED_IMAGES: Final = 150
"""Images that are judged where a power loss is searched at all positions of a boot."""


_SIZED: Final = frozenset({EventKind.WRITE, EventKind.TRUNCATE, EventKind.ALLOCATE})
"""Events that say how far a file reaches."""


class RunCase(Protocol):
    """Runs and judges one case, as `walcrash.case.runner.run_case` does in a sandbox."""

    def __call__(self, stored: StoredCase, *, targets: SearchTargets | None = None) -> CaseRun:
        """Run the case; see `run_case` for the targets and the errors."""


class BudgetOver(Exception):
    """All tries or all starts are used up."""


class Trial:
    """The simplest case so far, and what may still be tried.

    Attributes:
        run: what the simplest case showed, in fresh processes.
        tries: how many simpler cases were run.
        needs_crash: whether a case that breaks the invariant without its crashes too is not taken.
        is_settled: whether all was tried that takes away a boot, an operation, a fault or a part of
            a crash since the last of these was taken.
    """

    def __init__(
        self, run_case: RunCase, stored: StoredCase, run: CaseRun, *, most_tries: int = TRIES
    ) -> None:
        """Begin with a case that was run."""
        self.run = run
        self.tries = 0
        self.needs_crash = False
        self.is_settled = False
        self.target_invariant: Invariant = run.judgement.worst.invariant
        self._run_case = run_case
        self._stored = stored
        self._most_tries = most_tries
        self._alignment = Alignment.within(run.case)
        self._spent = 0
        self._starts = 0
        self._tried: set[tuple[Case, tuple[tuple[int, PowerTarget], ...]]] = set()

    @property
    def case(self) -> Case:
        """The simplest case so far, up to the last boot that began."""
        return self.run.case

    def attempt(
        self, edit: Edit | None, *, targets: Mapping[int, PowerTarget] | None = None
    ) -> bool:
        """Run a changed case; take it if it breaks the same invariant first.

        Args:
            edit: what is tried; None is nothing, and not taken.
            targets: where power losses are searched, by boot from 0; the others keep the target
                that they have now.

        Raises:
            BudgetOver: there is no try left.
            TimeOver: there is no time left.
        """
        if edit is None:
            return False
        case, power = self._prepared(edit, targets or {})
        key = (case, tuple(sorted(power.items(), key=lambda each: each[0])))
        if key in self._tried or (not power and case == self.case):
            return False
        if self._spent >= self._most_tries or self._starts >= STARTS:
            raise BudgetOver
        self._tried.add(key)
        self.tries += 1
        run = self._run(case, power)
        if run is None or not breaks_first(run, self.target_invariant):
            return False
        if is_half_made(run) and not is_half_made(self.run):
            # Another bug than the one that is minimised, and one that many subjects have.
            return False
        if self.needs_crash and self._is_plain(run):
            return False
        is_other = run.case != self.case
        self.run = run
        return is_other

    def _is_plain(self, run: CaseRun) -> bool:
        """Whether a case breaks the invariant without its crashes as well."""
        if run.case.is_control:
            return True
        controls = (self._run(case, {}) for case in controls_of(run))
        return any(each and breaks_first(each, self.target_invariant) for each in controls)

    def _run(self, case: Case, power: Mapping[int, PowerTarget]) -> CaseRun | None:
        targets = SearchTargets(
            target_invariant=self.target_invariant,
            alignment=self._alignment,
            power={boot + 1: target for boot, target in power.items()},
            is_shown_first=self._is_shown_first(),
        )
        try:
            run = self._run_case(replace(self._stored, case=case), targets=targets)
        except WalcrashError:
            # A case that cannot be judged is not simpler; whether the harness works is seen
            # when the finding is replayed.
            self._spent += 1
            return None
        hung = TRIES_PER_HUNG_SECOND * self._stored.limits.seconds if has_hung(run) else 0
        self._spent += 1 + int(hung)
        self._starts += starts_of(run)
        return run

    def _is_shown_first(self) -> bool:
        """Whether the first recovery of the simplest case so far breaks the invariant first."""
        history = self.run.history
        first = Recoveries(first=history.recoveries.first)
        judgement = judge(self._stored.terms, History(history.boots, first))
        return judgement.breaks_first(self.target_invariant)

    def _prepared(
        self, edit: Edit, targets: Mapping[int, PowerTarget]
    ) -> tuple[Case, dict[int, PowerTarget]]:
        """Take the named images out of the case's power losses, and make them targets."""
        boots, power = list(edit.case.boots), {}
        for number, boot in enumerate(boots):
            if not isinstance(boot.crash, PowerLoss):
                continue
            old = edit.boots[number]
            known = self.target(old)
            if number in targets:
                power[number] = targets[number]
            elif known is not None:
                power[number] = known.moved(edit.calls[number])
            boots[number] = replace(boot, crash=replace(boot.crash, choice=None))
        # The bytes of a damage lie elsewhere in a simpler case.
        faults = tuple(
            each.sought() if isinstance(each, Rot) else each for each in edit.case.faults
        )
        return replace(edit.case, boots=tuple(boots), faults=faults), power

    def choice(self, boot: int) -> ImageChoice | None:
        """Return the image that a boot's power loss left, if there was one."""
        return choice_of(self.case, boot)

    def target(self, boot: int) -> PowerTarget | None:
        """Return the target that a boot's power loss is now."""
        choice = self.choice(boot)
        if choice is None or boot >= len(self.run.boots):
            return None
        before = events_before(self.run, boot)
        events = self.run.boots[boot].events()
        return target_of(choice, events, before, models=(choice.model,), images=NEAR_IMAGES)

    def landed(self, boot: int) -> CrashPoint | None:
        """Return where a boot's kill fell, as the n-th event of its kind in its call."""
        if boot >= len(self.run.boots):
            return None
        recording = self.run.boots[boot].recording
        crash = self.case.boots[boot].crash
        if recording.crash is None or recording.crash.row.call < 0:
            return None
        kind, call = recording.crash.row.kind, recording.crash.row.call
        before = recording.rows[: recording.crash.event_index]
        return CrashPoint(
            call=min(call, len(self.case.boots[boot].operations) - 1),
            ordinal=sum(row.kind is kind and row.call == call for row in before),
            placement=recording.crash.placement,
            event=kind,
            kept=crash.kept if isinstance(crash, CrashPoint) else 0,
        )

    def points_before(self, boot: int) -> list[CrashPoint]:
        """Return the kills right after the events of a kill's own call that came before it."""
        landed = self.landed(boot)
        recording = self.run.boots[boot].recording if landed is not None else None
        if landed is None or recording is None or recording.crash is None:
            return []
        last = recording.crash.event_index
        seen: Counter[EventKind] = Counter()
        points = []
        for row in recording.rows[:last]:
            if row.call == landed.call:
                ordinal = seen[row.kind]
                points.append(
                    CrashPoint(
                        call=row.call, ordinal=ordinal, placement=Placement.AFTER, event=row.kind
                    )
                )
                seen[row.kind] += 1
        return points


def start(
    run_case: RunCase,
    stored: StoredCase,
    target_invariant: Invariant,
    *,
    most_tries: int = TRIES,
    kept: CaseRun | None = None,
) -> Trial | None:
    """Run the case as it is; None if it does not break the invariant first this time.

    A subject with threads may make another trace, in which the image that failed has no place.
    Then its power losses are sought by what they fell on, and after that anywhere.

    Args:
        run_case: runs and judges one case.
        stored: the case.
        target_invariant: the invariant.
        most_tries: how many simpler cases may be run.
        kept: how the case ran when it failed, if that is known.

    Raises:
        WalcrashError: as `run_case`.
    """
    run = run_case(stored)
    if not breaks_first(run, target_invariant):
        run = run.portability_failure or run
    if breaks_first(run, target_invariant):
        return Trial(run_case, stored, run, most_tries=most_tries)
    if kept is None or not breaks_first(kept, target_invariant):
        return None
    trial = Trial(run_case, stored, kept, most_tries=most_tries)
    same = unchanged(kept.case)
    return (
        trial if trial.attempt(same) or trial.attempt(same, targets=_at_each_loss(kept)) else None
    )


def _at_each_loss(run: CaseRun) -> dict[int, PowerTarget]:
    """Return targets for every power loss of a run that search it at all positions."""
    choices = [choice_of(run.case, boot) for boot in range(len(run.boots))]
    return {
        boot: anywhere((choice.model,)) for boot, choice in enumerate(choices) if choice is not None
    }


def starts_of(run: CaseRun) -> int:
    """Return what a run counts among the starts: more where files or traces are large."""
    starts = len(run.boots) + run.recoveries
    reach: dict[str, int] = {}
    for boot in run.boots:
        for row in boot.recording.rows:
            if row.kind in _SIZED:
                reach[row.path] = max(reach.get(row.path, 0), row.offset + row.length)
    events = sum(len(boot.recording.rows) for boot in run.boots)
    return starts + starts * sum(reach.values()) // BYTES_PER_START + events // EVENTS_PER_START


def breaks_first(run: CaseRun, target_invariant: Invariant) -> bool:
    """Whether a run fails, and the target invariant is the first that it breaks."""
    judgement = run.judgement
    return judgement.verdict is Verdict.FAIL and judgement.worst.invariant is target_invariant


def is_half_made(run: CaseRun) -> bool:
    """Whether what broke is a store that was being made: nothing was acknowledged before."""
    is_opening = bool(run.landings) and run.landings[-1].operation is OperationKind.OPEN
    return is_opening and not has_acknowledged(run)


def has_hung(run: CaseRun) -> bool:
    """Whether any recovery of a run took all of its time."""
    last = run.history.recoveries
    every_recovery: list[Recovery | RecoveryFailure | None] = [
        last.first, last.perturbed, last.again, last.after, last.uninterrupted,
    ]  # fmt: skip
    every_recovery += [boot.history.recovery for boot in run.boots]
    return any(
        isinstance(each, RecoveryFailure) and each.kind is FailureKind.HUNG
        for each in every_recovery
    )


def choice_of(case: Case, boot: int) -> ImageChoice | None:
    """Return the image that a boot's power loss names."""
    crash = case.boots[boot].crash
    return crash.choice if isinstance(crash, PowerLoss) else None


def anywhere(models: tuple[PersistenceModel, ...]) -> PowerTarget:
    """Return the target that is a power loss at any position, in some models."""
    return PowerTarget(models=models, images=SEARCHED_IMAGES, is_anywhere=True)


def models_up_to(
    weakest: PersistenceModel, beyond: PersistenceModel | None
) -> tuple[PersistenceModel, ...]:
    """Return the models of power losses that one covers, strictest first.

    Args:
        weakest: the model that covers them.
        beyond: a model that covers none of them; None if there is none such.
    """
    covered = (model for model in power_models() if covers(weakest, model))
    return tuple(
        model for model in covered if beyond is None or is_portability(model, promised=beyond)
    )
