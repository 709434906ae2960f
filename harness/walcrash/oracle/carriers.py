"""Carriers: which writes carried a record, and which bytes of them are its own.

The format of a subject is not known. What a record was made of is: its `ts_ms`, which no other
record of a case has, and its payload. They are sought in what was written as they are commonly
written: a number as decimal text, as bytes of either order, or as a varint; a payload raw, in
base64 or in hexadecimal. A subject in whose writes no record at all is found compresses or
encrypts them; then what an append itself wrote, to one file and in one piece, stands for it.

Of a write that carries one record alone all bytes are that record's, but for zeros around them,
and so is a write of the same append that ends where it begins. Of one that carries several, or is
a page that was stored through a mapping, all that lies between what was found of the record before
and of the one behind: the record is in there, with bytes of its neighbours.

Not here: what becomes of these bytes afterwards (`ledger`).

Source: the encodings of the Protocol Buffers wire format, RFC 4648 and JSON.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from walcrash.values.content import Content
from walcrash.values.event import Event, EventKind
from walcrash.values.record import Record

# limits
PAYLOAD_BYTES: Final = 12
"""Shortest payload that is looked for: a shorter one may be anywhere."""

NUMBER_BYTES: Final = 6
"""Bytes of a time in milliseconds that are looked for, of the eight that it may have."""

_LEAST_TIME: Final = 1 << 32
"""A smaller time has too few bytes of its own to be known by."""

_KINDS_OF_BYTES: Final = 3
"""A payload of fewer different bytes may be what a file system leaves."""

Span = tuple[int, int]
"""A start and an end in bytes, the end not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Bytes of one record that one event wrote.

    Attributes:
        ts_ms: the record's.
        start: their offset in the file.
        data: the bytes.
        core: the part of it that is the record's for certain, from `start`; what lies around that
            may be of its neighbours, or an end mark, which the next record replaces.
    """

    ts_ms: int
    start: int
    data: bytes
    core: Span

    @property
    def end(self) -> int:
        """Where the bytes end in the file, not included."""
        return self.start + len(self.data)


class _Alone(NamedTuple):
    """What a write carried of one record alone, and where what is sought of it begins in that."""

    data: bytes
    needle: int


class Carriers:
    """Finds the records of one case in writes.

    Attributes:
        records: all that were appended, by `ts_ms`.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        """Take all records that were appended, whatever came of it."""
        self.records = {record.ts_ms: record for record in records}
        # A time that is also when another is tried again says nothing of the record.
        self._retries = {record.next_retry_at_ms for record in self.records.values()}
        self._alone: dict[int, _Alone] = {}
        payloads = Counter(record.payload for record in self.records.values())
        self._needles = {
            ts_ms: (_number_forms(ts_ms) if self.is_timed(ts_ms) else ())
            + (_payload_needles(record.payload) if payloads[record.payload] == 1 else ())
            for ts_ms, record in self.records.items()
        }

    def is_timed(self, ts_ms: int) -> bool:
        """Whether a record is sought by its time, which no other record then has in any field."""
        return ts_ms not in self._retries and ts_ms >= _LEAST_TIME

    def is_legible(self, events: Iterable[Event]) -> bool:
        """Whether a record is found in any of these writes, so that none is encoded."""
        return any(self.sought(event) for event in events)

    def sought(self, event: Event) -> tuple[int, ...]:
        """Return the `ts_ms` of the records that a write was to carry, in their order in it."""
        if event.kind is not EventKind.WRITE:
            return ()
        spans = {ts: found for ts in self._needles if (found := self._spans(event.data, ts))}
        return tuple(sorted(spans, key=lambda ts: spans[ts][0]))

    def find(self, event: Event) -> list[Carrier]:
        """Return what a write carries, in the order of the records."""
        if event.kind is not EventKind.WRITE or event.result <= 0:
            return []
        data = event.data[: event.result]
        spans = {ts: found for ts in self._needles if (found := self._spans(data, ts))}
        is_shared = len(spans) > 1 or event.is_stored
        carried = [_carrier(event, data, ts, spans, is_shared=is_shared) for ts in spans]
        needles = {ts: event.offset + found[0][0] for ts, found in spans.items()}
        if is_shared:
            return [self._narrowed(each, needles[each.ts_ms]) for each in carried]
        for each in carried:
            if self.is_whole(each.ts_ms, each.data):
                self._alone[each.ts_ms] = _Alone(each.data, needles[each.ts_ms] - each.start)
        return carried

    def _narrowed(self, carrier: Carrier, needle: int) -> Carrier:
        """Return of bytes among others what a write of the record alone had around it as well.

        Args:
            carrier: the bytes, with those of neighbours.
            needle: where in the file the first of what is sought of the record is.
        """
        alone = self._alone.get(carrier.ts_ms)
        if alone is None:
            return carrier
        at = needle - carrier.start
        low, high = _alike(carrier.data, at, alone.data, alone.needle)
        first, last = carrier.core
        if low > first or high < last or not self.is_whole(carrier.ts_ms, carrier.data[low:high]):
            return carrier
        core = first - low, last - low
        return replace(carrier, start=carrier.start + low, data=carrier.data[low:high], core=core)

    def is_whole(self, ts_ms: int, data: bytes) -> bool:
        """Whether the bytes hold a record's payload, as far as it can be told."""
        payload = self.records[ts_ms].payload
        return not payload or any(form in data for form in encoded_forms(payload))

    def _spans(self, data: bytes, ts_ms: int) -> list[Span]:
        places = [(data.find(needle), len(needle)) for needle in self._needles[ts_ms]]
        return sorted((at, at + length) for at, length in places if at >= 0)


def _carrier(
    event: Event, data: bytes, ts_ms: int, spans: Mapping[int, list[Span]], *, is_shared: bool
) -> Carrier:
    first, last = spans[ts_ms][0][0], max(end for _, end in spans[ts_ms])
    if is_shared:
        others = [span for ts, found in spans.items() if ts != ts_ms for span in found]
        start = max((end for _, end in others if end <= first), default=0)
        end = min((begin for begin, _ in others if begin >= last), default=len(data))
        core = first - start, last - start
    else:
        start, end = len(data) - len(data.lstrip(b"\0")), len(data.rstrip(b"\0"))
        core = 0, min(end, last) - start
    end = max(end, last)
    return Carrier(ts_ms=ts_ms, start=event.offset + start, data=data[start:end], core=core)


def _alike(one: bytes, at: int, other: bytes, other_at: int) -> Span:
    """Return the range of one that is as in the other around a place that both have."""
    low = high = 0
    while low < min(at, other_at) and one[at - low - 1] == other[other_at - low - 1]:
        low += 1
    most = min(len(one) - at, len(other) - other_at)
    while high < most and one[at + high] == other[other_at + high]:
        high += 1
    return at - low, at + high


def _number_forms(value: int) -> tuple[bytes, ...]:
    if value < _LEAST_TIME:
        return ()
    low = value.to_bytes(8, "little")[:NUMBER_BYTES]
    return str(value).encode(), low, low[::-1], _varint(value)


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _payload_needles(payload: bytes) -> tuple[bytes, ...]:
    if len(payload) < PAYLOAD_BYTES or len(set(payload)) < _KINDS_OF_BYTES:
        return ()
    return encoded_forms(payload)


def encoded_forms(payload: bytes) -> tuple[bytes, ...]:
    """Return bytes as they are commonly written: raw, in base64 and in hexadecimal."""
    return payload, base64.b64encode(payload), payload.hex().encode()


def without(carrier: Carrier, low: int, high: int) -> Carrier:
    """Return bytes without a range of them that lies before or behind the record's own."""
    first, last = carrier.core
    if low >= carrier.start + last:
        return replace(carrier, data=carrier.data[: low - carrier.start])
    cut = high - carrier.start
    return replace(carrier, start=high, data=carrier.data[cut:], core=(first - cut, last - cut))


def left_of(carrier: Carrier, low: int, written: bytes) -> Carrier | None:
    """Return what is left of bytes where others were written over a part of them.

    What lies around the record's own is of neighbours, or an end mark, which makes room for the
    next record.

    Args:
        carrier: the bytes.
        low: where in the file what was written begins, in them.
        written: what was, as far as they go.

    Returns:
        None where the record's own are not the same.
    """
    high = low + len(written)
    was = carrier.data[low - carrier.start : high - carrier.start]
    if was == written:
        return carrier
    changed = [low + at for at in range(len(was)) if was[at] != written[at]]
    start, end = (carrier.start + at for at in carrier.core)
    if any(start <= at < end for at in changed):
        return None
    # A page may be stored again, with what has changed beside the record.
    in_front = [at for at in changed if at < start]
    behind = [at for at in changed if at >= end]
    if in_front:
        carrier = without(carrier, low, in_front[-1] + 1)
    return without(carrier, behind[0], high) if behind else carrier


def has_bytes(content: Content, carrier: Carrier) -> bool:
    """Whether a file has what a record was written as, at its place."""
    return content[carrier.start : carrier.end] == carrier.data


def own_bytes(events: Sequence[Event], call: int, ts_ms: int) -> dict[int, Carrier]:
    """Return what an append wrote, by event, where it is one piece of one file; else nothing."""
    own = _writes_of(events, call)
    reached = -1
    for event in own.values():
        if reached not in (-1, event.offset) or event.is_stored:
            return {}
        reached = event.offset + event.result
    if len({(event.file, event.path) for event in own.values()}) != 1:
        return {}
    return {at: _whole(event, ts_ms) for at, event in own.items()}


def before(events: Sequence[Event], call: int, found: Mapping[int, Carrier]) -> dict[int, Carrier]:
    """Return writes of an append that end where what carries its record begins: its header.

    Args:
        events: the trace of the boot.
        call: the append.
        found: its writes that carry the record, by event.
    """
    more: dict[int, Carrier] = {}
    for at, event in _writes_of(events, call).items():
        for other, carrier in found.items():
            is_joined = event.offset + event.result == carrier.start
            if at not in found and is_joined and _is_same_file(event, events[other]):
                more[at] = _whole(event, carrier.ts_ms)
    return more


def _writes_of(events: Sequence[Event], call: int) -> dict[int, Event]:
    return {
        at: event
        for at, event in enumerate(events)
        if event.call == call and event.kind is EventKind.WRITE and event.result > 0
    }


def _whole(event: Event, ts_ms: int) -> Carrier:
    data = event.data[: event.result]
    return Carrier(ts_ms=ts_ms, start=event.offset, data=data, core=(0, len(data)))


def _is_same_file(one: Event, other: Event) -> bool:
    return (one.file, one.path) == (other.file, other.path)
