"""Records: what a write-ahead log holds.

A record belongs to one operation id. `PutOperation` opens the operation, `MarkDone` and
`MarkFailed` say how an attempt at it ended. The last record of an id wins.

Source: the recovery design of the Vix.cpp sync WAL; the JSON form is `R` of the driver
protocol, version 1.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final, Self

from walcrash.values.forms import Most, Whole
from walcrash.values.limits import ID_BYTES, INTEGER_64, PAYLOAD_BYTES

SIGNED_64: Final = Whole(-INTEGER_64, INTEGER_64 - 1)
"""Times in milliseconds since the epoch are signed 64 bits."""


class RecordType(Enum):
    """The three kinds of record; the value is the name in the driver protocol."""

    PUT = "PutOperation"
    DONE = "MarkDone"
    FAILED = "MarkFailed"


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
            MalformedRecord: a key is missing or holds the wrong type.
        """
        try:
            return cls(
                type=RecordType(fields["type"]),
                id=_text(fields, "id"),
                ts_ms=_integer(fields, "ts_ms"),
                payload=base64.b64decode(_text(fields, "payload"), validate=True),
                error=_text(fields, "error"),
                next_retry_at_ms=_integer(fields, "next_retry_at_ms"),
            )
        except KeyError as missing:
            raise MalformedRecord(
                f"a record has the key {missing}; found {sorted(fields)}"
            ) from None
        except binascii.Error as problem:
            raise MalformedRecord(
                f"`payload` is base64; found {fields['payload']!r}: {problem}"
            ) from None
        except MalformedRecord:
            raise
        except ValueError:
            raise MalformedRecord(f"`type` is a record type; found {fields['type']!r}") from None


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields[key]
    if not isinstance(value, str):
        raise MalformedRecord(f"`{key}` is text; found {value!r}")
    return value


def _integer(fields: Mapping[str, object], key: str) -> int:
    value = fields[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedRecord(f"`{key}` is an integer; found {value!r}")
    return value
