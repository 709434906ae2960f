"""The form of a driver's lines; each is checked before anything is made of it.

Pure: bytes in, values out. A line that is not as the protocol says raises `MalformedOutput` with
what was asked, what was found and what is allowed.

Source: `harness/walcrash/docs/reference/driver-protocol.md`, version 1.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from walcrash.subjects import messages
from walcrash.subjects.messages import CAPABILITIES, MalformedOutput
from walcrash.values.record import KEYS, MalformedRecord, Record, Undecodable
from walcrash.values.recovery import OperationState, OperationStatus, SubjectState

PROTOCOL: Final = 1
"""The version of the driver protocol that is spoken here."""

SHOWN_CHARACTERS: Final = 80
"""How much of a line a message shows."""

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a driver says of itself when it opens."""

    name: str
    version: str
    supports: frozenset[str]


def request_line(do: str, fields: Mapping[str, object]) -> bytes:
    """Return one request as a line of ASCII."""
    return json.dumps({"do": do, **fields}, separators=(",", ":")).encode("ascii") + b"\n"


def read_line(line: bytes, what: str) -> dict[str, Any]:
    """Return the object in a line.

    Raises:
        MalformedOutput: it is no JSON object in UTF-8.
    """
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as problem:
        raise MalformedOutput(
            f"its reply to {what} is not UTF-8: {_shown(line)}, byte {problem.start}"
        ) from None
    except (ValueError, RecursionError) as problem:
        raise MalformedOutput(
            f"its reply to {what} is no JSON: {_shown(line)} ({problem})"
        ) from None
    if not isinstance(found, dict):
        raise MalformedOutput(f"its reply to {what} is no JSON object: {_shown(line)}")
    return found


def read_ok(found: Line, what: str) -> bool:
    """Return `ok`; where it is false, the reply has an `error` and may be `definite`.

    Raises:
        MalformedOutput: it has no such key, or it holds something else.
    """
    is_ok = _member(found, "ok", bool, "true or false", what)
    if not is_ok:
        _member(found, "error", str, "text", what)
        if "definite" in found:
            _member(found, "definite", bool, "true or false", what)
    return bool(is_ok)


def read_introduction(found: Line, what: str) -> Introduction:
    """Read the reply to `open`.

    Raises:
        MalformedOutput: a key is missing or wrong, or it speaks another version.
    """
    protocol = _integer(found, "protocol", what)
    if protocol != PROTOCOL:
        raise MalformedOutput(
            f"it speaks version {protocol} of the driver protocol; this walcrash speaks "
            f"version {PROTOCOL}"
        )
    supports = _member(found, "supports", list, "a list of capabilities", what)
    unknown = [each for each in supports if not isinstance(each, str) or each not in CAPABILITIES]
    if unknown:
        raise MalformedOutput(
            f"its `supports` lists {', '.join(map(_shown_value, unknown))}; "
            f"known: {', '.join(sorted(CAPABILITIES))}"
        )
    return Introduction(
        name=_member(found, "name", str, "text", what),
        version=_member(found, "version", str, "text", what),
        supports=frozenset(supports),
    )


def read_offset(found: Line, what: str) -> int:
    """Read the reply to `append`."""
    return _integer(found, "offset", what)


def read_checkpoint(found: Line, what: str) -> int:
    """Read the reply to `apply`."""
    return _integer(found, "checkpoint", what)


def read_end(found: Line, what: str) -> int:
    """Read the last line of a reply to `replay`."""
    return _integer(found, "end", what)


def read_entry(found: Line, what: str) -> tuple[int, Record | Undecodable]:
    """Read one of the lines with a record before it, or with what is none."""
    if "undecodable" in found and "record" not in found:
        text = _member(found, "undecodable", str, "base64", what)
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as problem:
            raise MalformedOutput(
                f"`undecodable` in its reply to {what} is base64; found {_shown_value(text)}: "
                f"{problem}"
            ) from None
        read = Undecodable(messages.checked_undecodable(data))
        return _integer(found, "offset", what), read
    fields = _member(found, "record", dict, "a record", what)
    try:
        # What the protocol does not name is left out, as in all replies.
        record = Record.from_json({key: fields[key] for key in KEYS if key in fields})
    except MalformedRecord as problem:
        raise MalformedOutput(
            f"what its reply to {what} has as a record is none: {problem}"
        ) from None
    return _integer(found, "offset", what), record


def read_sent(found: Line, what: str) -> list[str]:
    """Read the last line of a reply to `tick`."""
    return messages.id_list(
        _member(found, "sent", list, "a list of ids", what), f"`sent` in its reply to {what} is"
    )


def read_effect(found: Line, what: str) -> str:
    """Read one of the lines with an effect before it."""
    return str(_member(found, "effect", str, "an operation's id", what))


def read_state(found: Line, what: str) -> SubjectState:
    """Read the reply to `state`."""
    operations = _member(found, "ops", dict, "an object with operations by id", what)
    return SubjectState(
        checkpoint=_integer(found, "checkpoint", what),
        applied=_integer(found, "applied", what),
        operations={name: _operation(name, each, what) for name, each in operations.items()},
    )


def _operation(name: str, found: object, what: str) -> OperationState:
    where = f"{what}, operation {_shown_value(name)}"
    if not isinstance(found, dict):
        raise MalformedOutput(f"its reply to {where} is no JSON object: {_shown_value(found)}")
    status = _member(found, "status", str, "text", where)
    try:
        known = OperationStatus(status)
    except ValueError:
        allowed = ", ".join(each.value for each in OperationStatus)
        raise MalformedOutput(
            f"`status` in its reply to {where} is one of {allowed}; found {_shown_value(status)}"
        ) from None
    error = found.get("error", "")
    if not isinstance(error, str):
        raise MalformedOutput(
            f"`error` in its reply to {where} is text; found {_shown_value(error)}"
        )
    retry = _integer(found, "next_retry_at_ms", where) if "next_retry_at_ms" in found else 0
    return OperationState(known, error, retry)


def _integer(found: Line, key: str, what: str) -> int:
    value = _member(found, key, int, "an integer", what)
    return messages.integer(value, f"`{key}` in its reply to {what} is")


def _member(found: Line, key: str, kind: type, allowed: str, what: str) -> Any:
    if key not in found:
        keys = ", ".join(f"`{each}`" for each in list(found)[:8]) or "nothing"
        raise MalformedOutput(f"its reply to {what} has no `{key}`; found {keys:.80}")
    value = found[key]
    # True and false are instances of int.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise MalformedOutput(
            f"`{key}` in its reply to {what} is {allowed}; found {_shown_value(value)}"
        )
    return value


def _shown(line: bytes) -> str:
    return f"{line[:SHOWN_CHARACTERS]!r}" + ("..." if len(line) > SHOWN_CHARACTERS else "")


def _shown_value(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
