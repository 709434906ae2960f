"""A planted subject with two bugs behind one invariant: an uncut tail, and compaction in place."""

from compact_in_place import Subject as CompactsInPlace


class Subject(CompactsInPlace):
    """Appends behind a torn record, and truncates the live log to compact it."""

    def close(self) -> None:
        # A tidy log after a clean shutdown, so that only a second kill shows the tail.
        self.rewrite([record for _, record in self.entries])
        super().close()

    def truncate_tail(self, position: int) -> None:
        pass
