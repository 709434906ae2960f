"""Messages: what a worker reports to the harness, as JSON, one object each.

A worker may be broken in any way, so what it says is read with suspicion: everything is checked,
nothing is executed. A reply starts with `{`; an effect is `E` and the operation's id.

The record of a recovery is a list (type, id, ts_ms, payload in base64, error, next retry), a
replay from the middle refers to records by their position where they are the same.
"""

import binascii
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any, Final

from walcrash.subjects.adapter import Adapter
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.limits import PAYLOAD_BYTES
from walcrash.values.record import MalformedRecord, Record, RecordType, Undecodable
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    OperationStatus,
    RecoveredRecord,
    Recovery,
    RecoveryFailure,
    Resume,
    SubjectState,
    UndecodableRecord,
)
from walcrash.values.tears import checked_atomic_bytes

RECORDS_PER_REPLAY: Final = 1_000_000
"""Most records that a replay may yield before it is taken for one that never ends."""

CAPABILITIES: Final = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
"""What an adapter can list in `supports`."""

KNOWN_BYTES: Final = 1 << 20
"""How long the replies to `open` are together whose meaning is kept."""

EFFECT_MARK: Final = b"E"

# Looked up for every record of every recovery: a dictionary is several times as fast as a class.
_TYPES: Final = {kind.value: kind for kind in RecordType}
_STATUSES: Final = {status.value: status for status in OperationStatus}


class MalformedOutput(Exception):
    """A subject or worker returned something that it must not; the message says what.

    Attributes:
        hint: what to write instead; empty where there is no more to say.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an adapter says of itself when it opens."""

    contract: Contract
    supports: frozenset[str]


def effect_message(operation_id: str) -> bytes:
    """Return the message for an external effect."""
    return EFFECT_MARK + operation_id.encode("utf-8", "surrogatepass")


def effect_id(message: bytes) -> str:
    """Return the operation's id in an effect message."""
    return message[len(EFFECT_MARK) :].decode("utf-8", "surrogatepass")


def gone_message(kind: FailureKind, text: str) -> bytes:
    """Return the message that ends a boot whose subject is gone: no reply will come."""
    return json.dumps({"ok": False, "gone": kind.value, "error": text}).encode()


def read_gone(reply: Mapping[str, Any]) -> RecoveryFailure | None:
    """Return why the subject is gone, if the reply says so.

    Raises:
        MalformedOutput: it is not as `gone_message` writes it.
    """
    if "gone" not in reply:
        return None
    try:
        return RecoveryFailure(FailureKind(reply["gone"]), str(reply["error"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise MalformedOutput(f"the end of a boot: {problem!r}") from None


def read_reply(message: bytes) -> dict[str, Any]:
    """Return the object in a reply.

    Raises:
        MalformedOutput: it is no JSON object with a boolean `ok`.
    """
    try:
        reply = json.loads(message.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as problem:
        raise MalformedOutput(
            f"a reply is a JSON object; found {message[:80]!r}: {problem}"
        ) from None
    if not isinstance(reply, dict) or not isinstance(reply.get("ok"), bool):
        raise MalformedOutput(f"a reply is a JSON object with `ok`; found {message[:80]!r}")
    return reply


def describe(adapter: Adapter) -> dict[str, object]:
    """Return an adapter's description as JSON.

    Raises:
        MalformedOutput: its contract is none, or it lists a capability that nobody knows.
    """
    contract, supports = adapter.contract, adapter.supports
    if not isinstance(contract, Contract):
        raise MalformedOutput(f"`contract` is a Contract; found {_shown(contract)}")
    try:
        checked_atomic_bytes(contract.atomic_bytes)
    except ValueError as problem:
        raise MalformedOutput(f"the adapter's contract: {problem}") from None
    _check_choices(contract)
    if not isinstance(supports, Set):
        raise MalformedOutput(f"`supports` is a frozenset of texts; found {_shown(supports)}")
    if unknown := sorted(map(_shown, supports - CAPABILITIES)):
        known = ", ".join(sorted(CAPABILITIES))
        raise MalformedOutput(f"`supports` lists {', '.join(unknown)}; known: {known}")
    return {
        "contract": {
            "acknowledges": contract.acknowledges.value,
            "kill": contract.kill.value,
            "power": contract.power.value,
            "model": contract.model.value,
            "detects": sorted(damage.value for damage in contract.detects),
            "max_attempts": contract.max_attempts,
            "atomic_bytes": contract.atomic_bytes,
        },
        "supports": sorted(supports),
    }


def _check_choices(contract: Contract) -> None:
    """Refuse a contract with a text where a member of an enum is meant."""
    kinds: dict[str, type[Enum]] = {
        "acknowledges": Acknowledges, "kill": Promise, "power": Promise, "model": PersistenceModel,
    }  # fmt: skip
    stated = [(key, kind, getattr(contract, key)) for key, kind in kinds.items()]
    if not isinstance(contract.detects, Set):
        raise MalformedOutput(
            f"`detects` of its Contract is a frozenset; found {_shown(contract.detects)}",
            hint="write detects=frozenset({Damage.TORN})",
        )
    stated += [("detects", Damage, each) for each in sorted(contract.detects, key=str)]
    for key, kind, value in stated:
        if not isinstance(value, kind):
            known = [f"{kind.__name__}.{each.name}" for each in kind]
            meant = [f"{kind.__name__}.{each.name}" for each in kind if each.value == value]
            raise MalformedOutput(
                f"`{key}` of its Contract is one of {', '.join(known)}; found {_shown(value)}",
                hint=f"write {(meant or known)[0]}, with `from walcrash import {kind.__name__}`",
            )


def read_description(fields: Mapping[str, Any]) -> Description:
    """Read an adapter's description.

    Raises:
        MalformedOutput: a key is missing or its value unknown.
    """
    try:
        contract = fields["contract"]
        return Description(
            contract=Contract(
                acknowledges=Acknowledges(contract["acknowledges"]),
                kill=Promise(contract["kill"]),
                power=Promise(contract["power"]),
                model=PersistenceModel(contract["model"]),
                detects=frozenset(Damage(name) for name in contract["detects"]),
                max_attempts=contract["max_attempts"],
                atomic_bytes=checked_atomic_bytes(contract["atomic_bytes"]),
            ),
            supports=frozenset(fields["supports"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise MalformedOutput(f"the description of the adapter: {problem!r}") from None


def collect(from_offset: int, records: Iterable[tuple[int, Record | Undecodable]]) -> Resume:
    """Take what a replay yields, checked.

    Args:
        from_offset: where it starts.
        records: what it yields.

    Raises:
        MalformedOutput: it yields something else than (offset, record), or too much.
        Exception: whatever the subject raises.
    """
    taken: list[RecoveredRecord] = []
    undecodable: list[UndecodableRecord] = []
    for count, item in enumerate(islice(records, RECORDS_PER_REPLAY + 1)):
        if count == RECORDS_PER_REPLAY:
            raise MalformedOutput(f"a replay yielded more than {RECORDS_PER_REPLAY} records")
        if not (isinstance(item, tuple) and len(item) == 2):
            raise MalformedOutput(f"a replay yields (offset, record); found {_shown(item)}")
        offset, record = item
        if isinstance(record, Undecodable):
            data = checked_undecodable(record.data)
            undecodable.append(UndecodableRecord(_offset(offset), data, len(taken)))
        else:
            taken.append(RecoveredRecord(_offset(offset), _record(record)))
    return Resume(from_offset, tuple(taken), tuple(undecodable))


def checked_undecodable(data: object) -> bytes:
    """Return what a subject read where it could decode nothing.

    Raises:
        MalformedOutput: it is no bytes, or longer than any payload.
    """
    if not isinstance(data, bytes):
        raise MalformedOutput(f"what is undecodable is bytes; found {_shown(data)}")
    if len(data) > PAYLOAD_BYTES:
        raise MalformedOutput(
            f"what is undecodable has at most {PAYLOAD_BYTES:,} bytes; found {len(data):,}"
        )
    return data


def recover(adapter: Adapter) -> Recovery:
    """Read what a new subject shows: replay from 0, its state, and replays from the middle.

    Raises:
        MalformedOutput: the subject returns something that it must not.
        Exception: whatever the subject raises.
    """
    whole = collect(0, adapter.replay(0))
    records = whole.records
    state = _checked_state(adapter.state()) if "checkpoint" in adapter.supports else None
    starts = {entry.offset for entry in records[len(records) // 2 :: max(1, len(records) // 2)]}
    if state is not None and any(entry.offset == state.checkpoint for entry in records):
        starts.add(state.checkpoint)
    # From 0 it would be the replay that has been made already.
    starts.discard(0)
    resumes = tuple(collect(start, adapter.replay(start)) for start in sorted(starts))
    return Recovery(records, _offset(adapter.end()), state, resumes, whole.undecodable)


def recovery_to_json(recovery: Recovery) -> dict[str, object]:
    """Return a recovery as JSON."""
    positions = {entry.offset: position for position, entry in enumerate(recovery.records)}
    state = recovery.state
    return {
        "records": [_entry_to_json(entry) for entry in recovery.records],
        "end": recovery.end,
        "resumes": [
            [
                resume.from_offset,
                [_refer(entry, recovery.records, positions) for entry in resume.records],
                *_undecodable_to_json(resume.undecodable),
            ]
            for resume in recovery.resumes
        ],
        "undecodable": _undecodable_to_json(recovery.undecodable),
        "state": None
        if state is None
        else {
            "checkpoint": state.checkpoint,
            "applied": state.applied,
            "operations": {
                name: [o.status.value, o.error, o.next_retry_at_ms]
                for name, o in state.operations.items()
            },
        },
    }


def _refer(
    entry: RecoveredRecord, records: Sequence[RecoveredRecord], positions: Mapping[int, int]
) -> object:
    """Return the position of the same entry in a replay from 0, or else the entry itself."""
    position = positions.get(entry.offset)
    is_same = position is not None and records[position] == entry
    return position if is_same else _entry_to_json(entry)


def recovery_from_json(fields: Mapping[str, Any]) -> Recovery:
    """Read a recovery.

    Raises:
        MalformedOutput: it is not as `recovery_to_json` writes it.
    """
    try:
        records = tuple(_entry_from_json(item) for item in fields["records"])
        resumes = tuple(
            Resume(
                start,
                tuple(
                    records[item] if isinstance(item, int) else _entry_from_json(item)
                    for item in items
                ),
                _undecodable_from_json(undecodable),
            )
            for start, items, *undecodable in fields["resumes"]
        )
        undecodable = _undecodable_from_json(fields["undecodable"])
        state = _state_from_json(fields["state"])
        return Recovery(records, fields["end"], state, resumes, undecodable)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as problem:
        raise MalformedOutput(f"a recovery: {problem!r}") from None


class KnownRecoveries:
    """What replies to `open` were read as: many images are recovered to the same, to the byte.

    Of replies as long as `KNOWN_BYTES` together the last ones are kept.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Recovery] = {}
        self._bytes = 0

    def get(self, message: bytes) -> Recovery | None:
        """Return what an equal reply was read as; None if there was none lately."""
        found = self._known.pop(message, None)
        if found is not None:
            self._known[message] = found
        return found

    def keep(self, message: bytes, recovery: Recovery) -> None:
        """Keep what a reply was read as, and forget those that came longest ago."""
        self._known[message] = recovery
        self._bytes += len(message)
        while self._bytes > KNOWN_BYTES:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._bytes -= len(oldest)


def resume_to_json(replayed: Resume) -> list[object]:
    """Return a live replay as JSON."""
    return [
        replayed.from_offset,
        [_entry_to_json(entry) for entry in replayed.records],
        *_undecodable_to_json(replayed.undecodable),
    ]


def resume_from_json(fields: list[Any]) -> Resume:
    """Read a live replay.

    Raises:
        MalformedOutput: it is not as `resume_to_json` writes it.
    """
    try:
        records = tuple(_entry_from_json(item) for item in fields[1])
        return Resume(fields[0], records, _undecodable_from_json(fields[2:]))
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise MalformedOutput(f"a replay: {problem!r}") from None


def _state_from_json(fields: Mapping[str, Any] | None) -> SubjectState | None:
    if fields is None:
        return None
    return SubjectState(
        checkpoint=fields["checkpoint"],
        applied=fields["applied"],
        operations={
            name: OperationState(_STATUSES[status], error, next_retry_at_ms)
            for name, (status, error, next_retry_at_ms) in fields["operations"].items()
        },
    )


def _entry_to_json(entry: RecoveredRecord) -> list[object]:
    record = entry.record
    payload = binascii.b2a_base64(record.payload, newline=False).decode("ascii")
    return [
        entry.offset, record.type.value, record.id, record.ts_ms, payload, record.error,
        record.next_retry_at_ms,
    ]  # fmt: skip


def _undecodable_to_json(items: Iterable[UndecodableRecord]) -> list[list[object]]:
    return [
        [item.offset, binascii.b2a_base64(item.data, newline=False).decode("ascii"), item.before]
        for item in items
    ]


def _undecodable_from_json(items: Iterable[list[Any]]) -> tuple[UndecodableRecord, ...]:
    return tuple(
        UndecodableRecord(offset, binascii.a2b_base64(data), before)
        for offset, data, before in items
    )


def _entry_from_json(item: list[Any]) -> RecoveredRecord:
    offset, kind, name, ts_ms, payload, error, next_retry_at_ms = item
    record = Record(
        _TYPES[kind], name, ts_ms, binascii.a2b_base64(payload), error, next_retry_at_ms
    )
    return RecoveredRecord(offset, record)


def integer(value: object, what: str) -> int:
    """Return what a subject gave as an integer of 64 bits.

    Raises:
        MalformedOutput: it is none; the message begins with `what`.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedOutput(f"{what} an integer; found {_shown(value)}")
    if not -(1 << 63) <= value < 1 << 63:
        raise MalformedOutput(f"{what} an integer of 64 bits; found one of {value.bit_length()}")
    return int(value)


def id_list(value: object, what: str) -> list[str]:
    """Return what a subject gave as ids.

    Raises:
        MalformedOutput: it is no sequence of texts; the message begins with `what`.
    """
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise MalformedOutput(f"{what} a sequence of ids; found {_shown(value)}")
    return list(value)


def _shown(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except Exception:  # its class may be wrong as well
        return f"an object of {type(value).__name__} that cannot be shown"


def _offset(value: object) -> int:
    return integer(value, "an offset is")


def _record(value: object) -> Record:
    fields_are_right = (
        isinstance(value, Record)
        and isinstance(value.type, RecordType)
        and isinstance(value.id, str)
        and type(value.ts_ms) is int
        and isinstance(value.payload, bytes)
        and isinstance(value.error, str)
        and type(value.next_retry_at_ms) is int
    )
    if not fields_are_right:
        raise MalformedOutput(f"a replay yields Record; found {_shown(value)}")
    assert isinstance(value, Record)
    try:
        value.check_ranges()
    except MalformedRecord as problem:
        raise MalformedOutput(f"a replay yields a record that is none: {problem}") from None
    return value


def _checked_state(state: object) -> SubjectState:
    if not isinstance(state, SubjectState) or not isinstance(state.operations, Mapping):
        raise MalformedOutput(f"state() returns a SubjectState; found {_shown(state)}")
    integer(state.checkpoint, "the checkpoint in state() is")
    integer(state.applied, "`applied` in state() is")
    for name, operation in state.operations.items():
        is_right = (
            isinstance(name, str)
            and isinstance(operation, OperationState)
            and isinstance(operation.status, OperationStatus)
            and isinstance(operation.error, str)
        )
        if not is_right:
            raise MalformedOutput(
                f"state() holds OperationState by id; found {_shown(name)}: {_shown(operation)}"
            )
        integer(operation.next_retry_at_ms, "next_retry_at_ms in state() is")
    return state
