"""Records: what a write-ahead log holds.

A record belongs to one operation id. `PutOperation` opens the operation, `MarkDone` and
`MarkFailed` say how an attempt at it ended. The last record of an id wins.

Source: the recovery design of the Vix.cpp sync WAL; the JSON form is `R` of the driver
protocol, version 1.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Self

from walcrash.values.forms import Most, Whole
from walcrash.values.limits import ID_BYTES, INTEGER_64, PAYLOAD_BYTES
from walcrash.values.quick_enum import QuickEnum

SIGNED_64: Final = Whole(-INTEGER_64, INTEGER_64 - 1)
"""Times in milliseconds since the epoch are signed 64 bits."""


class RecordType(QuickEnum):
    """The three kinds of record; the value is the name in the driver protocol."""

    PUT = "PutOperation"
    DONE = "MarkDone"
    FAILED = "MarkFailed"


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A stored record that a subject cannot turn into one: what an adapter's replay yields for it.

    Attributes:
        data: what was read there, raw; at most as long as a payload.
    """

    data: Annotated[bytes, Most(PAYLOAD_BYTES)]


class MalformedRecord(ValueError):
    """A JSON object is not a record; the message names the key and what was found there."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as it was handed to `append`.

    Attributes:
        type: what the record says.
        id: the operation that it is about; any text, also empty.
        ts_ms: when it was made, milliseconds since the epoch, signed 64 bits.
        payload: the operation's content; only `PutOperation` has one.
        error: why an attempt failed; only `MarkFailed` has one.
        next_retry_at_ms: when to try again, milliseconds since the epoch; 0 if not at all.
    """

    type: RecordType
    id: Annotated[str, Most(ID_BYTES)]
    ts_ms: Annotated[int, SIGNED_64]
    payload: Annotated[bytes, Most(PAYLOAD_BYTES)] = b""
    error: str = ""
    next_retry_at_ms: Annotated[int, SIGNED_64] = 0

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor: several times as fast as field by field."""
        return Record, (
            self.type, self.id, self.ts_ms, self.payload, self.error, self.next_retry_at_ms,
        )  # fmt: skip

    def __str__(self) -> str:
        """Return the short form that reports use, such as `PutOperation op-2`."""
        return f"{self.type.value} {self.id}"

    def to_json(self) -> dict[str, object]:
        """Return `R` of the driver protocol; every key is there, the payload is base64."""
        return {
            "type": self.type.value,
            "id": self.id,
            "ts_ms": self.ts_ms,
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "error": self.error,
            "next_retry_at_ms": self.next_retry_at_ms,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Read `R` of the driver protocol.

        Raises:
            MalformedRecord: it is no object, a key is missing or is not known, or its value has
                the wrong type or is out of range; texts hold no lone surrogates.
        """
        if not isinstance(fields, Mapping):
            raise MalformedRecord(f"a record is an object; found {_shown(fields)}")
        for key in fields:
            if key not in KEYS:
                known = ", ".join(KEYS)
                raise MalformedRecord(f"a record has no key {_shown(key)}; allowed: {known}")
        for key in KEYS:
            if key not in fields:
                raise MalformedRecord(
                    f"the key '{key}' is missing; found the keys {_shown(list(fields))}"
                )
        made = cls(
            type=_type(fields),
            id=_text(fields, "id"),
            ts_ms=_integer(fields, "ts_ms"),
            payload=_bytes(fields, "payload"),
            error=_text(fields, "error"),
            next_retry_at_ms=_integer(fields, "next_retry_at_ms"),
        )
        made.check_ranges()
        return made

    def check_ranges(self) -> None:
        """See that the fields are within the ranges that their types state.

        Raises:
            MalformedRecord: one is not; the message names it, with what was found and is allowed.
        """
        for key, value in (("ts_ms", self.ts_ms), ("next_retry_at_ms", self.next_retry_at_ms)):
            if not -INTEGER_64 <= value < INTEGER_64:
                raise MalformedRecord(
                    f"`{key}` is an integer of 64 bits; found one of {value.bit_length()}"
                )
        # A text's UTF-8 is as long as the text, or longer.
        if len(self.id) > ID_BYTES or len(self.id.encode("utf-8", "surrogatepass")) > ID_BYTES:
            raise MalformedRecord(
                f"`id` has at most {ID_BYTES:,} bytes of UTF-8; "
                f"found a text of {len(self.id):,} characters"
            )
        if len(self.payload) > PAYLOAD_BYTES:
            raise MalformedRecord(
                f"`payload` has at most {PAYLOAD_BYTES:,} bytes; found {len(self.payload):,}"
            )


KEYS: Final = ("type", "id", "ts_ms", "payload", "error", "next_retry_at_ms")
"""The keys of a record's JSON form."""


def _type(fields: Mapping[str, object]) -> RecordType:
    try:
        return RecordType(fields["type"])
    except ValueError:
        raise MalformedRecord(f"`type` is a record type; found {_shown(fields['type'])}") from None


def _bytes(fields: Mapping[str, object], key: str) -> bytes:
    text = _text(fields, key)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as problem:
        raise MalformedRecord(f"`{key}` is base64; found {_shown(text)}: {problem}") from None


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields[key]
    if not isinstance(value, str):
        raise MalformedRecord(f"`{key}` is text; found {_shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MalformedRecord(
            f"`{key}` is text without lone surrogates; found {_shown(value)}"
        ) from None
    return value


def _integer(fields: Mapping[str, object], key: str) -> int:
    value = fields[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedRecord(f"`{key}` is an integer; found {_shown(value)}")
    return value


def _shown(value: object) -> str:
    try:
        return f"{value!a:.80}"
    except ValueError:
        return "a number that is too long to show"
