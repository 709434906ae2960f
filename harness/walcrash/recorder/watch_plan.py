"""What a watch is asked for: what ends it, what happens in place of calls, how far it may go.

Not here: the watch itself (`supervisor`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from walcrash.values import limits
from walcrash.values.faults import AS_EVER, Around, End, Injection
from walcrash.values.tears import PAGE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """What ends the watch: a crash, or so many seconds without progress in one call.

    A kill within a write cuts it at a multiple of `tear_bytes` of its file.
    `injections` are asked, in order, what happens in place of each event of a file.
    Where a real device is recorded, `count` says how much has reached it, and is read before and
    after each event of a file; `sync_all` does what `sync(2)` is to do there.
    With `sees_reads` opens of files that are there, and reads, can fail too.
    With `reverts_files` a file whose sync fails goes back to what it was.
    `around` is what the boot has around it: another wall clock, random bytes that repeat.
    With `takes_turns` an operation of the workload begins when all other threads sleep.
    `ends_at` is when the watch ends as if there were no progress, by `time.monotonic()`.
    """

    crash: End | None
    seconds_per_call: float
    tear_bytes: int = PAGE_BYTES
    injections: tuple[Injection, ...] = ()
    sees_reads: bool = False
    takes_turns: bool = False
    reverts_files: bool = False
    around: Around = AS_EVER
    events: int = limits.EVENTS_PER_BOOT
    count: Callable[[], int] | None = None
    sync_all: Callable[[], object] = lambda: None
    ends_at: float | None = None
