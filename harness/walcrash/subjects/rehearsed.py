"""An adapter with nothing behind it, for rehearsals: it always shows the same few records.

Not here: the rehearsal (`worker.rehearse`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from walcrash.subjects.adapter import Adapter, EffectSink
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus, SubjectState

REHEARSED: Final = "walcrash.subjects.rehearsed:Rehearsed"
"""The name under which the adapter is found."""

_RECORDS: Final = tuple(
    (100 * n, Record(RecordType.PUT, f"op-{n}", n, bytes(50))) for n in range(20)
)


class Rehearsed(Adapter):
    """Keeps nothing and shows `_RECORDS`."""

    supports = frozenset({"checkpoint"})

    def open(self, directory: Path, effect: EffectSink) -> None:
        """Find nothing."""

    def append(self, record: Record) -> int:
        """Return the end, and forget the record."""
        return self.end()

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        """Yield the records from an offset on."""
        return (item for item in _RECORDS if item[0] >= from_offset)

    def end(self) -> int:
        """Return an offset behind the last record."""
        return _RECORDS[-1][0] + 100

    def close(self) -> None:
        """Leave nothing."""

    def state(self) -> SubjectState:
        """Return every operation as pending."""
        pending = OperationState(OperationStatus.PENDING)
        return SubjectState(0, 0, {record.id: pending for _, record in _RECORDS})
