"""Forked ahead: a process that is there before it is needed, and waits for its turn.

While one process works, the next is forked and made ready, so that nobody waits for the fork.

Not here: what it does to be ready and what it does then (`zygote_main`, `fork_server`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from walcrash.recorder.descendants import ending_here


@dataclass(frozen=True, slots=True)
class ForkedAhead:
    """A process that waits.

    Attributes:
        pid: its id.
        turn: where it is told that its turn has come; whoever forked it closes this. That alone
            does not end the process, since what was forked meanwhile holds it open too.
    """

    pid: int
    turn: int

    def tell(self, message: bytes) -> None:
        """Write to the process.

        Raises:
            BrokenPipeError: it is gone.
        """
        left = memoryview(message)
        while left:
            left = left[os.write(self.turn, left) :]


def fork_ahead(work: Callable[[int], object]) -> ForkedAhead:
    """Fork a process that runs `work` and is gone.

    Args:
        work: is called in the new process with what that process reads from: the other end of
            `ForkedAhead.turn`.
    """
    turn, give = os.pipe()
    pid = os.fork()
    if pid == 0:
        with ending_here():
            os.close(give)
            work(turn)
    os.close(turn)
    return ForkedAhead(pid, give)
