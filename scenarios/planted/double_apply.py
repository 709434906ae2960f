"""Checkpoint state: records between the checkpoint and the state are applied twice.

`apply` saves the state, then the checkpoint. Recovery after a kill between the two took the new
state and replayed from the old checkpoint. Puts that are known and `MarkDone` do not mind, but
`MarkFailed` counts attempts: operations were given up after half of their attempts.

Repair: keep in the state the offset that it reflects, and replay from there.
"""

from planted_base import PlainLog

from walcrash import Contract, Promise, Record, RecordType


class Subject(PlainLog):
    """Folds some records twice."""

    contract = Contract(power=Promise.NONE, max_attempts=2)

    def replay_start(self) -> int:
        return self.checkpoint

    def fold(self, record: Record) -> None:
        if record.type is not RecordType.PUT or record.id not in self.outbox:
            super().fold(record)
