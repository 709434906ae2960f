"""The recoverers of one sandbox: which kinds there are, and which of them run.

A recoverer is a process that opens image after image itself, one whose fork opens each image, or
one that starts a driver for each, or makes a copy of one that has started.

Not here: how the harness talks with one (`recoverer`), which kind a recovery has (`sandbox`).
"""

import os
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from walcrash.case.recoverer import Recoverer
from walcrash.recorder.zygote import Zygote
from walcrash.values.varied import Varied

CLOCK_BACK_SECONDS: Final = 25 * 3600
"""How far a wall clock goes back: names with a day or an hour of it are others, too."""


class Around(Enum):
    """What is around a recoverer."""

    HERE = "here"
    PERTURBED = "perturbed"
    CLOCK_BACK = "clock back"


class Serves(Enum):
    """How a recoverer opens images; the value is its entry, and what that is told."""

    ITSELF = ("walcrash.subjects.worker:serve", b"")
    IN_FORKS = ("walcrash.recorder.fork_server:serve", b"walcrash.subjects.worker:run_one")
    IN_DRIVERS = ("walcrash.recorder.work_server:serve", b"walcrash.subjects.driver_boots:run_next")
    IN_COPIES = ("walcrash.recorder.work_server:serve", b"walcrash.case.copied_boots:run_next")


class RecovererKind(NamedTuple):
    """Which recoverer: what is around it, and how it opens images."""

    around: Around
    serves: Serves

    @property
    def has_one_subject(self) -> bool:
        """Whether it has one subject only: what is varied around it is said of that."""
        return self.around is not Around.HERE or self.serves is Serves.IN_COPIES

    @property
    def outlives_failures(self) -> bool:
        """Whether it goes on after a recovery that failed.

        Of one without forks nobody knows what the failure left in its memory.
        """
        return self.serves in (Serves.IN_FORKS, Serves.IN_COPIES)


class Recoverers:
    """The processes that open images."""

    def __init__(self, zygotes: Sequence[Zygote]) -> None:
        """Begin with none; `zygotes` are that of the first environment and that of the second."""
        self._zygotes = zygotes
        self._running: dict[RecovererKind, Recoverer] = {}
        self._varied: dict[str, frozenset[Varied]] = {}

    def close(self) -> None:
        """Hang up on all of them; who forked them ends them."""
        for recoverer in self._running.values():
            recoverer.close()

    def __getitem__(self, kind: RecovererKind) -> Recoverer:
        """Return the one of a kind, which is there."""
        return self._running[kind]

    def known(self, kind: RecovererKind, memory_mb: int, subject: str) -> Recoverer | None:
        """Return the one that is there for a subject, with so much memory; None if none is."""
        known = self._running.get(kind)
        if known is None or known.memory_mb != memory_mb:
            return None
        return None if kind.has_one_subject and known.subject != subject else known

    def get(self, kind: RecovererKind, memory_mb: int, subject: str) -> Recoverer:
        """Return one for a subject; where it is not there it takes the place of that of its kind.

        Raises:
            HarnessFault: no process can be started.
        """
        known = self.known(kind, memory_mb, subject)
        if known is not None:
            return known
        self.end(kind)
        entry, payload = kind.serves.value
        is_back = kind.around is Around.CLOCK_BACK
        notes = None if kind.around is Around.HERE else os.memfd_create("varied")
        try:
            pid, channel = self._zygote_of(kind).serve(
                entry,
                payload,
                memory_mb=memory_mb,
                is_silent=True,
                notes=notes,
                clock_shift_seconds=-CLOCK_BACK_SECONDS if is_back else None,
            )
        except BaseException:
            if notes is not None:
                os.close(notes)
            raise
        made = self._running[kind] = Recoverer(
            pid, channel, memory_mb, subject, notes, is_clock_back=is_back
        )
        return made

    def varied(self, subject: str) -> frozenset[Varied]:
        """Return what was varied around the recoveries of a subject so far, for which program.

        Raises:
            HarnessFault: what answers a process in the second environment has failed.
        """
        running = [each.varied() for each in self._running.values() if each.subject == subject]
        return frozenset().union(self._varied.get(subject, frozenset()), *running)

    def end_all(self) -> None:
        """End all of them."""
        for kind in list(self._running):
            self.end(kind)

    def end_shared(self) -> None:
        """End those that keep what a subject began: an image that is open, a driver that waits.

        A driver may hold something outside its directory from its start on, as a file with its
        process id or a semaphore, and another start would find that.
        A fork server stays: it has opened no image, and ends what each of its forks leaves.
        """
        for kind in list(self._running):
            if kind.serves in (Serves.ITSELF, Serves.IN_COPIES):
                self.end(kind)

    def end(self, kind: RecovererKind) -> int:
        """End the one of a kind, if there is one; return its wait status, 0 if there is none."""
        recoverer = self._running.pop(kind, None)
        if recoverer is None:
            return 0
        key = recoverer.subject
        try:
            self._varied[key] = self._varied.get(key, frozenset()) | recoverer.varied()
        finally:
            recoverer.close()
            status = self._zygote_of(kind).finish(recoverer.pid)
        return status

    def _zygote_of(self, kind: RecovererKind) -> Zygote:
        return self._zygotes[1 if kind.around is Around.PERTURBED else 0]
