"""Calls in a thread's name: what the harness does to a worker's memory between two of its steps.

A thread that waits for our answer to a call is traced while it makes that call. When it has made
it, it stops, and makes other calls that we ask for, before it goes on from where it was: with the
registers that it had, and untraced. So its process sees what these calls did and nothing else.

These calls must be none that the filter hands over, since nobody would answer them meanwhile.
A signal that arrives meanwhile is delivered at the end; of several the last one is.

Not here: what is asked for (`unreadable_pages`).

Source: `ptrace(2)`: PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_SYSCALL, PTRACE_EVENT_STOP.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from walcrash.recorder import abi, tracing
from walcrash.recorder.tracing import NotTraced

_AT_CALL = signal.SIGTRAP | 0x80


class StoppedThread:
    """A thread between two of its steps; made by `stopped_behind_call`."""

    def __init__(self, tid: int) -> None:
        self._tid = tid
        self._known = tracing.register_file()
        self._own = tracing.registers_of(tid)
        self._is_checked = False
        self.signal = 0

    @property
    def result(self) -> int:
        """What the call returned that it had waited in; a negative errno if that failed."""
        return _signed(self._own[self._known.result])

    def call(self, name: str, *arguments: int) -> int:
        """Have the thread make a call; return its result, or a negative errno.

        Raises:
            NotTraced: the thread does not stand behind an instruction that makes calls.
            OSError: it is gone.
        """
        self._be_before(name, arguments)
        self._go_to_call()
        self._go_to_call()
        return _signed(tracing.registers_of(self._tid)[self._known.result])

    def repeat(self, name: str, *arguments: int) -> None:
        """Have the thread make a call, and go on behind it as if it had made that by itself.

        Raises:
            NotTraced: as `call`.
            OSError: it is gone.
        """
        self._be_before(name, arguments)

    def get(self, at: int, length: int) -> bytes:
        """Return what lies in the memory of its process.

        Raises:
            OSError: it is gone, or has no memory there.
        """
        return _memory(self._tid, at, length)

    def put(self, at: int, data: bytes) -> None:
        """Put bytes into the memory of its process.

        Raises:
            OSError: it is gone, or has no memory there.
        """
        with open(f"/proc/{self._tid}/mem", "r+b", buffering=0) as memory:
            memory.seek(at)
            memory.write(data)

    def _be_before(self, name: str, arguments: tuple[int, ...]) -> None:
        """Give the thread the registers with which it makes a call next."""
        table, known = abi.architecture(), self._known
        assert table is not None, "registers are known"
        at = self._own[known.at] - len(known.instruction)
        if not self._is_checked:
            if self.get(at, len(known.instruction)) != known.instruction:
                raise NotTraced("the call was made by no instruction that can be made again")
            self._is_checked = True
        words = list(self._own)
        words[known.at] = at
        words[known.number] = table.numbers[name]
        for place, argument in zip(known.arguments, arguments, strict=False):
            words[place] = argument
        if known.made >= 0:
            # No call is under way that the kernel might make again.
            words[known.made] = (1 << 64) - 1
        tracing.set_registers(self._tid, words)

    def restore(self) -> None:
        """Give the thread the registers that it had.

        Raises:
            OSError: it is gone.
        """
        tracing.set_registers(self._tid, self._own)

    def _go_to_call(self) -> None:
        """Let the thread go on to where it begins a call, or ends one."""
        while True:
            tracing.request(tracing.SYSCALL, self._tid, 0, 0)
            _, status = os.waitpid(self._tid, tracing.ALL)
            if not os.WIFSTOPPED(status):
                raise ProcessLookupError("the thread was killed")
            if os.WSTOPSIG(status) == _AT_CALL:
                return
            if not status >> 16:
                self.signal = os.WSTOPSIG(status)


@contextlib.contextmanager
def stopped_behind_call(tid: int, let_go_on: Callable[[], object]) -> Iterator[StoppedThread]:
    """Let a thread make the call that it waits in, and have it stopped behind that.

    Args:
        tid: the thread, which waits in its call for an answer.
        let_go_on: gives the answer, that it may make the call; done also where it is not traced.

    Raises:
        NotTraced: the kernel refuses, or the thread is gone; the call was made unseen.
    """
    try:
        tracing.register_file()
        tracing.request(tracing.SEIZE, tid, 0, tracing.OPTION_MARKED_CALLS)
    except (OSError, NotTraced) as problem:
        let_go_on()
        raise NotTraced(f"ptrace: {problem}") from None
    with contextlib.suppress(OSError):
        tracing.request(tracing.INTERRUPT, tid, 0, 0)
    let_go_on()
    _, status = os.waitpid(tid, tracing.ALL)
    if not os.WIFSTOPPED(status):
        raise NotTraced("the thread was killed")
    number = 0 if status >> 16 == tracing.EVENT_STOP else os.WSTOPSIG(status)
    thread: StoppedThread | None = None
    try:
        thread = StoppedThread(tid)
        thread.signal = number
        yield thread
        thread.restore()
    except OSError as problem:
        raise NotTraced(f"ptrace: {problem}") from None
    finally:
        tracing.detach(tid, number if thread is None else thread.signal)


def _memory(tid: int, at: int, length: int) -> bytes:
    with open(f"/proc/{tid}/mem", "rb", buffering=0) as memory:
        memory.seek(at)
        return memory.read(length)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
