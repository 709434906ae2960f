"""Work ahead: pieces of work that jobs have before it is their turn, taken back in order.

What comes back is in the order of the work, whatever the number of jobs and whichever job was
faster. A piece is drawn only when it can be handed out, so it can depend on what came back before.

Not here: the jobs (`pool`), what the work is.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from walcrash.campaign.pool import JobPool

W = TypeVar("W")
T = TypeVar("T")

# limits
PIECES_AHEAD: Final = 2
"""Pieces handed out for each job before the oldest is taken back."""


class WorkAhead(Generic[W, T]):
    """Iterate it for each piece of work with what came of it; None after an interrupt."""

    def __init__(
        self,
        pool: JobPool,
        function: Callable[[W], T],
        work: Iterable[W],
        *,
        jobs: int,
        pieces_ahead: int = PIECES_AHEAD,
    ) -> None:
        """Prepare; nothing is handed out yet.

        Args:
            pool: where the work goes.
            function: is called with each piece in a job process.
            work: all pieces, in order.
            jobs: how many processes the pool has.
            pieces_ahead: see `PIECES_AHEAD`.
        """
        self._pool = pool
        self._function = function
        self._work = iter(work)
        self._most = jobs * pieces_ahead
        self._pending: deque[tuple[W, Future[T]]] = deque()

    def __iter__(self) -> Iterator[tuple[W, T | None]]:
        """Hand out and take back until no work is left.

        Raises:
            HarnessFault: a job process has died.
            Exception: whatever the work raised.
        """
        while True:
            while len(self._pending) < self._most:
                piece = next(self._work, None)
                if piece is None:
                    break
                self._pending.append((piece, self._pool.submit(self._function, piece)))
            if not self._pending:
                return
            done, future = self._pending.popleft()
            yield done, self._pool.result(future)

    def stop(self) -> bool:
        """Cancel what has not begun; return whether there was work left, handed out or not."""
        is_any_left = bool(self._pending) or next(self._work, None) is not None
        for _, future in self._pending:
            future.cancel()
        return is_any_left

    def wait(self) -> None:
        """Wait for what has been handed out, and drop it; a job behind its deadline is ended."""
        for _, future in self._pending:
            # What it raises is dropped as what it returns.
            with contextlib.suppress(Exception):
                self._pool.result(future)
