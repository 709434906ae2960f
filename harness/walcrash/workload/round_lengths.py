"""Round lengths: puts of which some length is a multiple of 256, or a byte off.

Where a log stores such a length its lowest byte is zero, and what reads to the first zero ends
there; one byte more or less is the longest of so many bits, and the next one. Which length a log
stores is not known: that of the payload, that of the record as the driver protocol has it, or what
the record takes in its file, without a header in front of it.

Where payloads are written as text, groups of bytes at a time, the id gets longer by what is left.

Not here: which cases have such puts (`swarm`), records that end where a page or a file does
(`swarm`, `file_end`).
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.record import Record, RecordType
from walcrash.values.seed import Prng
from walcrash.workload.file_end import longer_id
from walcrash.workload.fit import Fit
from walcrash.workload.payload_form import PayloadForm

# limits
ROUND_ONE_IN: Final = 3
"""Of so many puts one has such a length."""

LENGTHS: Final = (256, 256, 512, 768, 1024)

OFFSETS: Final = (0, 0, 0, 0, 0, 0, -1, 1)
"""By how many bytes such a put misses it."""

HEADERS: Final = (0, 4, 8, 12, 16, 20)
"""How long the headers are that may lie in front of a record in its file, in bytes."""


class _LengthOf(Enum):
    """What a log may store the length of."""

    PAYLOAD = "payload"
    PROTOCOL = "protocol"
    FILE = "file"


_MEASURED: Final = (_LengthOf.PAYLOAD, _LengthOf.PROTOCOL, _LengthOf.FILE, _LengthOf.FILE)


@dataclass(frozen=True, slots=True)
class RoundLengths:
    """Draws puts of round lengths for what a subject showed of its records."""

    fit: Fit
    most_payload_bytes: int

    def draw_put(self, prng: Prng, id_: str, ts_ms: int) -> tuple[str, int] | None:
        """Return the id and the payload of a put of a round length; None for another put.

        Args:
            prng: whether it is one is drawn, and of what the length is, and how long.
            id_: the id that it would have.
            ts_ms: its time.
        """
        if prng.below(ROUND_ONE_IN):
            return None
        length = prng.choice(LENGTHS) + prng.choice(OFFSETS)
        header = prng.choice(HEADERS)
        of = prng.choice(_MEASURED)
        record = Record(RecordType.PUT, id_, ts_ms)
        if of is _LengthOf.PAYLOAD:
            found = id_, length
        elif of is _LengthOf.PROTOCOL:
            text = json.dumps(record.to_json(), separators=(",", ":"))
            found = _filled(id_, length - len(text), PayloadForm.BASE_64)
        else:
            form = self.fit.form or PayloadForm.AS_IT_IS
            found = _filled(id_, length + header - self.fit.record_bytes(record), form)
        return found if 0 <= found[1] <= self.most_payload_bytes else None


def _filled(id_: str, left: int, form: PayloadForm) -> tuple[str, int]:
    """Return an id and a payload that take so many bytes beside the id; negative for too few."""
    size = form.payload(left)
    return longer_id(id_, left - form.written(size)), size
