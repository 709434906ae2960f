"""Checkpoint ahead: the checkpoint is durable before the state.

States are appended to a journal, each with its checksum, and the last whole one counts. The
journal was written first and the checkpoint second, as it should be; but only the checkpoint
was synced, and the disk is free to write what was not synced later. After a power failure the
checkpoint pointed behind the last state that was left.

Repair: sync the journal of states before the checkpoint is saved.
"""

import os
import zlib

from power_base import FRAME, DurableLog, write_all

JOURNAL = "states"


class Subject(DurableLog):
    """Syncs the second of two files."""

    def save(self, name: str, data: bytes) -> None:
        if name != "state":
            super().save(name, data)
            return
        path = self.directory / JOURNAL
        is_new = not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.ftruncate(fd, self.journal_end())
        write_all(fd, FRAME.pack(len(data), zlib.crc32(data)) + data)
        os.close(fd)
        if is_new:
            self.sync_directory()

    def load(self, name: str, default: bytes) -> bytes:
        if name != "state":
            return super().load(name, default)
        states = self.states()
        return states[-1] if states else default

    def states(self) -> list[bytes]:
        """Return all whole states, the oldest first."""
        data, position, found = super().load(JOURNAL, b""), 0, []
        while (body := self.body_at(data, position)) is not None:
            found.append(body)
            position += FRAME.size + len(body)
        return found

    def journal_end(self) -> int:
        """Return where the last whole state ends."""
        return sum(FRAME.size + len(state) for state in self.states())
