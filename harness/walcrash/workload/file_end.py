"""Where a file of records ends, as far as a case has come: for a put that ends exactly there.

What records take is estimated from the fit, so the end is met exactly where frames have one length,
and about there where they have not. Where payloads are written as text, groups of bytes at a time,
the id gets longer by what is left.

Not here: what a crash loses; a case is drawn as if all of it were carried out.
"""

from dataclasses import dataclass
from typing import Final

from walcrash.values.record import Record, RecordType
from walcrash.values.seed import Prng
from walcrash.workload.fit import Fit

# limits
FILLED_ONE_IN: Final = 4
"""Of so many puts one is as long as what is left."""

LONGER_ID: Final = "x"
"""What an id gets longer by."""

MOST_MISSING: Final = 3
"""By so many bytes an id may get longer: base 64 takes four at a time."""

OFFSETS: Final = (0, 0, 0, -1, 1)
"""By how many bytes such a put misses the end."""


@dataclass(slots=True)
class FileEnd:
    """The file that records go to: what the subject showed, and how much of the file is used."""

    fit: Fit
    most_payload_bytes: int
    used_bytes: int = 0

    def copy(self) -> "FileEnd":
        """Return one that can go another way."""
        return FileEnd(self.fit, self.most_payload_bytes, self.used_bytes)

    def reopen(self) -> None:
        """Go on with another boot."""
        if self.fit.is_file_per_boot:
            self.used_bytes = self.fit.header_bytes

    def note(self, record: Record) -> None:
        """Go on by a record."""
        fit, taken = self.fit, self.fit.record_bytes(record)
        is_full = self.used_bytes >= fit.segment_bytes
        if is_full or (not fit.goes_beyond and self.used_bytes + taken > fit.segment_bytes):
            self.used_bytes = fit.header_bytes
        self.used_bytes += taken

    def draw_put(self, prng: Prng, id_: str) -> tuple[str, int] | None:
        """Return the id and the payload of a put that ends where the file does; None for another.

        Args:
            prng: whether it does is drawn, and by how many bytes it misses the end.
            id_: the id that it would have.
        """
        if prng.below(FILLED_ONE_IN):
            return None
        left = self.fit.segment_bytes - self.used_bytes + prng.choice(OFFSETS)
        size = self.fit.payload_for(left, id_)
        if not 0 <= size <= self.most_payload_bytes:
            return None
        record = Record(RecordType.PUT, id_, 0, payload=bytes(size))
        missing = left - self.fit.record_bytes(record)
        return longer_id(id_, missing), size


def longer_id(id_: str, missing: int) -> str:
    """Return an id that is longer by what a record lacks; the same where that is too much."""
    return id_ + LONGER_ID * missing if missing <= MOST_MISSING else id_
