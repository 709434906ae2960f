"""Running one case: its boots under watch, the last image looked at from all sides, a judgement.

A case that fails is run again with every recovery in a process of its own: only what shows
there counts, since a process that opened other images before may carry something over.
"""

import json
from dataclasses import dataclass, replace

from harness.campaign.case_file import StoredCase
from harness.campaign.full_folder import HINT, refuse_full_folder
from harness.campaign.power_loss import EMPTY, Coverage, Judged, PowerCut, RecordedBoot
from harness.campaign.recoverer import describe_status
from harness.campaign.workplace import Workplace
from harness.disk import ImageChoice, NotModelled, choice_from_json, choice_to_json
from harness.oracle import judge
from harness.recorder.recording import Recording, WatchEnd
from harness.recorder.tree import capture, restore
from harness.recorder.watch import Watched
from harness.subjects.boots import Ending, read_boot
from harness.values.case import BootPlan, Case, Landing, PowerLoss
from harness.values.contract import PersistenceModel
from harness.values.errors import HarnessFault
from harness.values.event import MESSAGES, Event
from harness.values.history import BootEnd, BootHistory, Call, History, Recoveries
from harness.values.image import Image
from harness.values.limits import TICKS_AFTER_RECOVERY
from harness.values.operation import Operation, OperationKind
from harness.values.record import Record, RecordType
from harness.values.recovery import FailureKind, Recovery, RecoveryFailure
from harness.values.seed import Prng
from harness.values.verdict import Invariant, Judgement, Verdict

_LATER_MS = 10_000_000_000
"""How far in the future the ticks after a recovery are: over a hundred days, milliseconds."""

OPEN = Operation(OperationKind.OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedBoot:
    """One boot of a case: its plan, its history, its trace, and where its crash landed."""

    plan: BootPlan
    history: BootHistory
    recording: Recording
    landing: Landing | None
    output: str

    def events(self) -> tuple[Event, ...]:
        """Return the boot's trace."""
        return self.recording.events()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """What running one case gave.

    Attributes:
        case: the case; where an image was drawn, the one that was judged last is named in it.
        boots: in order.
        history: what was judged.
        judgement: the oracle's.
        recoveries: how many recoveries there were, those of later boots included.
        doubt: why a case without violations does not count as passed; empty if it does.
        model: the strictest persistence model that shows a violation.
        coverage: what was looked at after a power loss, else None.
    """

    case: Case
    boots: tuple[WatchedBoot, ...]
    history: History
    judgement: Judgement
    recoveries: int
    doubt: str
    model: PersistenceModel = PersistenceModel.KILL
    coverage: Coverage | None = None

    @property
    def verdict(self) -> Verdict:
        """The judgement's verdict, or inconclusive where there is a doubt and no violation."""
        if self.doubt and self.judgement.verdict is Verdict.PASS:
            return Verdict.INCONCLUSIVE
        return self.judgement.verdict

    @property
    def landings(self) -> tuple[Landing, ...]:
        """Where the crashes landed, in the order of the boots."""
        return tuple(boot.landing for boot in self.boots if boot.landing is not None)


def run_case(workplace: Workplace, stored: StoredCase) -> CaseRun:
    """Run and judge a case; confirm a failure in fresh processes.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    try:
        run = _CaseRun(workplace, stored, is_fresh=False).run()
    except OSError:
        # What a subject left running in a shared process has touched the folder.
        return run_case_fresh(workplace, stored)
    if run.judgement.verdict is not Verdict.FAIL:
        return run
    confirmed = run_case_fresh(workplace, replace(stored, case=run.case), shown=run.judgement)
    # The confirmation looks at one image; what was looked at before it counts as well.
    coverage = run.coverage or confirmed.coverage
    return replace(confirmed, coverage=coverage, recoveries=run.recoveries + confirmed.recoveries)


def run_case_fresh(
    workplace: Workplace, stored: StoredCase, *, shown: Judgement | None = None
) -> CaseRun:
    """Run and judge a case with every recovery in a process of its own.

    Args:
        workplace: where it runs.
        stored: the case.
        shown: what a run with shared processes showed; if this run does not show it, the case
            is in doubt.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    workplace.end_recoverers()
    try:
        return _CaseRun(workplace, stored, is_fresh=True, shown=shown).run()
    except OSError as problem:
        raise HarnessFault(
            f"the working folder {workplace.directory} cannot be used: {problem}", hint=HINT
        ) from None


class _CaseRun:
    def __init__(
        self,
        workplace: Workplace,
        stored: StoredCase,
        *,
        is_fresh: bool,
        shown: Judgement | None = None,
    ) -> None:
        self._workplace = workplace
        self._stored = stored
        self._is_forked = is_fresh or "reopen" not in stored.supports
        self._shown = shown
        self._recoveries = 0
        self._boots: list[WatchedBoot] = []
        # What is durable, and the traces since then: a kill leaves the page cache.
        self._base = EMPTY
        self._earlier: list[tuple[Event, ...]] = []
        self._model = PersistenceModel.KILL
        self._coverage: Coverage | None = None

    def run(self) -> CaseRun:
        stored, workplace = self._stored, self._workplace
        workplace.load(stored.subject, stored.limits)
        workplace.clear()
        image_before: Image | None = None
        for number, plan in enumerate(stored.case.boots, start=1):
            image_before = None
            if number > 1 and plan.crash is not None and len(plan.operations) == 1:
                image_before = capture(workplace.directory)
            self._boots.append(self._boot(number, plan))
            if not _can_go_on(self._boots[-1].history):
                break
            if isinstance(plan.crash, PowerLoss):
                try:
                    cut = self._cut_power(number, plan.crash)
                except NotModelled as problem:
                    return self._not_judged(str(problem))
                if cut is not None:
                    return cut
            else:
                self._earlier.append(self._boots[-1].events())
        return self._conclude(self._look(self._boots[-1].history, image_before))

    def _conclude(self, recoveries: Recoveries) -> CaseRun:
        history = History(tuple(boot.history for boot in self._boots), recoveries)
        recordings = [boot.recording for boot in self._boots]
        refuse_full_folder(recordings, history, self._workplace.directory)
        judgement = self._judge(history)
        return self._case_run(history, judgement, self._doubt(judgement))

    def _not_judged(self, doubt: str) -> CaseRun:
        nothing = Recoveries(first=RecoveryFailure(FailureKind.DIED, "it was not tried"))
        history = History(tuple(boot.history for boot in self._boots), nothing)
        judgement = Judgement(Verdict.INCONCLUSIVE, (), frozenset(), ())
        return self._case_run(history, judgement, doubt)

    def _case_run(self, history: History, judgement: Judgement, doubt: str) -> CaseRun:
        plans = tuple(boot.plan for boot in self._boots)
        rest = self._stored.case.boots[len(plans) :]
        return CaseRun(
            case=replace(self._stored.case, boots=plans + rest),
            boots=tuple(self._boots),
            history=history,
            judgement=judgement,
            recoveries=self._recoveries + len(self._boots) - 1,
            doubt=doubt,
            model=self._model,
            coverage=self._coverage,
        )

    def _judge(self, history: History) -> Judgement:
        stored = self._stored
        return judge(
            stored.contract, history, supports=stored.supports, invariants=stored.invariants
        )

    def _cut_power(self, number: int, loss: PowerLoss) -> CaseRun | None:
        """Cut the power in the boot that has just run; None if others follow.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
        """
        unmodelled = self._unmodelled()
        if unmodelled:
            return self._not_judged(unmodelled)
        boot = self._boots.pop()
        judged_invariants: set[Invariant] = set()

        def judge_boot(history: BootHistory, recoveries: Recoveries) -> Judgement:
            earlier = tuple(each.history for each in self._boots)
            judgement = self._judge(History((*earlier, history), recoveries))
            judged_invariants.update(judgement.judged)
            return judgement

        recorded = self._recorded(number, boot)
        model = self._stored.contract.model
        cut = PowerCut(recorded, model, recover=self._recover_image, judge=judge_boot)
        prng = Prng(loss.seed)
        if number < len(self._stored.case.boots):
            candidate = cut.exactly(_choice(loss)) if loss.choice else cut.draw(prng)
            history = recorded.history_at(candidate.choice.position)
            self._boots.append(_cut_boot(boot, recorded, candidate.choice, history))
            restore(candidate.image, self._workplace.directory)
            self._base, self._earlier = candidate.image, []
            return None
        if loss.choice:
            judged: Judged | None = cut.look(cut.exactly(_choice(loss)))
        else:
            judged = cut.explore(prng, loss.images)
        self._coverage = cut.coverage
        if judged is None:
            self._boots.append(boot)
            return self._not_judged("no image was left to look at")
        choice = judged.candidate.choice
        self._boots.append(_cut_boot(boot, recorded, choice, judged.history))
        self._model = choice.model
        whole = History(tuple(each.history for each in self._boots), judged.recoveries)
        judgement = replace(judged.judgement, judged=frozenset(judged_invariants))
        return self._case_run(whole, judgement, self._doubt(judgement))

    def _recorded(self, number: int, boot: WatchedBoot) -> RecordedBoot:
        rows, plan = boot.recording.rows, boot.plan
        directory = self._workplace.directory

        def history_until(events: int) -> BootHistory:
            said = [row[7] for row in rows[:events] if row[0] in MESSAGES]
            ending = Ending(BootEnd.POWER_LOST)
            return read_boot(plan.operations, said, ending, directory=directory)

        return RecordedBoot(
            number=number,
            plan=plan,
            base=self._base,
            earlier=tuple(self._earlier),
            events=boot.events(),
            history_until=history_until,
        )

    def _recover_image(self, image: Image) -> Recoveries:
        restore(image, self._workplace.directory)
        return self._look_at(image, None)

    def _boot(self, number: int, plan: BootPlan) -> WatchedBoot:
        stored, workplace = self._stored, self._workplace
        # Where the power is cut, the boot runs to its end; the cut is made in its trace.
        crash = None if isinstance(plan.crash, PowerLoss) else plan.crash
        watched = workplace.boot(stored.subject, plan.operations, crash, stored.limits)
        recording = watched.recording
        history = read_boot(
            plan.operations,
            [data for _, data in recording.messages(MESSAGES)],
            _ending(plan, watched, stored.limits.seconds),
            directory=workplace.directory,
        )
        landing = None
        if recording.crash is not None:
            operation = _operation_at(plan, recording.crash.row[1])
            landing = recording.crash.describe(number, operation)
        return WatchedBoot(
            plan=plan, history=history, recording=recording, landing=landing, output=watched.output
        )

    def _look(self, last: BootHistory, image_before: Image | None) -> Recoveries:
        """Recover what the last boot left, in several ways."""
        if isinstance(last.recovery, RecoveryFailure):
            return Recoveries(first=last.recovery)
        return self._look_at(capture(self._workplace.directory), image_before)

    def _look_at(self, image: Image, image_before: Image | None) -> Recoveries:
        """Recover an image that is in the folder."""
        # The first recovery ends without `close`, as a kill right after it would.
        first = self._recover(is_killed=True)
        if isinstance(first, RecoveryFailure):
            return Recoveries(first=first)
        again, continued = self._continue(first)
        after = None
        if not isinstance(again, RecoveryFailure):
            after = self._recover()
        restore(image, self._workplace.directory)
        elsewhere = self._recover(is_elsewhere=True)
        uninterrupted = None
        if image_before is not None:
            restore(image_before, self._workplace.directory)
            uninterrupted = self._recover()
        return Recoveries(
            first=first,
            elsewhere=elsewhere,
            again=again,
            continued=continued,
            after=after,
            uninterrupted=uninterrupted,
        )

    def _recover(
        self, *, is_killed: bool = False, is_elsewhere: bool = False
    ) -> Recovery | RecoveryFailure:
        boot = self._unwatched((OPEN,), is_killed=is_killed, is_elsewhere=is_elsewhere)
        return _recovery_of(boot)

    def _continue(self, first: Recovery) -> tuple[Recovery | RecoveryFailure, tuple[Call, ...]]:
        operations = _work_after_recovery(first, self._stored)
        boot = self._unwatched(operations)
        return _recovery_of(boot), boot.calls[1:]

    def _unwatched(
        self,
        operations: tuple[Operation, ...],
        *,
        is_killed: bool = False,
        is_elsewhere: bool = False,
    ) -> BootHistory:
        self._recoveries += 1
        return self._workplace.look(
            self._stored.subject,
            operations,
            self._stored.limits,
            is_elsewhere=is_elsewhere,
            is_killed=is_killed,
            is_forked=self._is_forked,
        )

    def _unmodelled(self) -> str:
        names = sorted({name for boot in self._boots for name in boot.recording.unmodelled})
        return f"calls that are not modelled: {', '.join(names)}" if names else ""

    def _doubt(self, judgement: Judgement) -> str:
        unmodelled = self._unmodelled()
        if unmodelled:
            return unmodelled
        if self._shown is not None and judgement.verdict is Verdict.PASS:
            names = ", ".join(sorted({v.invariant.value for v in self._shown.violations}))
            return f"{names} showed in a shared process and not in a fresh one"
        for number, boot in enumerate(self._boots, start=1):
            if boot.recording.end is WatchEnd.TOO_LONG:
                return f"boot {number} made more than {len(boot.recording.rows)} events"
        return ""


def _choice(loss: PowerLoss) -> ImageChoice:
    return choice_from_json(json.loads(loss.choice))


def _cut_boot(
    boot: WatchedBoot, recorded: RecordedBoot, choice: ImageChoice, history: BootHistory
) -> WatchedBoot:
    """Return a boot as the power cut left it, with the choice in its plan."""
    crash = boot.plan.crash
    assert isinstance(crash, PowerLoss)
    exact = replace(crash, choice=json.dumps(choice_to_json(choice)))
    return replace(
        boot,
        plan=replace(boot.plan, crash=exact),
        history=history,
        landing=recorded.landing(choice),
    )


def _can_go_on(boot: BootHistory) -> bool:
    return not isinstance(boot.recovery, RecoveryFailure) and boot.end is not BootEnd.DIED


def _recovery_of(boot: BootHistory) -> Recovery | RecoveryFailure:
    if boot.recovery is None:
        return RecoveryFailure(FailureKind.DIED, "the process ended while it recovered")
    return boot.recovery


def _ending(plan: BootPlan, watched: Watched, seconds: float) -> Ending:
    """Say how a boot ended, from why its watch did."""
    end = watched.recording.end
    if end is WatchEnd.KILLED:
        return Ending(BootEnd.KILLED)
    if end is WatchEnd.HUNG:
        text = f"no progress within {seconds:g} seconds, then killed"
        return Ending(BootEnd.DIED, RecoveryFailure(FailureKind.HUNG, text))
    replies = sum(row[0].value == "reply" for row in watched.recording.rows)
    if end is WatchEnd.EXITED and watched.status == 0 and replies >= len(plan.operations):
        return Ending(BootEnd.CLOSED)
    text = describe_status(watched.status)
    last_words = watched.output.strip().splitlines()[-1:]
    if last_words:
        text += f"; it said: {last_words[0]}"
    return Ending(BootEnd.DIED, RecoveryFailure(FailureKind.DIED, text))


def _operation_at(plan: BootPlan, call: int) -> str:
    if not 0 <= call < len(plan.operations):
        return ""
    operation = plan.operations[call]
    if operation.record is not None:
        return f"{operation.kind.value} {operation.record.type.value}"
    return operation.kind.value


def _work_after_recovery(first: Recovery, stored: StoredCase) -> tuple[Operation, ...]:
    """Return what every recovered subject must be able to do: append, mark, send what is due."""
    supports = stored.supports
    times = [entry.record.ts_ms for entry in first.records]
    times += [o.record.ts_ms for b in stored.case.boots for o in b.operations if o.record]
    retries = [entry.record.next_retry_at_ms for entry in first.records]
    now_ms = max(times, default=0) + 1
    later_ms = max([now_ms, *retries]) + _LATER_MS
    puts = [
        Record(RecordType.PUT, f"after-recovery-{n}", now_ms + n, b"\0\xff" * n) for n in (0, 1)
    ]
    mark = Record(RecordType.DONE, puts[0].id, now_ms + 2)
    work = [_append(record) for record in puts]
    if "effects" in supports:
        ticks = range(1, TICKS_AFTER_RECOVERY + 1)
        work += [Operation(OperationKind.TICK, now_ms=later_ms * n) for n in ticks]
    work.append(_append(mark))
    if "sync" in supports:
        work.append(Operation(OperationKind.SYNC))
    return (OPEN, *work, Operation(OperationKind.CLOSE))


def _append(record: Record) -> Operation:
    return Operation(OperationKind.APPEND, record)
