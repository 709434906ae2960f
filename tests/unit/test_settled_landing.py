"""Kills that leave the same are one: where they settled is where the first of them lands."""

from dataclasses import replace

import pytest
from made_up_subject import row_of
from report_lines import finding

from walcrash.case.watched_boot import WatchedBoot
from walcrash.findings.former_ids import is_same_now
from walcrash.minimise.cause import cause_of, group_of
from walcrash.recorder.recording import Recording, WatchEnd
from walcrash.values.case import BootPlan, Landing, landing_at
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.identity import finding_id
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant

K = EventKind
AHEAD = Invariant.CHECKPOINT_AHEAD
BEFORE, WITHIN, AFTER = Placement.BEFORE, Placement.WITHIN, Placement.AFTER

OPEN, APPLY = Operation(OperationKind.OPEN), Operation(OperationKind.APPLY)
EVENTS = (
    Event(kind=K.FSYNC, path="log", call=0),
    Event(kind=K.REPLY, call=0),
    Event(kind=K.FSYNC, path="log", call=1),
    Event(kind=K.RENAME, path="offset.tmp", path_to="offset", call=1),
    Event(kind=K.UNLINK, path="old", call=1, result=-2),
    Event(kind=K.FSYNC, path=".", call=1),
    Event(kind=K.WRITE, path="state", length=9, result=9, call=1),
    Event(kind=K.FDATASYNC, path="state", call=1),
    Event(kind=K.REPLY, call=1),
)
RENAME = 3


def boot(index: int, placement: Placement, *, loss: str | None = None) -> WatchedBoot:
    plan = BootPlan((OPEN, APPLY))
    event = EVENTS[index]
    landing = landing_at(
        event,
        plan.operations[event.call],
        boot=1,
        event_index=index,
        placement=placement,
        loss=loss,
    )
    recording = Recording(
        rows=tuple(map(row_of, EVENTS[: index + 1])), end=WatchEnd.KILLED, crash=None,
        unmodelled=(), outside=(), children=0,
    )  # fmt: skip
    history = BootHistory((), None, BootEnd.KILLED)
    return WatchedBoot(plan=plan, history=history, recording=recording, landing=landing, output="")


def settled(index: int, placement: Placement) -> tuple[int, Placement]:
    landing = boot(index, placement).settled
    assert landing is not None
    return landing.event_index, landing.placement


@pytest.mark.parametrize(
    ("index", "placement"),
    [(RENAME, AFTER), (4, BEFORE), (4, AFTER), (5, BEFORE), (5, AFTER), (6, BEFORE)],
)
def test_a_kill_behind_a_sync_is_one_behind_the_last_change(
    index: int, placement: Placement
) -> None:
    assert settled(index, placement) == (RENAME, AFTER)
    landing = boot(index, placement).settled
    assert landing is not None
    assert (landing.path, landing.path_to, landing.operation) == (
        "offset.tmp", "offset", OperationKind.APPLY,
    )  # fmt: skip


def test_a_change_and_what_was_said_tell_kills_apart() -> None:
    assert settled(RENAME, BEFORE) == (RENAME, BEFORE)
    assert settled(6, WITHIN) == (6, WITHIN)
    assert settled(8, BEFORE) == settled(7, AFTER) == (6, AFTER)
    assert settled(8, AFTER) == (8, AFTER)
    # Between a reply and the next change, and before any, nothing is told but where it landed.
    assert settled(2, AFTER) == (2, AFTER)
    assert settled(0, AFTER) == (0, AFTER)


def test_a_power_loss_stays_where_it_landed_since_a_sync_tells_it_from_others() -> None:
    lost = boot(5, AFTER, loss="made up")
    assert lost.settled == lost.landing
    assert replace(lost, landing=None).settled is None


def test_kills_that_leave_the_same_are_one_group_and_one_cause_that_is_known_by_its_former_id() -> (
    None
):
    subject = SubjectSpec("wal.py:Wal", {})

    def landing(index: int, placement: Placement) -> Landing:
        found = boot(index, placement).settled
        assert found is not None
        return found

    one, other = landing(RENAME, AFTER), landing(5, AFTER)
    assert group_of(AHEAD, [one]) == group_of(AHEAD, [other])
    assert cause_of(AHEAD, [one]) == cause_of(AHEAD, [other])
    raw = boot(5, AFTER).landing
    assert raw is not None
    before = cause_of(AHEAD, [raw])
    assert before != cause_of(AHEAD, [one])
    now = replace(finding(), landings=(raw,), cause=cause_of(AHEAD, [other]))
    former = finding_id(now.scenario, subject, before.facts, is_portability=False)
    kept = replace(now, id=former, cause=before)
    assert is_same_now(kept, now, subject)
    elsewhere = boot(6, AFTER).landing
    assert elsewhere is not None
    later = replace(now, landings=(elsewhere,), cause=cause_of(AHEAD, [elsewhere]))
    assert not is_same_now(kept, later, subject)
