"""In boots with slow calls a driver's main thread has its turn before the threads beside it."""

import pytest

from walcrash.recorder import holding, waiting_threads
from walcrash.recorder.holding import Holding, Request

OURS, MAIN, FLUSHER = 1, 2, 3
"""The thread that carries out the workload, and the two of a driver."""


def call_of(tid: int) -> Request:
    return (10 * tid, tid)


def next_tid(waiting: Holding) -> int | None:
    """Return whose call goes on, where nobody makes a new one."""
    if not waiting.release_due(0, is_quiet=True):
        return None
    request = waiting.next_request()
    assert request is not None
    return request[1]


def test_a_main_thread_replies_before_the_next_call_of_a_thread_that_woke_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleeps = {OURS: ("read", "1"), MAIN: None, FLUSHER: ("seccomp", "1")}
    monkeypatch.setattr(waiting_threads, "_sleep_of", sleeps.get)
    monkeypatch.setattr(waiting_threads, "_ran_seconds", lambda _: 0.0)
    monkeypatch.setattr(holding, "main_thread_of", {MAIN: MAIN, FLUSHER: MAIN}.get)
    waiting = Holding(-1, OURS, list)

    assert not waiting.has_to_wait(call_of(OURS))
    # It has woken the main thread, which runs, and comes with its sync at once.
    assert waiting.has_to_wait(call_of(FLUSHER))
    assert next_tid(waiting) is None
    assert next_tid(waiting) is None
    # The main thread sleeps in the call that carries its reply: that one goes first.
    sleeps[MAIN] = ("seccomp", "2")
    assert waiting.has_to_wait(call_of(MAIN))
    assert next_tid(waiting) == MAIN
    # It waits for the next request now.
    sleeps[MAIN] = ("read", "3")
    assert next_tid(waiting) is None
    assert next_tid(waiting) == FLUSHER
    assert not waiting
