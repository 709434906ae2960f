"""Kinds of workers under watch: what their filter hands over, and what they have around them.

Not here: the worker (`zygote_main`), the filter (`filter`).
"""

from typing import Final, NamedTuple


class WorkerKind(NamedTuple):
    """What makes one worker another one than the next.

    Attributes:
        sees_reads: whether opens and reads are handed over.
        clock_shift_seconds: how far its wall clock is ahead.
        repeats_random: whether what asks for random bytes is handed over.
    """

    sees_reads: bool = False
    clock_shift_seconds: int = 0
    repeats_random: bool = False


PLAIN_WORKER: Final = WorkerKind()
