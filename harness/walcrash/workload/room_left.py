"""Room that is left in a log, as far as a case has come, so that its oldest place is used again.

A case of a log of fixed room that only puts is full for good: where there is no room for a put
there is none for its mark, and nothing is freed. So a case of such a log keeps room for marks,
marks the oldest operations first, since room is freed from there, and compacts where that frees
something. Now and then it puts all the same, so that the log is full to its last byte, or refuses.

A log of files that follow each other may use a file again that a compaction has freed. It has no
limit; a case takes the length of a few files for one, and goes beyond it now and then.

What records take is estimated from the fit.

Not here: what a crash loses; a case is drawn as if all of it were carried out.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from walcrash.values.record import Record, RecordType
from walcrash.workload.fit import Fit

# limits
MARKS: Final = 2
"""For so many marks room is kept."""

ID_BYTES: Final = 8
"""How long the id of a mark is at most, in most workloads."""


@dataclass(slots=True)
class RoomLeft:
    """What a log holds, and what it is to hold at most.

    Attributes:
        fit: what the subject showed.
        room_bytes: what it is to hold at most.
        longest_bytes: what the longest put of the case takes.
        is_limit: whether the log refuses more.
    """

    fit: Fit
    room_bytes: int
    longest_bytes: int
    is_limit: bool = True
    _used_bytes: int = 0
    _held: deque[tuple[str, int]] = field(default_factory=deque)
    _done: set[str] = field(default_factory=set)

    def copy(self) -> "RoomLeft":
        """Return one that can go another way."""
        held, done = deque(self._held), set(self._done)
        given = self.fit, self.room_bytes, self.longest_bytes, self.is_limit
        return RoomLeft(*given, self._used_bytes, held, done)

    @property
    def is_short(self) -> bool:
        """Whether a put would leave no room for marks."""
        mark_bytes = self.fit.frames.get(RecordType.DONE, 0) + ID_BYTES
        return self._used_bytes + self.longest_bytes + MARKS * mark_bytes > self.room_bytes

    @property
    def is_full(self) -> bool:
        """Whether the longest put does not fit."""
        return self._used_bytes + self.longest_bytes > self.room_bytes

    @property
    def can_free(self) -> bool:
        """Whether a compaction frees something: the oldest operation is done."""
        return bool(self._held) and self._held[0][0] in self._done

    def takes(self, record: Record) -> bool:
        """Go on by a record; return whether there is room for it."""
        taken = self.fit.record_bytes(record)
        if self.is_limit and self._used_bytes + taken > self.room_bytes:
            return False
        self._used_bytes += taken
        self._held.append((record.id, taken))
        if record.type is RecordType.DONE:
            self._done.add(record.id)
        return True

    def compact(self) -> None:
        """Free the oldest records, up to the first of an operation that is not done."""
        while self.can_free:
            self._used_bytes -= self._held.popleft()[1]
