"""Work that is handed out ahead comes back in order, is drawn late, and can be stopped."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from walcrash.campaign.jobs import make_executor
from walcrash.campaign.pool import JobPool, interruptible_jobs
from walcrash.campaign.work_ahead import PIECES_AHEAD, WorkAhead
from walcrash.case.deadline import Deadline, TimeOver

JOBS = 3


@pytest.fixture
def pool() -> Iterator[JobPool]:
    with JobPool(ThreadPoolExecutor, JOBS) as made:
        yield made


def test_what_comes_back_is_in_the_order_of_the_work_whoever_is_faster(pool: JobPool) -> None:
    is_last_done = threading.Event()

    def square(number: int) -> int:
        if number == 0:
            assert is_last_done.wait(10.0)
        if number == PIECES_AHEAD * JOBS - 1:
            is_last_done.set()
        return number * number

    ahead = WorkAhead(pool, square, range(20), jobs=JOBS)
    assert list(ahead) == [(number, number * number) for number in range(20)]
    assert not ahead.stop()


def test_work_is_drawn_when_it_can_be_handed_out_and_not_before(pool: JobPool) -> None:
    drawn: list[int] = []

    def work() -> Iterator[int]:
        for number in range(20):
            drawn.append(number)
            yield number

    results = iter(WorkAhead(pool, abs, work(), jobs=JOBS))
    assert drawn == []
    for number in range(4):
        assert next(results) == (number, number)
        assert drawn == list(range(PIECES_AHEAD * JOBS + number))


@pytest.mark.parametrize(("taken", "is_any_left"), [(0, True), (1, True), (3, True), (4, False)])
def test_stopping_says_whether_work_was_left(
    pool: JobPool, taken: int, *, is_any_left: bool
) -> None:
    ahead = WorkAhead(pool, abs, range(4), jobs=1)
    results = iter(ahead)
    assert [next(results)[1] for _ in range(taken)] == list(range(taken))
    assert ahead.stop() is is_any_left


def test_what_has_not_begun_when_work_is_stopped_is_never_done() -> None:
    begun: list[int] = []
    may_end = threading.Event()

    def wait(number: int) -> int:
        begun.append(number)
        assert not number or may_end.wait(10.0)
        return number

    with JobPool(ThreadPoolExecutor, 1) as pool:
        ahead = WorkAhead(pool, wait, range(9), jobs=1)
        assert next(iter(ahead)) == (0, 0)
        ahead.stop()
        may_end.set()
    assert begun in ([0], [0, 1])


def test_an_interrupt_ends_the_waiting(pool: JobPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("walcrash.campaign.pool.GRACE_SECONDS", 0.1)
    may_end = threading.Event()
    ahead = WorkAhead(pool, lambda _: may_end.wait(10.0), range(2 * JOBS), jobs=JOBS)
    results = iter(ahead)
    pool.interrupt()
    assert next(results) == (0, None)
    with pytest.raises(KeyboardInterrupt):
        pool.run(may_end.wait, 10.0)
    may_end.set()


def test_ctrl_c_in_a_block_with_jobs_interrupts_them() -> None:
    seen: list[JobPool] = []

    def press_ctrl_c() -> None:
        with interruptible_jobs(ThreadPoolExecutor, 1) as pool:
            seen.append(pool)
            assert pool.run(abs, -1) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c()
    assert seen[0].is_interrupted


def test_what_the_work_raises_is_raised_where_it_is_taken_back(pool: JobPool) -> None:
    results = iter(WorkAhead(pool, abs, [1, "no number"], jobs=1))  # type: ignore[arg-type]
    assert next(results) == (1, 1)
    with pytest.raises(TypeError):
        next(results)


def test_waiting_for_what_was_handed_out_ends_a_job_that_goes_on_behind_its_deadline() -> None:
    with JobPool(make_executor, 2) as pool:
        pool.deadline = Deadline(at=time.monotonic() + 1.0)
        ahead = WorkAhead(pool, time.sleep, [0.0, 1e6], jobs=2)
        with contextlib.suppress(TimeOver):
            assert next(iter(ahead)) == (0.0, None)
        ahead.stop()
        ahead.wait()
