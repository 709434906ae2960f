"""Right, though it seems wrong: a ring of fixed room that refuses when it is full, and goes round.

A record takes whole sectors, around the end of the file too, and its checksum covers its number, so
a record of an earlier round is none. The head, which says where the oldest record is, has two slots
in turn; compaction moves it over the operations that are done, oldest first. Every write is its own
sync, so the head is durable before the room that it frees is used again. Puts leave some room for
marks, or nothing could ever be marked as done.

Resembles: a log that takes no record any more (`read_only_mode`), and `unsynced_head`.
"""

import os
import struct
import zlib

from power_base import DurableLog

from walcrash import Contract, DefiniteFailure, PersistenceModel, Record, RecordType

SECTOR_BYTES = 512
SLOTS = 2
ROOM_BYTES = 26 * SECTOR_BYTES
FOR_MARKS_BYTES = 2 * SECTOR_BYTES

HEAD = struct.Struct("<QQQ")
FRAME = struct.Struct("<IIQ")


class Subject(DurableLog):
    """Frees its oldest records, and writes where they were."""

    contract = Contract(model=PersistenceModel.POSIX, max_attempts=3)
    supports = frozenset({"compact", "reopen"})

    def open_log(self) -> None:
        path = self.directory / "wal.ring"
        if not path.exists():
            self.save("wal.ring", sealed(HEAD.pack(0, 0, 1)).ljust(place_of(0) + ROOM_BYTES, b"\0"))
        self.log = os.open(path, os.O_RDWR | os.O_DSYNC)
        self.head_fd = self.open_head()
        data = path.read_bytes()
        slots = [unsealed(data[slot * SECTOR_BYTES :]) for slot in range(SLOTS)]
        self.turn, self.head, self.head_number = max(HEAD.unpack(slot) for slot in slots if slot)
        self.entries: list[tuple[int, Record]] = []
        self.end_offset, self.number = self.head, self.head_number
        while (body := self.body_in(data, self.end_offset, self.number)) is not None:
            self.entries.append((self.end_offset, self.decode(body)))
            self.end_offset += sectors(FRAME.size + len(body))
            self.number += 1
        self.wipe_tail()
        self.sync_log()
        self.sync_directory()

    def body_in(self, data: bytes, offset: int, number: int) -> bytes | None:
        """Return the body of the record of this number at an offset, or None if it is not there."""
        length, checksum, _ = FRAME.unpack(self.around(data, offset, FRAME.size))
        whole = FRAME.size + length
        if offset - self.head + sectors(whole) > ROOM_BYTES:
            return None
        body = self.around(data, offset, whole)[FRAME.size :]
        return body if body and self.checksum(body, number) == checksum else None

    def wipe_tail(self) -> None:
        """Begin the free room with zeros: a record that was torn there has the next one's number.

        Else a power loss that keeps the end of the next record could make the torn one whole.
        """
        if self.end_offset + SECTOR_BYTES <= self.head + ROOM_BYTES:
            os.pwrite(self.log, bytes(SECTOR_BYTES), place_of(self.end_offset))

    def around(self, data: bytes, offset: int, length: int) -> bytes:
        """Return bytes of the ring, from its start again where it ends."""
        place = place_of(offset)
        first = data[place : min(place + length, place_of(0) + ROOM_BYTES)]
        return first + data[place_of(0) : place_of(0) + length - len(first)]

    def checksum(self, body: bytes, number: int) -> int:
        return zlib.crc32(body, number)

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        frame = FRAME.pack(len(body), self.checksum(body, self.number), self.number) + body
        return frame.ljust(sectors(len(frame)), b"\0")

    def append(self, record: Record) -> int:
        kept = FOR_MARKS_BYTES if record.type is RecordType.PUT else 0
        if self.end_offset + len(self.frame(record)) + kept > self.head + ROOM_BYTES:
            raise DefiniteFailure("the ring is full")
        return super().append(record)

    def write(self, record: Record, frame: bytes) -> None:
        place = place_of(self.end_offset)
        before_end = place_of(0) + ROOM_BYTES - place
        os.pwrite(self.log, frame[:before_end], place)
        if frame[before_end:]:
            os.pwrite(self.log, frame[before_end:], place_of(0))
        self.number += 1

    def compact(self) -> None:
        """Free the oldest records, up to the first of an operation that is not done."""
        done = {record.id for _, record in self.entries if record.type is RecordType.DONE}
        live = (at for at, (_, record) in enumerate(self.entries) if record.id not in done)
        freed = next(live, len(self.entries))
        if not freed:
            return
        self.head_number += freed
        self.entries = self.entries[freed:]
        self.head = self.entries[0][0] if self.entries else self.end_offset
        self.turn += 1
        self.save_head()

    def save_head(self) -> None:
        slot = sealed(HEAD.pack(self.turn, self.head, self.head_number))
        place = self.turn % SLOTS * SECTOR_BYTES
        os.pwrite(self.head_fd, slot.ljust(SECTOR_BYTES, b"\0"), place)

    def open_head(self) -> int:
        """Return the descriptor through which the head is written."""
        return os.dup(self.log)

    def close(self) -> None:
        os.close(self.head_fd)
        os.close(self.log)
        os.close(self.directory_fd)


def place_of(offset: int) -> int:
    """Return where in the file an offset of the ring lies."""
    return SLOTS * SECTOR_BYTES + offset % ROOM_BYTES


def sealed(data: bytes) -> bytes:
    """Return data with its checksum."""
    return data + struct.pack("<I", zlib.crc32(data))


def unsealed(data: bytes) -> bytes | None:
    """Return what was sealed, or None if it is not whole."""
    head = data[: HEAD.size]
    return head if data[HEAD.size : HEAD.size + 4] == sealed(head)[HEAD.size :] else None


def sectors(length_bytes: int) -> int:
    """Return the bytes of the whole sectors that so many bytes take."""
    return -(-length_bytes // SECTOR_BYTES) * SECTOR_BYTES
