"""Slow calls: what is held, and when it goes on.

A call that is to be slow is put aside before anything of it has happened: its thread waits, and the
calls of all others are answered as ever. Later it is handled as if it had just come. Its time is
virtual, so that a run is the same again and waits for nothing:

- Each event of the others is a millisecond.
- Where none of them can go on, the call goes on at once: they all wait for it, or for each other.
- Where they sleep for a time, or compute without a call, the time is real, and bounded.

Where threads race for a call, a boot with slow calls has them take turns, so that it comes out
alike: the first thread, which carries out the workload, goes on until it sleeps or has replied;
then the others do until all of them sleep; then the next operation begins. So does the main thread
of another process, such as a driver's, before the threads beside it: it is mostly the one that
replies. Their calls wait for that, each until the others have had a bounded time on a processor.

Not here: which calls are slow (`walcrash.values.faults.slow_call`), what the others do
(`waiting_threads`).

Source: `seccomp_unotify(2)`: a thread waits for its answer as long as it takes.
"""

import contextlib
import errno
import fcntl
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.late_answers import LateAnswers
from walcrash.recorder.shifted_time import Later
from walcrash.recorder.waiting_threads import (
    Others,
    Patience,
    WaitingThread,
    WaitingThreads,
    main_thread_of,
    threads_of,
)
from walcrash.values.event import EventKind

# limits
PAUSE_MS: Final = 1
"""Between two polls of what the others do, milliseconds."""

RESTLESS_SECONDS: Final = 0.05
"""How long those that a thread waits for run at most until it is its turn."""

STARVED_SECONDS: Final = 2.0
"""How long it waits at most by the clock, where they get no processor."""

RUNNING_SECONDS: Final = 0.25
"""How long others that compute without a call are waited for at least."""

SECONDS_PER_BOOT: Final = 2.0
"""For how long all slow calls of one boot are really held."""

HELD_AT_ONCE: Final = 64
"""Most calls that are held at the same time; others are not slow."""

Request = tuple[int, ...]
"""A notification's fields: `abi.NOTIFICATION`."""


class Aside(Exception, ABC):
    """The call at hand is put aside, and somebody answers it later."""

    @abstractmethod
    def put(self, holding: "Holding", request: Request, events: int) -> None:
        """Put it aside; `events` is how many there were so far."""


class Held(Aside):
    """The call at hand is slow: nothing of it has happened, and nobody answers it now."""

    def __init__(self, kind: EventKind, path: str, delay_ms: int) -> None:
        super().__init__(delay_ms)
        self.kind = kind
        self.path = path
        self.delay_ms = delay_ms

    def put(self, holding: "Holding", request: Request, events: int) -> None:
        """Put it aside for its time."""
        holding.keep(request, self.delay_ms, events)


class Postponed(Aside):
    """Nothing of the call happens; its result comes at another time."""

    def __init__(self, later: Later) -> None:
        super().__init__(later)
        self._later = later

    def put(self, holding: "Holding", request: Request, events: int) -> None:
        """Have it answered at its time."""
        del events
        holding.answers.send_later(request[0], self._later)


class Parked(Aside):
    """A reply is recorded, and is answered with its result when the other threads sleep."""

    def __init__(self, result: int) -> None:
        super().__init__(result)
        self._result = result

    def put(self, holding: "Holding", request: Request, events: int) -> None:
        """Have it answered when the other threads sleep."""
        del events
        holding.park(request[0], request[1], self._result)


@dataclass(frozen=True, slots=True)
class _ParkedReply:
    id_: int
    tid: int
    result: int
    patience: Patience


@dataclass(frozen=True, slots=True)
class _WaitingCall:
    """A call that is not made before some threads sleep, or have had their time."""

    request: Request
    ahead: tuple[WaitingThread, ...]
    patience: Patience

    def are_asleep(self) -> bool:
        """Whether those threads sleep; each is polled."""
        polled = [thread.is_asleep() for thread in self.ahead]
        return all(polled)


@dataclass(frozen=True, slots=True)
class _HeldCall:
    request: Request
    due_events: int
    due_at: float

    @property
    def tid(self) -> int:
        return self.request[1]


class Holding:
    """The slow calls of one boot that are under way.

    Attributes:
        answers: what the boot's calls are answered by.
    """

    def __init__(self, listener: int, first: int, family: Callable[[], Iterable[int]]) -> None:
        """Begin a boot.

        Args:
            listener: hands over the calls.
            first: the thread that carries out the workload.
            family: returns the processes that may go on meanwhile.
        """
        self._listener = listener
        self._family = family
        self._calls: list[_HeldCall] = []
        self._parked: _ParkedReply | None = None
        self._waiting: deque[_WaitingCall] = deque()
        self.answers = LateAnswers(listener)
        self._first = first
        self._chosen: Request | None = None
        self._at_hand: Request | None = None
        self._is_slow = False
        self._threads = WaitingThreads()
        self._left_seconds = SECONDS_PER_BOOT
        self._polled_at = 0.0
        self._keeps_out = False

    def __bool__(self) -> bool:
        """Whether any call is held, or waits for its turn, or a reply is."""
        return bool(self._calls or self._waiting or self.answers) or self._parked is not None

    @property
    def is_releasing(self) -> bool:
        """Whether the call at hand is one that was held."""
        return self._at_hand is not None and self._is_slow

    def may_hold(self) -> bool:
        """Whether one more call may be held."""
        return not self._keeps_out and len(self._calls) < HELD_AT_ONCE

    @contextlib.contextmanager
    def none_held(self) -> Iterator[None]:
        """Meanwhile hold no call: a part of it has happened that does not happen twice."""
        self._keeps_out = True
        try:
            yield
        finally:
            self._keeps_out = False

    def keep(self, request: Request, delay_ms: int, events: int) -> None:
        """Put a call aside; `events` is how many there were so far, its beginning included."""
        now = self._polled_at = time.monotonic()
        self._calls.append(_HeldCall(request, events + delay_ms, now + delay_ms / 1000))
        self._threads = WaitingThreads()

    def park(self, id_: int, tid: int, result: int) -> None:
        """Answer a reply later."""
        waiting = {tid, *(call.tid for call in self._calls)}
        others = Patience(
            lambda: threads_of(self._family()) - waiting, RESTLESS_SECONDS, STARVED_SECONDS
        )
        self._parked = _ParkedReply(id_, tid, result, others)
        self._threads = WaitingThreads()

    def has_to_wait(self, request: Request) -> bool:
        """Whether it is not the turn of the thread that makes a call; then it waits for it."""
        if request[1] == self._first or self._parked is not None:
            return False
        main = main_thread_of(request[1])
        ahead = {self._first, main} - {request[1]}
        patience = Patience(lambda: ahead, RESTLESS_SECONDS, STARVED_SECONDS)
        call = _WaitingCall(request, tuple(map(WaitingThread, ahead)), patience)
        call.are_asleep()
        # Asleep in its own call, the main thread would let the others go first.
        (self._waiting.appendleft if request[1] == main else self._waiting.append)(call)
        return True

    def _next_turn(self, *, is_quiet: bool) -> Request | None:
        """Return a call whose turn it is."""
        if not self._waiting:
            return None
        call = self._waiting[0]
        # Where a call waits to be taken, a thread may be asleep in that.
        is_asleep = is_quiet and call.are_asleep()
        is_turn = self._parked is not None or is_asleep
        if not is_turn and not call.patience.is_over():
            return None
        self._waiting.popleft()
        return call.request

    def release_due(self, events: int, *, is_quiet: bool) -> bool:
        """Choose the call that goes on now, the one that was held first; return whether one does.

        Args:
            events: how many events there were so far.
            is_quiet: whether nobody has made a call since the last poll.
        """
        self.answers.send_due()
        if (turn := self._next_turn(is_quiet=is_quiet)) is not None:
            self._chosen, self._is_slow = turn, False
            return True
        if self._waiting:
            return False
        due = next((call for call in self._calls if call.due_events <= events), None)
        if due is None and self._parked is not None:
            self._answer_parked(self._parked)
        elif due is None and is_quiet and self._calls:
            due = self._quiet_due()
        if due is None:
            return False
        self._calls.remove(due)
        if not _is_waiting(self._listener, due.request[0]):
            return False
        self._chosen, self._is_slow = due.request, True
        return True

    def next_request(self) -> Request | None:
        """Return the call that goes on now, slow or not; None where the next one is a new one.

        Until this is asked again, it is that call which is at hand.
        """
        self._at_hand, self._chosen = self._chosen, None
        return self._at_hand

    def _answer_parked(self, parked: _ParkedReply) -> None:
        """Answer a reply where all others sleep, or where they never do."""
        tids = [parked.tid, *(call.tid for call in self._calls)]
        others = self._threads.poll(self._family(), tids)
        if others is not Others.RUN or parked.patience.is_over():
            self._parked = None
            self._threads = WaitingThreads()
            self.answers.send(parked.id_, parked.result)

    def _quiet_due(self) -> _HeldCall | None:
        """Return the call whose time is over, though the others make no calls."""
        now, first = time.monotonic(), min(self._calls, key=lambda call: call.due_at)
        self._left_seconds -= now - self._polled_at
        self._polled_at = now
        others = self._threads.poll(self._family(), [call.tid for call in self._calls])
        if others is Others.CANNOT_GO_ON or self._left_seconds <= 0:
            return first
        patience = 0.0 if others is Others.SLEEP_FOR_A_TIME else RUNNING_SECONDS
        return first if now >= first.due_at + patience else None


def _is_waiting(listener: int, id_: int) -> bool:
    """Whether the thread that made a call is still there."""
    try:
        fcntl.ioctl(listener, abi.NOTIF_ID_VALID, abi.NOTIFICATION_ID.pack(id_))
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return False
        raise
    return True
