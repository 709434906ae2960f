"""Landings: facts as fields, words made of them, and the texts of older versions read once."""

import json
from dataclasses import replace

import pytest
from bundles import small_bundle
from old_forms import old_landing

from walcrash.values.case import Landing, Place, landing_at
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.log import LOG
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType

K = EventKind

APPEND = Operation(OperationKind.APPEND, Record(RecordType.DONE, "op-1", 1))

EVENTS = (
    Event(kind=K.CREATE, path="data,wal"),
    Event(kind=K.WRITE, path="data,wal, 3 bytes at 4", length=104, offset=208, result=104),
    Event(kind=K.WRITE, path="shm", length=8, offset=0, result=8, flags=MAPPED),
    Event(kind=K.WRITE, path="wal.log", length=9, offset=0, result=-28),
    Event(kind=K.MSYNC, path="shm", length=4096, offset=4096),
    Event(kind=K.TRUNCATE, path="log to 7 bytes", offset=12),
    Event(kind=K.ATTRIBUTE, path="wal.log", mode=0o600),
    Event(kind=K.ATTRIBUTE, path="wal.log"),
    Event(kind=K.RENAME, path="wal.log.tmp", path_to="wal.log"),
    Event(kind=K.RENAME, path="from a to b", path_to="c", result=-2),
    Event(kind=K.SYMLINK, path="here", path_to="there"),
    Event(kind=K.UNLINK, path=" a name with blanks ", result=-2),
    Event(kind=K.FSYNC, path="."),
    Event(kind=K.REPLY, length=2, result=2),
)


def landed(event: Event, operation: Operation | None = APPEND, loss: str | None = None) -> Landing:
    return landing_at(event, operation, boot=2, event_index=7, placement=Placement.AFTER, loss=loss)


def test_a_landing_has_the_facts_of_its_event_and_of_its_call() -> None:
    landing = landed(Event(kind=K.RENAME, path="a, b", path_to="c"))
    assert (landing.kind, landing.path, landing.path_to) == (K.RENAME, "a, b", "c")
    assert (landing.operation, landing.record) == (OperationKind.APPEND, RecordType.DONE)
    assert str(landing) == "boot 2, after event 7: rename a, b to c"
    assert landed(EVENTS[0], None).operation is None
    opened = landed(EVENTS[0], Operation(OperationKind.OPEN))
    assert (opened.operation, opened.record) == (OperationKind.OPEN, None)


def test_a_power_loss_of_which_nothing_is_said_is_a_power_loss_all_the_same() -> None:
    assert landed(EVENTS[0], loss="").is_power_loss
    assert not landed(EVENTS[0]).is_power_loss


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_the_words_are_those_of_the_event(event: Event) -> None:
    assert str(landed(event)) == f"boot 2, after event 7: {event}"


def test_a_place_is_written_as_scenario_files_have_it() -> None:
    within = replace(landed(EVENTS[1]), placement=Placement.WITHIN, kept_bytes=3)
    assert str(within.place) == "within write in append MarkDone"
    assert str(landed(EVENTS[-1], None).place) == "after reply in no call"
    assert str(Place(placement=Placement.BEFORE, kind=K.UNLINK, operation=OperationKind.OPEN)) == (
        "before unlink in open"
    )


@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("operation", [APPEND, Operation(OperationKind.OPEN), None])
@pytest.mark.parametrize("loss", [None, "nothing kept that was not synced"])
def test_a_landing_of_an_older_version_says_what_it_said(
    event: Event, operation: Operation | None, loss: str | None
) -> None:
    landing = landed(event, operation, loss)
    read = LOG.from_json(Landing, upgrade_facts(old_landing(landing)), "landing")
    assert str(read) == str(landing)
    assert read.place == landing.place
    assert (read.is_power_loss, read.loss) == (loss is not None, loss or "")


def test_landings_are_found_at_any_depth_and_nothing_else_is_touched() -> None:
    landing = landed(Event(kind=K.WRITE, path="data,wal", length=3, result=3))
    other = {"description": "a log", "kind": "write", "loss": "", "operation": "append x"}
    old = {"a": [other, {"landing": old_landing(landing)}], "b": [1, None, "text"]}
    read = upgrade_facts(json.loads(json.dumps(old)))
    assert isinstance(read, dict)
    assert read["a"][0] == other
    assert read["b"] == [1, None, "text"]
    assert LOG.from_json(Landing, read["a"][1]["landing"], "landing") == replace(landing, result=0)


def test_a_landing_that_has_its_facts_stays_as_it_is() -> None:
    now = [LOG.to_json(each) for each in small_bundle().finding.landings]
    assert upgrade_facts(now) == now
