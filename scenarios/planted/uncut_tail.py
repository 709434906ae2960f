"""Lost put in a later boot: the torn tail is skipped at open, and not truncated.

A kill in the middle of a write left half a record. The next boot stopped reading there, which
is right, and then appended behind it, which is not: the boot after that stopped at the same
half record, and everything that had been acknowledged in between was gone.
A clean shutdown writes a tidy log, so only a second kill showed it.

Repair: truncate the log to its last whole record before the first append.
"""

from planted_base import PlainLog


class Subject(PlainLog):
    """Appends behind a torn record."""

    def truncate_tail(self, position: int) -> None:
        pass

    def close(self) -> None:
        self.rewrite([record for _, record in self.entries])
        super().close()
