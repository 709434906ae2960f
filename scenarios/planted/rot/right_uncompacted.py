"""Right: the log is left as it is while a record in it cannot be decoded.

Resembles: `compacted_short`. It goes on taking records, and compaction does nothing.
"""

from right_undecodable import Subject as Answering


class Subject(Answering):
    """Compacts nothing that is damaged."""

    def compact(self) -> None:
        if not self.bad:
            super().compact()
