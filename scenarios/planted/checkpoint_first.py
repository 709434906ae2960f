"""Checkpoint ahead: the checkpoint is saved before the state that it speaks of.

`apply` wrote the small file first. A kill between the two left a checkpoint that claims more
than was applied. The engine read the state file's own offset and was fine, but the log shipper
deleted everything below the checkpoint, and with it records that nobody had applied.

Repair: apply, save the state, then save the checkpoint.
"""

from planted_base import PlainLog


class Subject(PlainLog):
    """Promises that records were applied before they are."""

    def apply(self) -> int:
        self.save_checkpoint()
        self.save_state()
        return self.checkpoint
