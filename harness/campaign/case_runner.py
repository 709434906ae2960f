"""Running one case: its boots under watch, the last image looked at from all sides, a judgement.

A case that fails is run again with every recovery in a process of its own: only what shows
there counts, since a process that opened other images before may carry something over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.campaign.case_file import StoredCase
from harness.campaign.full_folder import HINT, refuse_full_folder
from harness.campaign.recoverer import describe_status
from harness.campaign.workplace import Workplace
from harness.oracle import judge
from harness.recorder.recording import Recording, WatchEnd
from harness.recorder.tree import capture, restore
from harness.recorder.watch import Watched
from harness.subjects.boots import Ending, read_boot
from harness.values.case import BootPlan, Case, Landing
from harness.values.errors import HarnessFault
from harness.values.event import MESSAGES, Event
from harness.values.history import BootEnd, BootHistory, Call, History, Recoveries
from harness.values.image import Image
from harness.values.limits import TICKS_AFTER_RECOVERY
from harness.values.operation import Operation, OperationKind
from harness.values.record import Record, RecordType
from harness.values.recovery import FailureKind, Recovery, RecoveryFailure
from harness.values.verdict import Judgement, Verdict

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

    `doubt` says why a case without violations does not count as passed; empty if it does.
    """

    case: Case
    boots: tuple[WatchedBoot, ...]
    history: History
    judgement: Judgement
    recoveries: int
    doubt: str

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
    return run_case_fresh(workplace, stored, shown=run.judgement)


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

    def run(self) -> CaseRun:
        stored, workplace = self._stored, self._workplace
        workplace.load(stored.subject, stored.limits)
        workplace.clear()
        boots: list[WatchedBoot] = []
        image_before: Image | None = None
        for number, plan in enumerate(stored.case.boots, start=1):
            image_before = None
            if number > 1 and plan.crash is not None and len(plan.operations) == 1:
                image_before = capture(workplace.directory)
            boots.append(self._boot(number, plan))
            if not _can_go_on(boots[-1].history):
                break
        history = History(
            tuple(boot.history for boot in boots), self._look(boots[-1].history, image_before)
        )
        recordings = [boot.recording for boot in boots]
        refuse_full_folder(recordings, history, workplace.directory)
        judgement = judge(
            stored.contract, history, supports=stored.supports, invariants=stored.invariants
        )
        return CaseRun(
            case=stored.case,
            boots=tuple(boots),
            history=history,
            judgement=judgement,
            recoveries=self._recoveries + len(boots) - 1,
            doubt=self._doubt(boots, judgement),
        )

    def _boot(self, number: int, plan: BootPlan) -> WatchedBoot:
        stored, workplace = self._stored, self._workplace
        watched = workplace.boot(stored.subject, plan.operations, plan.crash, stored.limits)
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
        image = capture(self._workplace.directory)
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

    def _doubt(self, boots: Sequence[WatchedBoot], judgement: Judgement) -> str:
        unmodelled = sorted({name for boot in boots for name in boot.recording.unmodelled})
        if unmodelled:
            return f"calls that are not modelled: {', '.join(unmodelled)}"
        if self._shown is not None and judgement.verdict is Verdict.PASS:
            names = ", ".join(sorted({v.invariant.value for v in self._shown.violations}))
            return f"{names} showed in a shared process and not in a fresh one"
        for number, boot in enumerate(boots, start=1):
            if boot.recording.end is WatchEnd.TOO_LONG:
                return f"boot {number} made more than {len(boot.recording.rows)} events"
        return ""


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
