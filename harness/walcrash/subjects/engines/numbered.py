"""The base of all adapters over maps: each record is kept under its append number.

The number of the last record is recovered from the store when it is opened, so that nothing is
kept beside it. Numbers begin with 1 and are the offsets; the end is the last number plus 1.

A compaction deletes the records of operations that are done, marks last, and then has the
engine do its own. It keeps the record with the highest number, whatever it is, so that no
number is ever given twice.

Source: `harness/walcrash/docs/reference/driver-protocol.md`: "A store that is a map and
not a log keeps each record under its append number, and replays in that order."
"""

import struct
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from walcrash.subjects.adapter import Adapter, EffectSink
from walcrash.subjects.engines.stored_record import NotARecord, decode, encode
from walcrash.values.record import Record, RecordType

KEY: Final = struct.Struct(">Q")
"""How stores that order keys as bytes keep a number."""


def number_of(key: bytes) -> int:
    """Return the append number of a stored key.

    Raises:
        NotARecord: the key is none of ours.
    """
    if len(key) != KEY.size:
        raise NotARecord(f"a key of {len(key)} bytes, where all have {KEY.size}: {key[:40]!r}")
    return int(KEY.unpack(key)[0])


class NumberedStore(Adapter):
    """Keeps records in a map by append number; a subclass knows the map."""

    supports = frozenset({"compact"})

    def __init__(self) -> None:
        self._next = 1

    @abstractmethod
    def open_store(self, directory: Path) -> None:
        """Open the map in a directory, or make it."""

    @abstractmethod
    def put(self, number: int, value: bytes) -> None:
        """Store one record, as durably as the contract says."""

    @abstractmethod
    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Return what is stored under `from_number` and higher numbers, in any order."""

    @abstractmethod
    def delete(self, numbers: Sequence[int]) -> None:
        """Delete records; at once where the engine can, else in this order."""

    @abstractmethod
    def close(self) -> None:
        """Close the map."""

    def tidy(self) -> None:
        """Do what the engine itself calls compaction."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        """Open the map and find the last number in it."""
        self.open_store(directory)
        self._next = 1 + max((number for number, _ in self.items(1)), default=0)

    def append(self, record: Record) -> int:
        """Store a record under the next number, and return that."""
        number = self._next
        # A put that fails may have been kept, so its number is not used again.
        self._next += 1
        self.put(number, encode(record))
        return number

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        """Return (number, record) by number."""
        found = sorted(self.items(max(1, from_offset)))
        return [(number, decode(value)) for number, value in found]

    def end(self) -> int:
        """Return the number that the next record gets."""
        return self._next

    def compact(self) -> None:
        """Delete the records of operations that are done."""
        records = list(self.replay(0))
        done = {record.id for _, record in records if record.type is RecordType.DONE}
        if records and records[-1][1].type is RecordType.PUT:
            # It stays, and without its mark it would come back to life.
            done.discard(records[-1][1].id)
        doomed = [
            (record.type is RecordType.DONE, number)
            for number, record in records[:-1]
            if record.id in done
        ]
        self.delete([number for _, number in sorted(doomed)])
        self.tidy()
