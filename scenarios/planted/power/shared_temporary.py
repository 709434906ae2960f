"""Unrecoverable after two crashes: a temporary file is emptied, and has two names.

A checkpoint that goes back does no harm, so its rename is left to the next sync of the directory;
and its temporary file is not made anew each time, but emptied and written over. A power failure
had left the rename half done: one file with both names. The next save emptied the checkpoint
together with the temporary file, and a crash right then left it so.

Repair: make the temporary file anew, with O_EXCL; remove what is left of an older one.
"""

import os

from power_base import DurableLog, write_all

END = b"\n"


class Subject(DurableLog):
    """Writes over a file that may be the live one."""

    def save(self, name: str, data: bytes) -> None:
        if name != "checkpoint":
            super().save(name, data)
            return
        temporary = self.directory / "checkpoint.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        write_all(fd, data + END)
        os.fsync(fd)
        os.close(fd)
        os.replace(temporary, self.directory / name)

    def load(self, name: str, default: bytes) -> bytes:
        data: bytes = super().load(name, default)
        if name == "checkpoint" and data != default and not data.endswith(END):
            raise ValueError(f"the checkpoint is {data!r}")
        return data
