"""The boots of a case: what a kill leaves pending, and what a power cut leaves durable."""

from collections.abc import Iterator

import pytest

from walcrash.case.boots import CaseBoots
from walcrash.case.power_loss import LossSearch
from walcrash.case.recorded_boot import EMPTY
from walcrash.case.sandbox import Sandbox
from walcrash.recorder.tree import capture
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, PowerLoss
from walcrash.values.history import BootEnd, BootHistory, Recoveries
from walcrash.values.image import Image
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.seed import Prng
from walcrash.values.verdict import Invariant, Judgement

OPEN = Operation(OperationKind.OPEN)
CLOSE = Operation(OperationKind.CLOSE)
WRITTEN = CrashPoint(call=1, ordinal=0, placement=Placement.AFTER, event=EventKind.WRITE)


def put(number: int) -> Operation:
    return Operation(OperationKind.APPEND, Record(RecordType.PUT, f"op-{number}", number))


KILLED = BootPlan((OPEN, put(1)), WRITTEN)
POWERED = BootPlan((OPEN, put(2), CLOSE), PowerLoss(1, 8))


def unused(*_: object) -> Recoveries:
    raise AssertionError("nothing is recovered here")


def unjudged(_: BootHistory, __: Recoveries) -> Judgement:
    raise AssertionError("nothing is judged here")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.fixture
def boots(sandbox: Sandbox) -> CaseBoots:
    subject, limits = SubjectSpec("reference"), RecoveryLimits()
    description = sandbox.load(subject, limits)
    stored = StoredCase(
        case=Case("boots", 0, 0, (KILLED, POWERED, POWERED)),
        subject=subject,
        contract=description.contract,
        supports=description.supports,
        invariants=frozenset(Invariant),
        limits=limits,
    )
    return CaseBoots(sandbox, stored)


def test_what_a_killed_boot_wrote_is_still_pending_in_the_next(boots: CaseBoots) -> None:
    killed = boots.run(KILLED)
    boots.run(POWERED)
    recorded = boots.as_power_finds()
    assert killed.history.end is BootEnd.KILLED
    assert recorded.number == 2
    assert recorded.base is EMPTY
    assert recorded.earlier == (killed.events(),)
    assert [landing.boot for landing in boots.landings()] == [1]


def test_after_a_power_cut_only_its_image_is_there(boots: CaseBoots, sandbox: Sandbox) -> None:
    boots.run(KILLED)
    boots.run(POWERED)
    recorded = boots.as_power_finds()
    cut = LossSearch(recorded, PersistenceModel.POSIX, recover=unused, judge=unjudged)
    candidate = cut.draw(Prng(3))
    boots.go_on_from(recorded, candidate)
    assert capture(sandbox.directory).digest() == candidate.image.digest()

    crash = boots.watched[-1].plan.crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice
    assert boots.histories()[-1].end is BootEnd.POWER_LOST
    assert [landing.boot for landing in boots.landings()] == [1, 2]

    boots.run(POWERED)
    later = boots.as_power_finds()
    assert later.number == 3
    assert later.base == candidate.image != Image({})
    assert later.earlier == ()


def test_another_history_can_take_the_place_of_the_last_one(boots: CaseBoots) -> None:
    first = boots.run(KILLED).history
    last = boots.run(POWERED).history
    assert boots.histories() == (first, last)
    assert boots.histories(first) == (first, first)
