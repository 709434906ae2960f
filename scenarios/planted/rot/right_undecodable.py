"""Right: a record whose body is damaged is answered as undecodable, and all others are shown.

The head has a checksum of its own, so that the next record is found; behind that, a later head
proves that the damaged record was durable. What cannot be skipped is refused, as in the base.
"""

from collections.abc import Iterator

from rot_base import HEAD_BYTES, SUM, Damaged, SealedLog

from walcrash import Record, Undecodable


class Subject(SealedLog):
    """Says which record it cannot decode.

    Attributes:
        bad: each frame that is not as it was written, with its offset.
    """

    def open_log(self) -> None:
        self.bad: list[tuple[int, bytes]] = []
        super().open_log()

    def scan(self, data: bytes, position: int) -> int:
        position = super().scan(data, position)
        while (end := self.skipped(data, position)) is not None:
            self.bad.append((self.base + position, data[position:end]))
            position = super().scan(data, end)
        if self.bad and self.bad[-1][0] + len(self.bad[-1][1]) == self.base + position:
            # Nothing would prove it at the next start, when what is torn behind it is cut off.
            raise Damaged(f"no record at {self.bad[-1][0]}, and a torn one behind it")
        return position

    def skipped(self, data: bytes, position: int) -> int | None:
        """Return where a damaged record ends that others follow; None if there is none."""
        length = self.head_at(data, position)
        if length is None:
            return None
        end = position + HEAD_BYTES + length + SUM.size
        return end if self.head_at(data, end) is not None else None

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record | Undecodable]]:
        every = [*self.entries, *((offset, Undecodable(frame)) for offset, frame in self.bad)]
        return iter(sorted((each for each in every if each[0] >= from_offset), key=by_offset))

    def fold(self, record: Record | Undecodable) -> None:
        if isinstance(record, Record):
            super().fold(record)

    def require_puts(self) -> None:
        # What it cannot decode may be one.
        if not self.bad:
            super().require_puts()

    def compact(self) -> None:
        if self.bad:
            raise Damaged(f"no compaction of a log with {len(self.bad)} damaged records")
        super().compact()


def by_offset(entry: tuple[int, object]) -> int:
    """Return where an entry is."""
    return entry[0]
