"""Checkpoint ahead: an error of the state's file is logged, and the checkpoint is written.

The state is only a cache, somebody thought, and the log can rebuild it. But the checkpoint says
that everything before it is in the state.

Repair: no checkpoint without the state that it speaks of.
"""

import contextlib

from error_base import CarefulLog


class Subject(CarefulLog):
    """Goes on to the checkpoint."""

    def save_state(self) -> None:
        with contextlib.suppress(OSError):
            super().save_state()
        self.failure = None

    def replay_start(self) -> int:
        return self.checkpoint
