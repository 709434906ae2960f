"""How a log writes payloads: as they are, in base 64, or in hexadecimal; to the byte.

Where the puts of some boots show one of these, it is known how many bytes of its file a payload
takes, and so where a record will end.

Not here: what a record takes beside its payload (`fit`), where records are moved (`walcrash.case`).
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

# limits
UNEVEN_BYTES: Final = 8
"""By so many bytes the frames of puts may differ whose payloads are written in one form."""

DIFFERENT_BYTES: Final = 64
"""Payloads that differ by so many bytes tell what a byte of them takes in the file."""


class PutSize(NamedTuple):
    """The payload of a put, and what all of it takes in its file beside its name, in bytes."""

    payload: int
    written: int


class PayloadForm(Enum):
    """How payloads are written: so many bytes for so many."""

    AS_IT_IS = (1, 1)
    BASE_64 = (3, 4)
    HEXADECIMAL = (1, 2)

    def written(self, payload_bytes: int) -> int:
        """Return how many bytes a payload takes."""
        group, taken = self.value
        return -(-payload_bytes // group) * taken

    def payload(self, written_bytes: int) -> int:
        """Return the longest payload that takes no more than so many bytes; negative for fewer."""
        group, taken = self.value
        return written_bytes // taken * group


def form_of(puts: Sequence[PutSize]) -> PayloadForm | None:
    """Return the form in which some puts are written; None where they show none."""
    lengths = [put.payload for put in puts]
    if max(lengths, default=0) - min(lengths, default=0) < DIFFERENT_BYTES:
        return None
    best = min(PayloadForm, key=lambda form: _spread(form, puts))
    return best if _spread(best, puts) <= UNEVEN_BYTES else None


def _spread(form: PayloadForm, puts: Sequence[PutSize]) -> int:
    """Return by how much the frames of puts differ, if payloads are written in a form."""
    frames = [put.written - form.written(put.payload) for put in puts]
    return max(frames) - min(frames)
