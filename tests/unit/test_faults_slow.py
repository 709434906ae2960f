"""Slow calls: where they fall, what goes on meanwhile, what a slow sync covers, how it is told."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from disk_events import fsync, write
from scenario_faults import loaded
from test_disk_failed_syncs import left
from test_disk_models import OLD, contents
from watching import outcome, run_watched, say

from walcrash.recorder.zygote import Zygote
from walcrash.tools.bench.cases import SCENARIO
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import case_from_json, case_to_json
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.errors import ScenarioError
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import (
    SLOW_CALLS,
    Attempt,
    FaultCall,
    FaultKind,
    FaultPlan,
    Instead,
    SlowCall,
)
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.slow_io import most_telling, slow_calls
from walcrash.workload.draw import draw_case
from walcrash.workload.profile import Profile

OPEN, CLOSE = Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)
K = EventKind
LONG_MS = 60_000


def slow(**changes: object) -> SlowCall:
    known: dict[str, object] = {
        "boot": 0,
        "call": 0,
        "on": FaultCall.FSYNC,
        "delay_ms": 12,
    }
    return SlowCall(**{**known, **changes})  # type: ignore[arg-type]


def begins(path: str, file: int, *, kind: EventKind = K.FSYNC, thread: int = 1) -> Event:
    return Event(
        kind=K.SLOW, path=path, file=file, length=12, data=kind.value.encode(), thread=thread
    )


def by(thread: int, event: Event, call: int = 1) -> Event:
    return replace(event, thread=thread, call=call)


# The fault.


def test_a_slow_call_is_stored_and_read_as_it_is() -> None:
    case = Case("s", 0, 1, (BootPlan((OPEN, CLOSE)),), (slow(), slow(times=None, files="*.log")))
    assert case_from_json(case_to_json(case)) == case
    assert slow().injection().instead(Attempt(K.FDATASYNC, 0, "a")) == Instead(delay_ms=12)
    assert str(slow()) == "a slow (12 ms) fsync 1 from call 0 of boot 1 on"


def test_a_simpler_slow_call_is_at_the_operation_in_which_it_began_and_takes_less_time() -> None:
    events = [
        by(0, fsync("a", 0), 3),
        by(0, fsync("a", 0), 4),
        by(1, begins("a", 0), 4),
        by(0, fsync("b", 1), 5),
        by(1, fsync("a", 0), 6),
    ]
    assert list(slow(ordinal=2, times=None).simpler(events)) == [
        slow(ordinal=2),
        slow(call=4, ordinal=1, times=None),
        slow(ordinal=2, times=None, delay_ms=1),
        slow(ordinal=2, times=None, delay_ms=10),
    ]


def test_a_scenario_says_which_calls_are_slow_and_for_how_long(tmp_path: Path) -> None:
    text = 'kind = "slow"\ncalls = ["fsync"]\ndelay_ms = [1, 5]\ntimes = "from then on"\n'
    assert loaded(tmp_path, text) == (
        FaultPlan(kind=FaultKind.SLOW, calls=(FaultCall.FSYNC,), times=None, delay_ms=(1, 5)),
    )


def test_where_a_scenario_does_not_say_how_many_calls_one_is_slow_or_all_from_then_on(
    tmp_path: Path,
) -> None:
    def times(text: str) -> set[int | None]:
        (plan,) = loaded(tmp_path, text)
        drawn = replace(SCENARIO, faults=(plan,))
        cases = [
            draw_case(drawn, supports=frozenset(), profile=Profile(), master_seed="s", index=index)
            for index in range(40)
        ]
        return {fault.times for case in cases for fault in case.faults}

    assert times('kind = "slow"\n') == {1, None}
    assert times('kind = "slow"\ntimes = "once"\n') == {1}
    assert times('kind = "slow"\ntimes = 3\n') == {3}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ('calls = ["read"]', "can be slow; found `read`; allowed: " + '"fsync", "write"'),
        ("delay_ms = [0, 5]", "1 to 60000"),
        ('errors = ["EIO"]', "falls into a call and has no `errors`; allowed: calls, delay_ms"),
    ],
)
def test_what_cannot_be_slow_is_refused_with_what_can(
    tmp_path: Path, fault: str, words: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, f'kind = "slow"\n{fault}\n')
    assert words in " ".join(str(caught.value).split())


# What goes on meanwhile.


def sync_beside_writes() -> object:
    """Sync in one thread; write in the other, and wait for the first one."""
    fd = os.open("log", os.O_RDWR | os.O_CREAT)
    say(b"")
    thread = threading.Thread(target=os.fsync, args=(fd,))
    thread.start()
    time.sleep(0.02)
    os.write(fd, b"meanwhile")
    say(b"")
    thread.join()
    os.write(fd, b"afterwards")
    return "done"


def test_others_go_on_while_a_call_is_slow_and_it_returns_when_they_wait_for_it(
    zygote: Zygote, tmp_path: Path
) -> None:
    began = time.monotonic()
    seen = run_watched(zygote, sync_beside_writes, tmp_path, faults=[slow(delay_ms=LONG_MS)])
    assert seen.result == "done"
    assert [str(event) for event in seen.recording.events()[2:-1]] == [
        "a slow fsync of log begins (60,000 ms)",
        "write log, 9 bytes at 0",
        "reply",
        "fsync log",
        "write log, 10 bytes at 9",
    ]
    assert time.monotonic() - began < LONG_MS / 1000
    assert seen.recording.outlasted() == 1


def each_slow_call() -> object:
    """Make each call that can be slow, alone in the process."""
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"hello")
    os.posix_fallocate(fd, 0, 100)
    os.fdatasync(fd)
    os.truncate("a", 3)
    os.rename("a", "b")
    os.link("b", "c")
    os.unlink("c")
    os.mkdir("d")
    os.lseek(fd, 0, os.SEEK_SET)
    return outcome(lambda: os.read(fd, 10)), sorted(os.listdir("."))


@pytest.mark.parametrize("on", SLOW_CALLS)
def test_a_process_that_is_alone_waits_for_nothing_and_sees_what_it_saw_before(
    zygote: Zygote, tmp_path: Path, on: FaultCall
) -> None:
    fault = slow(on=on, delay_ms=LONG_MS, times=None)
    seen = run_watched(zygote, each_slow_call, tmp_path, faults=[fault])
    assert seen.result == (b"hel", ["b", "d"])
    begun = [at for at, event in enumerate(seen.events) if event.kind is K.SLOW]
    assert begun
    assert {seen.events[at].begins for at in begun} <= on.kinds
    assert all(seen.events[at + 1].kind is seen.events[at].begins for at in begun)
    assert seen.recording.outlasted() == 0


# What a slow sync covers.

BEFORE, MEANWHILE = write("log", 0, 0, b"aaaa"), write("log", 0, 4, b"bbbb")
DURING = [BEFORE, begins("log", 0), MEANWHILE]


@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_a_slow_sync_promises_nothing_before_it_returns(model: Model) -> None:
    old = contents(left(OLD, [], model), "log")
    assert old <= contents(left(OLD, DURING, model), "log")


@pytest.mark.parametrize("kind", [K.FSYNC, K.FDATASYNC])
@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_a_slow_sync_makes_durable_what_was_there_when_it_began(
    model: Model, kind: EventKind
) -> None:
    done = by(1, Event(kind=kind, path="log", file=0))
    found = contents(
        left(OLD, [BEFORE, begins("log", 0, kind=kind), MEANWHILE, done], model), "log"
    )
    assert all(isinstance(each, bytes) and each.startswith(b"aaaa") for each in found)
    assert any(isinstance(each, bytes) and b"bbbb" not in each for each in found)
    assert any(isinstance(each, bytes) and each.startswith(b"aaaabbbb") for each in found)


@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_another_threads_sync_that_began_later_covers_it_all(model: Model) -> None:
    found = contents(left(OLD, [*DURING, by(2, fsync("log", 0))], model), "log")
    assert all(isinstance(each, bytes) and each.startswith(b"aaaabbbb") for each in found)


def test_images_of_a_stricter_model_are_those_of_a_weaker_one_while_a_sync_is_slow() -> None:
    other = write("other", 1, 0, b"cccc")
    events = [*DURING, other, by(1, fsync("log", 0)), write("log", 0, 8, b"dddd")]
    for count in range(len(events) + 1):
        strict, middle, weak = (
            left(OLD, events[:count], model) for model in (Model.ORDERED, Model.EXT4, Model.POSIX)
        )
        assert all(image in middle for image in strict)
        assert all(image in weak for image in middle)


# How they are told.


def test_a_slow_call_is_told_with_what_was_answered_and_written_meanwhile() -> None:
    events = [
        by(0, write("wal.log", 0, 0, b"a")),
        by(1, begins("wal.log", 0)),
        by(0, Event(kind=K.REPLY), 1),
        by(0, write("wal.log", 0, 1, b"b"), 2),
        by(0, Event(kind=K.REPLY), 2),
        by(1, fsync("wal.log", 0), 3),
        by(0, begins("state", 1, kind=K.WRITE), 3),
    ]
    operations = (OPEN, Operation(OperationKind.SYNC), CLOSE)
    told = slow_calls(events, operations, boot=2)
    assert [str(each) for each in told] == [
        "the 1st fsync of wal.log took 12 ms (boot 2, call 1: sync): calls 1 and 2 were answered "
        "meanwhile, and 1 write to it came after it had begun",
        "the 1st write of state takes 12 ms (boot 2, call 3): it had not returned",
    ]
    assert most_telling(told) is told[1]
