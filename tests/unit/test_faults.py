"""A class of fault is a file and an entry; here is one that is made up, from draw to finding."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest

from walcrash.case.outcome import summarise
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.minimise import workload
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase, case_from_json, case_to_json
from walcrash.values.codec import Refused
from walcrash.values.contract import Contract
from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import (
    CLASSES,
    ENDS,
    FAULTS,
    Attempt,
    BootSelector,
    CrashPoint,
    Draft,
    Ending,
    Fault,
    FaultKind,
    FaultPlan,
    Injectable,
    Instead,
    PowerLoss,
    registry,
)
from walcrash.values.history import Outcome
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import Budget, RecoveryLimits, Scenario, SubjectSpec, WorkloadPlan
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.draw import draw_case
from walcrash.workload.profile import Profile

OPEN, CLOSE = Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)


def put(number: int) -> Operation:
    record = Record(RecordType.PUT, f"op-{number}", 1, b"payload", "", 0)
    return Operation(OperationKind.APPEND, record=record)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCall(Fault):
    """The made-up fault: one kind of event in a call fails, or is performed in part."""

    event: EventKind
    errno: int = 0
    most_bytes: int | None = None

    def injection(self) -> "BadCall":
        return self

    def instead(self, attempt: Attempt) -> Instead | None:
        is_here = attempt.kind is self.event and attempt.call == self.call and attempt.path
        return Instead(errno=self.errno, most_bytes=self.most_bytes) if is_here else None

    def __str__(self) -> str:
        return f"errno {self.errno} for each {self.event.value} of call {self.call}"

    def simpler(self, events: Sequence[Event]) -> Iterator["BadCall"]:
        if self.errno != errno.EIO and any(event.is_injected for event in events):
            yield replace(self, errno=errno.EIO)


class BadCalls(Injectable):
    """The class of the made-up fault; it stands in for a kind of the scenario file."""

    kind = FaultKind.KILL_TIMER
    keys = frozenset({"operations", "event"})
    falls = "into a call"

    def draw(self, plan: FaultPlan, draft: Draft) -> Fault | None:
        at = draft.prng.below(len(draft.operations))
        return BadCall(boot=draft.boot, call=at, event=EventKind.WRITE, errno=errno.ENOSPC)


@pytest.fixture
def bad_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the made-up class, as a file of its own and its entry would."""
    monkeypatch.setattr(FAULTS, "by_name", {**FAULTS.by_name, "bad-call": BadCall})
    monkeypatch.setattr(FAULTS, "names", {**FAULTS.names, BadCall: "bad-call"})
    every = MappingProxyType({**CLASSES, FaultKind.KILL_TIMER: BadCalls()})
    monkeypatch.setattr(registry, "CLASSES", every)


def case_of(*boots: BootPlan, faults: tuple[Fault, ...] = ()) -> Case:
    return Case("made-up", 0, 7, boots, faults)


def stored(case: Case) -> StoredCase:
    return StoredCase(
        case=case,
        subject=SubjectSpec("reference"),
        contract=Contract(),
        supports=frozenset(),
        invariants=frozenset(Invariant),
        limits=RecoveryLimits(),
    )


def run(case: Case) -> Any:
    with Sandbox() as sandbox:
        return run_case(sandbox, stored(case))


def test_every_class_has_its_entry_and_every_end_its_name() -> None:
    assert set(CLASSES) == set(FaultKind)
    assert all(CLASSES[kind].kind is kind for kind in FaultKind)
    assert all(isinstance(CLASSES[kind], Ending | Injectable) for kind in FaultKind)
    ends = {kind for kind in FaultKind if isinstance(CLASSES[kind], Ending)}
    assert set(ENDS.by_name) == {kind.value for kind in ends}
    assert set(FAULTS.by_name) == {kind.value for kind in set(FaultKind) - ends}


def test_a_fault_is_injected_into_its_call_alone_and_the_trace_says_so() -> None:
    fault = BadCall(boot=0, call=2, event=EventKind.WRITE, errno=errno.ENOSPC)
    plan = BootPlan((OPEN, put(1), put(2), CLOSE))
    made = run(case_of(plan, faults=(fault,)))
    (boot,) = made.boots
    injected = [event for event in boot.events() if event.is_injected]
    assert [(event.kind, event.call, event.result) for event in injected] == [
        (EventKind.WRITE, 2, -errno.ENOSPC)
    ]
    assert str(injected[0]).endswith("injected (failed, errno 28)")
    outcomes = [call.outcome for call in boot.history.calls]
    assert outcomes[1] is Outcome.ACKNOWLEDGED
    assert outcomes[2] is not Outcome.ACKNOWLEDGED
    assert [each.injected for each in summarise(made, stored(made.case)).boots] == [1]


def test_a_short_write_happens_in_part_and_returns_what_happened() -> None:
    fault = BadCall(boot=0, call=1, event=EventKind.WRITE, most_bytes=5)
    made = run(case_of(BootPlan((OPEN, put(1), CLOSE)), faults=(fault,)))
    injected = [event for event in made.boots[0].events() if event.is_injected]
    assert injected
    assert all(event.result == min(5, event.length) for event in injected)


def test_a_kill_falls_in_a_boot_with_faults_as_in_any_other() -> None:
    fault = BadCall(boot=0, call=1, event=EventKind.FSYNC, errno=errno.EIO)
    killed = BootPlan((OPEN, put(1), put(2)), CrashPoint.after_call(1))
    made = run(case_of(killed, faults=(fault,)))
    assert made.landings[0].kind is EventKind.REPLY
    assert made.boots[0].events()[-1].call == 1


def test_a_case_without_faults_is_recorded_as_before() -> None:
    made = run(case_of(BootPlan((OPEN, put(1), CLOSE))))
    assert made.verdict is Verdict.PASS
    assert not any(event.is_injected for event in made.boots[0].events())
    assert "faults" not in case_to_json(made.case)


@pytest.mark.usefixtures("bad_calls")
def test_a_stored_case_names_its_faults_by_their_class() -> None:
    fault = BadCall(boot=0, call=1, event=EventKind.FSYNC, errno=errno.EIO)
    case = case_of(BootPlan((OPEN, put(1), CLOSE)), faults=(fault,))
    form = case_to_json(case)
    assert form["faults"][0]["is"] == "bad-call"
    assert case_from_json(form) == case


def test_a_fault_of_a_class_that_is_not_known_is_refused_by_name() -> None:
    form = case_to_json(case_of(BootPlan((OPEN, put(1), CLOSE))))
    form["faults"] = [{"is": "bad-call", "boot": 0, "call": 1}]
    with pytest.raises(Refused, match=r'case\.faults\[0\]\.is: found "bad-call"'):
        case_from_json(form)


@pytest.mark.usefixtures("bad_calls")
def test_what_is_injected_is_drawn_beside_what_ends_the_boot_and_changes_nothing_of_it() -> None:
    ending = FaultPlan(kind=FaultKind.KILL)
    injected = FaultPlan(kind=FaultKind.KILL_TIMER, boots=BootSelector.FIRST)

    def drawn(*faults: FaultPlan) -> list[Case]:
        scenario = Scenario(
            name="made-up",
            summary="",
            path="",
            subject=SubjectSpec("reference"),
            contract=None,
            workload=WorkloadPlan(),
            faults=faults,
            invariants=frozenset(Invariant),
            budget=Budget(),
            limits=RecoveryLimits(),
        )
        return [
            draw_case(
                scenario,
                supports=frozenset(),
                profile=Profile(),
                master_seed="s",
                index=index,
            )
            for index in range(20)
        ]

    both = drawn(ending, injected)
    assert all(len(case.faults) == 1 and case.faults[0].boot == 0 for case in both)
    assert [case.boots[0] for case in both] == [case.boots[0] for case in drawn(ending)]
    assert all(case.faults[0].call < len(case.boots[0].operations) for case in both)
    assert drawn(injected)[0].boots[0].crash is None


def test_faults_move_with_their_calls_when_a_case_is_made_smaller() -> None:
    boot = BootPlan((OPEN, put(1), put(2), CLOSE))
    last = BootPlan((OPEN, put(3), CLOSE))
    on_second = BadCall(boot=0, call=2, event=EventKind.WRITE, errno=errno.EIO)
    on_third = BadCall(boot=1, call=1, event=EventKind.WRITE, errno=errno.EIO)
    case = case_of(boot, last, faults=(on_second, on_third))

    kept = workload.keep(case, [(0, 2), (1, 1)])
    assert kept is not None
    assert kept.case.faults == (on_second.moved(boot=0, call=1), on_third)
    gone = workload.keep(case, [(0, 1), (1, 1)])
    assert gone is not None
    assert gone.case.faults == (on_third,)
    alone = workload.with_boots(case, [1])
    assert alone is not None
    assert alone.case.faults == (on_third.moved(boot=0, call=1),)
    together = workload.merged(case, 0)
    assert together is not None
    assert together.case.faults == (on_second, on_third.moved(boot=0, call=3))
    assert str(together.case.boots[0].operations[3]) == str(put(3))
    cut = workload.with_crash(case, 0, CrashPoint.after_call(1))
    assert cut is not None
    assert cut.case.faults == (on_third,)


def test_a_fault_needs_interception_as_an_exact_kill_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = BadCall(boot=0, call=1, event=EventKind.FSYNC, errno=errno.EIO)
    with Sandbox() as sandbox:
        sandbox.load(SubjectSpec("reference"), RecoveryLimits())
        monkeypatch.setattr(sandbox, "_refusal", Inconclusive("the kernel refuses it"))
        for crash, faults, words in (
            (None, (fault,), "errno 5 for each fsync of call 1 needs interception"),
            (PowerLoss(1, 1), (), "a power loss needs interception"),
            (CrashPoint.after_call(0), (), "a kill at an exact point needs interception"),
        ):
            with pytest.raises(Inconclusive, match=words):
                sandbox.boot(
                    SubjectSpec("reference"), (OPEN, CLOSE), crash, RecoveryLimits(), faults
                )


def test_the_simpler_places_of_a_kill_are_between_calls_then_between_events() -> None:
    point = CrashPoint(call=1, ordinal=3, placement=Placement.WITHIN, kept=9)
    simpler = list(point.simpler(()))
    assert simpler[0] == CrashPoint.after_call(1)
    assert [each.placement for each in simpler[1:3]] == [Placement.AFTER, Placement.BEFORE]
    assert [each.kept for each in simpler[3:]] == [0, 1 << 15, (1 << 16) - 1]
    assert not list(CrashPoint.after_call(1).simpler(()))
    before = CrashPoint(call=1, ordinal=1, placement=Placement.BEFORE, event=EventKind.FSYNC)
    events = [Event(kind=EventKind.WRITE, call=1), Event(kind=EventKind.WRITE, call=1)]
    assert list(before.simpler(events))[-1] == CrashPoint(
        call=1, ordinal=1, placement=Placement.AFTER, event=EventKind.WRITE
    )
