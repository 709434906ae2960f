"""A thread that runs is waited for by its own time: a busy machine gives it less by the clock."""

import os
import threading
import time
from pathlib import Path

import pytest

from walcrash.recorder import waiting_threads
from walcrash.recorder.waiting_threads import Patience, threads_of


class Clock:
    """A clock, and a processor, that the test turns on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.ran: dict[int, float | None] = {7: 3.0, 8: 5.0}
        monkeypatch.setattr(waiting_threads.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(waiting_threads, "_ran_seconds", self.ran.get)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_thread_that_gets_no_processor_is_waited_for(clock: Clock) -> None:
    patience = Patience(lambda: [7], 0.05, 2.0)
    clock.now += 1.9
    assert not patience.is_over()
    clock.ran[7] = 3.04
    assert not patience.is_over()
    clock.ran[7] = 3.06
    assert patience.is_over()


def test_there_is_an_end_by_the_clock_also_without_any_processor(clock: Clock) -> None:
    patience = Patience(lambda: [7], 0.05, 2.0)
    clock.now += 2.0
    assert patience.is_over()


def test_several_threads_are_waited_for_together_and_one_that_has_ended_takes_nothing_back(
    clock: Clock,
) -> None:
    tids = [7, 8]
    patience = Patience(lambda: tids, 0.05, 2.0)
    clock.now += 0.1
    clock.ran.update({7: 0.0, 8: 5.03, 9: 0.03})
    assert not patience.is_over()
    tids.append(9)
    assert patience.is_over()


def test_where_the_kernel_does_not_say_the_clock_decides(clock: Clock) -> None:
    clock.ran[7] = None
    patience = Patience(lambda: [7], 0.05, 2.0)
    clock.now += 0.04
    assert not patience.is_over()
    clock.now += 0.02
    assert patience.is_over()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="no scheduler statistics")
def test_the_time_of_a_thread_on_a_processor_is_read_from_the_kernel() -> None:
    tid = threading.get_native_id()
    assert tid in threads_of([os.getpid()])
    before = waiting_threads._ran_seconds(tid)
    used = time.thread_time()
    while time.thread_time() - used < 0.02:
        pass
    after = waiting_threads._ran_seconds(tid)
    assert before is not None
    assert after is not None
    assert after - before >= 0.01
    assert waiting_threads._ran_seconds(2**22 + 1) == 0.0
