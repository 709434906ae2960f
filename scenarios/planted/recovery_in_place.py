"""Lost put: recovery empties the log before it writes it anew, and is killed there.

After a torn write, recovery truncated the log and wrote all good records back, one by one.
The container's liveness probe had no patience with the larger logs and killed the worker in
the middle of that; the next boot found a short log that was perfectly valid.

Repair: truncate the torn tail only, or write a new file and rename it over the old one.
"""

from planted_base import HEADER, PlainLog, write_all


class Subject(PlainLog):
    """Rewrites the log in place while it recovers."""

    def truncate_tail(self, position: int) -> None:
        super().truncate_tail(HEADER.size)
        for _, record in self.entries:
            write_all(self.log, self.frame(record))
