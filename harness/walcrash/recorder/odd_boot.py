"""Boots with another wall clock, or with random bytes that repeat: the answers to their calls.

The adapter's process has the other clock in its vDSO before it begins (`zygote_main`); a program
that is executed gets it before its first instruction. Where that fails the trace is incomplete.

Random bytes are one stream for each boot, from its beginning: the n-th byte that is asked for in
one boot is the n-th in any other. `/dev/urandom` and `/dev/random` are a file with the next piece
of it.

Not here: recoveries in other surroundings (`perturbed_calls`); timers set to a time on the wall
clock (timer_settime, timerfd_settime), file times, 32-bit programs.

Source: `getrandom(2)`, `random(4)`, `seccomp_unotify(2)`.
"""

import os
import random
from collections.abc import Mapping
from functools import partial
from typing import Final

from walcrash.recorder import abi, perturbed_filter
from walcrash.recorder.clock import NotShifted, shift_clock_of
from walcrash.recorder.executed import stop_after_execution
from walcrash.recorder.holding import Postponed
from walcrash.recorder.memory import write_exactly
from walcrash.recorder.processes import Process
from walcrash.recorder.shifted_time import Later, ShiftedTime, TimeHandler
from walcrash.recorder.supervisor import Handler, Supervisor
from walcrash.recorder.tracing import NotTraced
from walcrash.values.faults import Around

_SEED: Final = 0x77616C63726173680A
"""Of the stream that all boots with repeated bytes have."""

# limits
RANDOM_BYTES: Final = 1 << 25
"""Most that one call gets, as in the kernel."""

DEVICE_BYTES: Final = 1 << 16
"""How much of the stream a random device that is opened holds."""

DEVICES: Final = (b"/dev/urandom", b"/dev/random")

Arguments = tuple[int, ...]


def odd_handlers(
    supervisor: Supervisor, around: Around, others: Mapping[str, Handler]
) -> dict[int, Handler]:
    """Return what answers the calls of a boot that has something around it, by call number.

    Args:
        supervisor: what watches the boot.
        around: what it has around it.
        others: what answers calls in any boot, by name.
    """
    if not around.clock_shift_seconds and not around.repeats_random:
        return {}
    boot = _OddBoot(supervisor, around)
    table = abi.architecture()
    assert table is not None
    found: dict[int, Handler] = {
        table.numbers[name]: boot.execute for name in ("execve", "execveat")
    }
    if around.repeats_random:
        found[table.numbers["getrandom"]] = boot.getrandom
        for name, path_at in (("open", 0), ("openat", 1)):
            if name in table.numbers:
                found[table.numbers[name]] = partial(boot.open, others[name], path_at)
    if around.clock_shift_seconds:
        answers = ShiftedTime(around.clock_shift_seconds).by_name()
        found |= {
            number: partial(boot.tell_time, answers[name])
            for number, name in perturbed_filter.numbers().items()
            if name in answers
        }
    return found


class _OddBoot:
    def __init__(self, supervisor: Supervisor, around: Around) -> None:
        self._supervisor = supervisor
        self._around = around
        self._stream = random.Random(_SEED)  # noqa: S311 - that it repeats is the point

    def execute(self, process: Process, tid: int, a: Arguments, id_: int) -> int | None:
        """Let a program be executed, and give it the clock before it runs."""
        self._supervisor.forget_process(process)
        assert self._supervisor.holding is not None, "there is a fault"
        let_go_on = partial(self._supervisor.holding.answers.send, id_, None)
        try:
            stop_after_execution(tid, let_go_on, self._prepare)
        except NotTraced as problem:
            self._supervisor.unmodelled.add(f"a program with its own clock ({problem})")
        return None

    def _prepare(self, pid: int) -> None:
        try:
            shift_clock_of(
                pid,
                self._around.clock_shift_seconds,
                asks_for_random=self._around.repeats_random,
            )
        except NotShifted as problem:
            self._supervisor.unmodelled.add(f"a program with its own clock ({problem})")

    def tell_time(
        self, answer: TimeHandler, process: Process, tid: int, a: Arguments, _: int
    ) -> int | None:
        """Answer a call about the time, at once or later."""
        result = answer(tid, a)
        if isinstance(result, Later):
            raise Postponed(result)
        return result

    def getrandom(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        """Give the next bytes of the stream."""
        self._supervisor.has_asked_random = True
        data = self._stream.randbytes(min(a[1], RANDOM_BYTES))
        write_exactly(tid, a[0], data)
        return len(data)

    def open(
        self, other: Handler, path_at: int, process: Process, tid: int, a: Arguments, id_: int
    ) -> int | None:
        """Put a file with the next bytes of the stream in the place of a random device."""
        if process.read_path(a[path_at]) not in DEVICES:
            return other(process, tid, a, id_)
        self._supervisor.has_asked_random = True
        with open(os.memfd_create("random", os.MFD_CLOEXEC), "r+b", buffering=0) as file:
            file.write(self._stream.randbytes(DEVICE_BYTES))
            file.seek(0)
            return self._supervisor.inject(file.fileno(), a[path_at + 1] & os.O_CLOEXEC, id_)
