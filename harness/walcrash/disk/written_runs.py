"""Written runs: which call wrote which bytes of one file, as runs in order.

Not here: what they wrote (`versions`).
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple


class Run(NamedTuple):
    """A run of bytes, from `start` to `end`, that one call wrote, by its number."""

    start: int
    end: int
    call: int


class WrittenRuns:
    """The runs of one file; they do not overlap."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def put(self, start: int, end: int, call: int) -> None:
        """Note that a call wrote these bytes, whoever wrote them before."""
        if start >= end:
            return
        first = bisect_right(self._runs, start, key=lambda run: run.end)
        last = bisect_left(self._runs, end, key=lambda run: run.start)
        new = [Run(start, end, call)]
        if first < last:
            left, right = self._runs[first], self._runs[last - 1]
            if left.start < start:
                new.insert(0, Run(left.start, start, left.call))
            if right.end > end:
                new.append(Run(end, right.end, right.call))
        self._runs[first:last] = new

    def cut(self, size: int) -> None:
        """Note that the file has so many bytes left."""
        first = bisect_left(self._runs, size, key=lambda run: run.start)
        del self._runs[first:]
        if self._runs and self._runs[-1].end > size:
            last = self._runs[-1]
            self._runs[-1] = Run(last.start, size, last.call)

    def runs(self) -> tuple[Run, ...]:
        """Return the runs in order; what one call wrote side by side is one."""
        found: list[Run] = []
        for run in self._runs:
            before = found[-1] if found else None
            if before is not None and (before.end, before.call) == (run.start, run.call):
                found[-1] = Run(before.start, run.end, run.call)
            else:
                found.append(run)
        return tuple(found)
