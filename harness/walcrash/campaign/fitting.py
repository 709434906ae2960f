"""Fitting: what the long control of a scenario without a workload shows of its subject.

Where the subject refuses a record in it, dies or hangs, the long control is run again without
records of that size: what it does not take is not drawn. Where it refuses a record for certain, a
control fills it first (`workload.room_control`), to tell a limit to what it holds from one to a
record. A record that it has acknowledged and lost needs no crash to be a finding.

Not here: what follows from the events (`workload.fit`), what is drawn from it (`workload.swarm`).
"""

from dataclasses import dataclass
from typing import Final

from walcrash.campaign.controls import run_control
from walcrash.case.case_run import CaseRun
from walcrash.case.outcome import CaseOutcome, store_case, summarise
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.subjects.messages import Description
from walcrash.values.case_file import StoredCase
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.record import RecordType
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.long_control import STEPS, draw_long_control
from walcrash.workload.placed import named_bytes, placed_records
from walcrash.workload.reached import puts_without_room
from walcrash.workload.room_control import draw_room_control

_FINE: Final = (Outcome.ACKNOWLEDGED, Outcome.NOT_ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShown:
    """What the long control shows beside what its files do.

    Attributes:
        is_decided: whether it passed or failed for certain; else it is no verdict.
        takes_second_mark: whether a second MarkDone of an operation was acknowledged.
        is_limited: whether longer payloads were not taken.
        room_bytes: what its records took together when it refused a put of a length that it had
            taken before; 0 where it did not.
    """

    is_decided: bool
    takes_second_mark: bool
    is_limited: bool
    room_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LongControl:
    """What came of the long control: its last run, and of each run what is kept of a case."""

    run: CaseRun
    outcomes: tuple[CaseOutcome, ...]
    shown: LongShown


def run_long_control(
    sandbox: Sandbox, scenario: Scenario, description: Description, master_seed: str
) -> LongControl:
    """Run the long control until the subject takes all of it.

    Args:
        sandbox: where the subject is loaded.
        scenario: it.
        description: of the subject.
        master_seed: of the campaign.

    Raises:
        TimeOver: the time was over before.
        WalcrashError: as `run_case`.
    """
    longs = _LongControls(sandbox, scenario, description, master_seed)
    run, is_limited = longs.all_taken()
    has_second_mark = _takes_second_mark(run)
    if run.verdict is Verdict.FAIL and has_second_mark:
        # No client has to mark twice, so a log may make of it what it will.
        run, has_second_mark = longs.run(has_second_mark=False), False
    is_whole = longs.fills_room or _refused_bytes(run) is None
    if run.verdict is Verdict.FAIL and is_whole:
        outcome, run = run_control(sandbox, longs.stored(has_second_mark=False))
        longs.outcomes.append(outcome)
    is_inconclusive = longs.outcomes[-1].verdict is Verdict.INCONCLUSIVE
    return LongControl(
        run=run,
        outcomes=tuple(longs.outcomes),
        shown=LongShown(
            is_decided=not is_inconclusive and is_whole,
            takes_second_mark=has_second_mark,
            is_limited=is_limited,
            room_bytes=_room_bytes(run) if longs.fills_room else 0,
        ),
    )


class _LongControls:
    """The long controls of a scenario, each with what was learned from the one before."""

    def __init__(
        self, sandbox: Sandbox, scenario: Scenario, description: Description, master_seed: str
    ) -> None:
        self.outcomes: list[CaseOutcome] = []
        self._sandbox = sandbox
        self._scenario = scenario
        self._description = description
        self._master_seed = master_seed
        self._most_bytes = STEPS[-1][1]
        self.fills_room = False

    def all_taken(self) -> tuple[CaseRun, bool]:
        """Return a run in which every put was taken, and whether others were not.

        Where even the shortest step has a put that is not taken, it is a run of that. A log
        that has no room left is not asked for shorter ones: then it is a run that filled it.
        """
        run = self.run()
        if _is_refused_for_certain(run):
            self.fills_room = True
            full = self.run()
            if _room_bytes(full):
                return full, True
            self.fills_room = False
            # What decides is the last one.
            self.outcomes.insert(0, self.outcomes.pop())
        for _ in STEPS[1:]:
            refused = _refused_bytes(run)
            if refused is None:
                break
            self._most_bytes = max(0, refused - 1)
            run = self.run()
        return run, self._most_bytes < STEPS[-1][1]

    def run(self, *, has_second_mark: bool = True) -> CaseRun:
        """Run it once."""
        stored = self.stored(has_second_mark=has_second_mark)
        run = run_case(self._sandbox, stored)
        self.outcomes.append(summarise(run, stored))
        return run

    def stored(self, *, has_second_mark: bool) -> StoredCase:
        """Return it as a case."""
        if self.fills_room:
            case = draw_room_control(
                self._scenario,
                self._description.supports,
                self._master_seed,
                has_second_mark=has_second_mark,
            )
            return store_case(case, self._scenario, self._description)
        case = draw_long_control(
            self._scenario,
            self._description.supports,
            self._master_seed,
            most_payload_bytes=self._most_bytes,
            has_second_mark=has_second_mark,
        )
        return store_case(case, self._scenario, self._description)


def _refused_bytes(run: CaseRun) -> int | None:
    """Return the payload of the put that was not taken; None where all were.

    Where the subject ended in another call, it is that of the last put before.
    """
    last = 0
    for boot in run.history.boots:
        for call in boot.calls:
            record = call.operation.record
            if record is None or record.type is not RecordType.PUT:
                continue
            last = len(record.payload)
            if call.outcome not in _FINE:
                return last
        if boot.end is not BootEnd.CLOSED:
            return last
    return None


def _is_refused_for_certain(run: CaseRun) -> bool:
    """Whether a record was refused for certain, and nothing else was amiss."""
    calls = [call for boot in run.history.boots for call in boot.calls]
    return all(boot.end is BootEnd.CLOSED for boot in run.history.boots) and any(
        call.outcome is Outcome.REFUSED_DEFINITE for call in calls
    )


def _room_bytes(run: CaseRun) -> int:
    """Return what the records of a first boot took in their files when there was no more room.

    Where these writes do not show, it is what the records hold. It is 0 where no put was refused of
    a length that was taken before.
    """
    first = run.history.boots[0]
    if not puts_without_room(first):
        return 0
    taken = [
        call.operation.record
        for call in first.calls
        if call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED
    ]
    placed = placed_records((run.boots[0].plan, run.boots[0].events()))
    if len(placed) == len(taken):
        return sum(each.written for each in placed)
    return sum(len(each.payload) + named_bytes(each) for each in taken)


def _takes_second_mark(run: CaseRun) -> bool:
    """Whether each second MarkDone of an operation was acknowledged, and there was one."""
    marked: set[str] = set()
    seconds: list[Outcome] = []
    for boot in run.history.boots:
        for call in boot.calls:
            record = call.operation.record
            if record is not None and record.type is RecordType.DONE:
                if record.id in marked:
                    seconds.append(call.outcome)
                marked.add(record.id)
    return bool(seconds) and all(outcome is Outcome.ACKNOWLEDGED for outcome in seconds)
