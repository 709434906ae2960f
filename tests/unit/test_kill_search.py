"""Kills that are derived from traces: they leave what real ones leave, and run as cases."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from walcrash.case.alignment import Alignment
from walcrash.case.boots import CaseBoots
from walcrash.case.branches import branch_after_kill
from walcrash.case.case_run import CaseRun
from walcrash.case.drawn import Drawn
from walcrash.case.frontier import SearchOrder
from walcrash.case.kill_search import (
    KilledState,
    KillSearch,
    NotAsRecorded,
    as_killed,
    check_derived,
    is_derived,
)
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.runner import run_case, run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_plan import SearchPlan
from walcrash.recorder.tree import capture
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.cell import BootKind
from walcrash.values.errors import HarnessFault
from walcrash.values.event import EventKind
from walcrash.values.faults import (
    KEPT_SCALE,
    BootSelector,
    CallError,
    CrashPoint,
    ErrorName,
    FaultCall,
    FaultPlan,
    bytes_of_share,
    share_of_bytes,
)
from walcrash.values.history import History, Recoveries
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.seed import Prng
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

OPEN = Operation(OperationKind.OPEN)
EVERYWHERE = SearchPlan(kills=(FaultPlan(),))


def put(number: int, length: int = 10) -> Operation:
    payload = bytes([number]) * length
    return Operation(OperationKind.APPEND, Record(RecordType.PUT, f"op-{number}", number, payload))


WORK = (OPEN, put(1), put(2, 6000), Operation(OperationKind.APPLY))
KILLED = BootPlan(WORK, CrashPoint.after_call(3))
AGAIN = BootPlan((OPEN, put(3)), CrashPoint.after_call(1))
CASE = Case("kills", 0, 0, (KILLED, AGAIN))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.fixture
def stored(sandbox: Sandbox) -> StoredCase:
    subject, limits = SubjectSpec("reference"), RecoveryLimits()
    description = sandbox.load(subject, limits)
    return StoredCase(
        case=CASE,
        subject=subject,
        contract=description.contract,
        supports=description.supports,
        invariants=frozenset(Invariant),
        limits=limits,
    )


def ran(boots: CaseBoots) -> list[RecordedBoot]:
    recorded = []
    for plan in CASE.boots:
        boots.run(plan)
        recorded.append(boots.as_power_finds())
    return recorded


def failed(where: str = "first recovery") -> Judgement:
    violation = Violation(Invariant.LOST_PUT, where, "made up")
    return Judgement(Verdict.FAIL, (violation,), frozenset({Invariant.LOST_PUT}), ())


PASSED = Judgement(Verdict.PASS, (), frozenset({Invariant.ORDER}), ())
NOTHING = Recoveries(first=RecoveryFailure(FailureKind.REFUSED, "made up"))


class Judging:
    """A recoverer and a judge: they keep the images and histories; the n-th state fails."""

    def __init__(self, failing: int = -1) -> None:
        self.images: list[Image] = []
        self.found: list[Image | None] = []
        self.histories: list[History] = []
        self._failing = failing

    def recover(self, image: Image, before: Image | None, _: object) -> Recoveries:
        self.images.append(image)
        self.found.append(before)
        return NOTHING

    def judge(self, history: History) -> Judgement:
        self.histories.append(history)
        return failed() if len(self.histories) == self._failing else PASSED


def search_of(
    boots: CaseBoots,
    recorded: list[RecordedBoot],
    sandbox: Sandbox,
    judging: Judging,
    plan: SearchPlan = EVERYWHERE,
) -> KillSearch:
    return KillSearch(
        boots,
        recorded,
        plan,
        recover=judging.recover,
        judge=judging.judge,
        directory=sandbox.directory,
    )


def case_run(stored: StoredCase, boots: CaseBoots) -> CaseRun:
    return CaseRun(
        case=stored.case,
        boots=tuple(boots.watched),
        history=History(boots.histories(), NOTHING),
        judgement=PASSED,
        recoveries=0,
        doubt="",
    )


def states(boots: CaseBoots, recorded: list[RecordedBoot], sandbox: Sandbox) -> list[KilledState]:
    """Return every state that a search finds, each as if it had been the one that failed."""
    found, number = [], 1
    while True:
        judging = Judging(failing=number)
        search = search_of(boots, recorded, sandbox, judging)
        state = search.explore(Prng(7), 1000)
        if state is None:
            assert search.searched.is_exhausted
            assert len(search.searched.totals().states) == number - 1
            return found
        found.append(state)
        number += 1


def test_a_case_made_of_a_derived_state_leaves_it_when_it_is_really_killed(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    run = case_run(stored, boots)
    every = states(boots, recorded, sandbox)
    assert len(every) > 15
    places = {
        (state.boots[-1].plan.crash.placement, state.boots[-1].landing.kind)  # type: ignore[union-attr]
        for state in every
    }
    assert (Placement.WITHIN, EventKind.WRITE) in places
    assert (Placement.AFTER, EventKind.RENAME) in places
    # One in three runs for real: the others differ from these in a call or an event.
    for state in every[::3]:
        derived = as_killed(run, state)
        real = CaseBoots(sandbox, replace(stored, case=derived.case))
        for plan in derived.case.boots:
            last = real.run(plan)
        assert capture(sandbox.directory).digest() == state.image.digest()
        assert last.history == state.boots[-1].history
        assert last.landing == state.boots[-1].landing
        assert [row.kind for row in last.recording.rows] == [
            row.kind for row in state.boots[-1].recording.rows
        ]


def test_what_the_own_kill_left_is_what_the_trace_says(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    left = capture(sandbox.directory)
    search = search_of(boots, recorded, sandbox, Judging())
    search.check_real(left)
    other = Image({**left.entries, "wal.log": FileEntry(b"nothing that was written")})
    with pytest.raises(HarnessFault, match=r"left other files .* say: wal\.log"):
        search.check_real(other)


def test_a_state_that_a_real_kill_does_not_leave_is_a_fault_of_the_harness(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    boots = CaseBoots(sandbox, stored)
    run = replace(case_run(stored, boots), image=Image({}))
    real = replace(run, image=Image({"stray": FileEntry(b"")}))
    ran(boots)
    both = tuple(boots.watched)
    check_derived(replace(run, boots=both), replace(run, boots=both))
    with pytest.raises(HarnessFault, match="stray"):
        check_derived(replace(run, boots=both), replace(real, boots=both))
    # Other calls say nothing: a subject with threads may make them.
    check_derived(replace(run, boots=both), replace(real, boots=both[:1]))


def test_each_state_is_judged_once_and_kills_in_a_recovery_know_what_it_had_found(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    judging = Judging()
    search = search_of(boots, recorded, sandbox, judging)
    assert search.explore(Prng(1), 1000) is None
    keys = [
        (image.digest(), len(history.boots), history.boots[-1].calls)
        for image, history in zip(judging.images, judging.histories, strict=True)
    ]
    assert len(keys) == len(set(keys))
    in_recovery = [
        len(history.boots) == 2 and len(history.boots[-1].calls) == 1
        for history in judging.histories
    ]
    assert [found is not None for found in judging.found] == in_recovery
    assert search.judged == {Invariant.ORDER}
    totals = search.searched.totals()
    assert sum(count for _, count in totals.cells) == len(keys)
    assert {each.boot for each, _ in totals.cells} == {BootKind.FIRST, BootKind.KILLED}


def test_the_scenario_says_where_kills_may_fall(sandbox: Sandbox, stored: StoredCase) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    only = FaultPlan(
        operations=("apply",),
        event=EventKind.RENAME,
        placements=(Placement.AFTER,),
        boots=BootSelector.FIRST,
    )
    judging = Judging()
    search = search_of(boots, recorded, sandbox, judging, SearchPlan(kills=(only,)))
    assert search.explore(Prng(1), 1000) is None
    cells = [each for each, _ in search.searched.totals().cells]
    assert {(each.operation, each.kind) for each in cells} == {
        (OperationKind.APPLY, EventKind.RENAME)
    }
    assert {each.role for each in cells} == {"outbox.state", "checkpoint"}
    never = search_of(boots, recorded, sandbox, Judging(), SearchPlan())
    assert never.explore(Prng(1), 1000) is None
    assert never.searched.totals().states == ()


def test_no_more_states_are_judged_than_asked_for_and_the_order_is_that_of_the_seed(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)

    def judged(seed: int, order: SearchOrder) -> list[str]:
        judging, plan = Judging(), replace(EVERYWHERE, order=order)
        search_of(boots, recorded, sandbox, judging, plan).explore(Prng(seed), 9)
        return [image.digest() for image in judging.images]

    for order in SearchOrder:
        assert len(judged(1, order)) == 9
        assert judged(1, order) == judged(1, order)
        assert judged(1, order) != judged(2, order)


def test_kills_fall_behind_a_call_that_was_made_to_fail(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    error = CallError(boot=0, call=2, on=FaultCall.FSYNC, ordinal=0, error=ErrorName.EIO)
    boots = CaseBoots(sandbox, replace(stored, case=replace(CASE, faults=(error,))))
    recorded, judging = ran(boots), Judging()
    search_of(boots, recorded, sandbox, judging).explore(Prng(0), 5)
    has_met = [bool(history.boots[0].errors) for history in judging.histories]
    # A place whose state is known has had its turn.
    assert has_met == [True, True, False, True, True]


def test_cells_that_no_judged_state_was_of_are_told(sandbox: Sandbox, stored: StoredCase) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    every, few = (search_of(boots, recorded, sandbox, Judging(), EVERYWHERE) for _ in range(2))
    every.explore(Prng(1), 1000)
    few.explore(Prng(1), 3)
    whole, part = every.searched.totals(), few.searched.totals()
    assert whole.is_exhausted
    assert not part.is_exhausted
    reached = {cell for cell, _ in part.cells}
    assert len(reached) == 3
    assert reached.isdisjoint(part.unreached)
    # Cells of which every state was equal to one that fell elsewhere are no gap.
    assert whole.unreached == ()
    assert {cell for cell, _ in whole.cells} <= reached | set(part.unreached)


def test_the_next_boot_goes_on_from_another_kill(sandbox: Sandbox, stored: StoredCase) -> None:
    boots = CaseBoots(sandbox, stored)
    recorded = ran(boots)
    search = search_of(boots, recorded, sandbox, Judging())
    branch = branch_after_kill(boots, recorded, CASE.boots, search, Prng(4))
    assert branch is not None
    other, theirs = branch
    assert len(other.watched) == len(theirs) == 2
    killed, last = other.watched
    assert killed.plan != boots.watched[0].plan
    assert theirs[-1].earlier == (killed.events(),)
    # It ran to its end, so that any of its events may be killed.
    assert last.plan.operations[-1].kind is OperationKind.CLOSE
    assert last.plan.crash is None
    # The case itself is as it was.
    assert boots.watched[0].plan == KILLED
    judging = Judging()
    behind = KillSearch(
        other,
        theirs,
        EVERYWHERE,
        recover=judging.recover,
        judge=judging.judge,
        directory=sandbox.directory,
        first=1,
    )
    assert behind.explore(Prng(1), 1000) is None
    assert {len(history.boots) for history in judging.histories} == {2}


@pytest.mark.parametrize("length", [2, 3, 100, 4097, KEPT_SCALE, KEPT_SCALE + 1])
def test_a_share_means_the_bytes_that_it_was_made_of(length: int) -> None:
    for kept in {1, length // 3 or 1, length // 2, length - 1}:
        assert bytes_of_share(share_of_bytes(kept, length), length) == kept


def test_what_the_oracle_makes_of_a_real_case_is_not_derived(
    sandbox: Sandbox, stored: StoredCase
) -> None:
    real = run_case_fresh(sandbox, stored)
    assert real.verdict is Verdict.PASS
    assert not is_derived(real)


@pytest.mark.parametrize(("strange", "is_fault"), [(0, False), (2, False), (3, True)])
def test_what_others_changed_in_a_case_is_no_fault_unless_it_is_so_each_time(
    sandbox: Sandbox,
    stored: StoredCase,
    monkeypatch: pytest.MonkeyPatch,
    strange: int,
    is_fault: bool,
) -> None:
    """A thread that an earlier recovery left running may write to the directory."""
    looked: list[int] = []

    def check(search: KillSearch, left: Image) -> None:
        looked.append(1)
        if len(looked) <= strange:
            raise NotAsRecorded("a kill left other files", hint="none")

    monkeypatch.setattr(KillSearch, "check_real", check)
    drawn = Drawn(
        alignment=Alignment.within(stored.case),
        search=SearchPlan(kills=(FaultPlan(),), kill_states=0),
    )
    if is_fault:
        with pytest.raises(HarnessFault, match="left other files"):
            run_case(sandbox, stored, drawn=drawn)
    else:
        run = run_case(sandbox, stored, drawn=drawn)
        assert run.verdict is Verdict.PASS
    assert len(looked) == min(strange + 1, 3)
