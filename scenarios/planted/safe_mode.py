"""Not appendable: after a torn write the log is opened for reading only.

Recovery found damage, truncated it, and left the log in a safe mode until an operator had come.
Such damage is what any crash leaves, so at three in the morning a worker that had come back by
itself refused every new operation until somebody else came back, too.

Repair: a torn tail that was truncated is no damage; go on.
"""

import os

from planted_base import PlainLog


class Subject(PlainLog):
    """Recovers and then refuses to work."""

    def truncate_tail(self, position: int) -> None:
        super().truncate_tail(position)
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_RDONLY)
