"""Cases as JSON: the form in which a finding is stored, so that it survives upgrades.

A stored case carries all that is needed to run and judge it again: the operations and crash
points, the subject, the contract and the limits, but not the scenario file that it came from.
A reader of format n refuses format n + 1 by name, and a key that it does not know.

Not here: where findings are kept, and bundles.

Source: records are `R` of `harness/walcrash/docs/reference/driver-protocol.md`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from walcrash.values.case import KEPT_SCALE, BootPlan, Case, Crash, CrashPoint, KillTimer, PowerLoss
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.errors import UsageError
from walcrash.values.event import EventKind
from walcrash.values.image_choice_json import choice_from_json
from walcrash.values.json_reader import Found
from walcrash.values.limits import (
    BOOTS_PER_CASE,
    EVENTS_PER_BOOT,
    ID_BYTES,
    OPERATIONS_PER_BOOT,
    PAYLOAD_BYTES,
)
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import MalformedRecord, Record
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant

# limits
FORMAT: Final = 1
"""The version of the stored form that is written and read."""

INTEGER_64: Final = 2**63
"""Times are signed 64 bits."""

CAPABILITIES: Final = 100
"""Most capabilities of one subject."""

OPTIONS: Final = 1000
"""Most options of one subject."""

DRIVER_WORDS: Final = 1000
"""Most words of a driver's command line."""

IMAGES: Final = 1_000_000
"""Most images of one case."""

DELAY_US: Final = 10**12
"""Longest delay of a timer, microseconds."""

SECONDS: Final = 10.0**9
"""Longest time limit, seconds."""

MEMORY_MB: Final = 2**30
"""Largest memory limit, megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCase:
    """A case with all that is needed to run and judge it without its scenario file."""

    case: Case
    subject: SubjectSpec
    contract: Contract
    supports: frozenset[str]
    invariants: frozenset[Invariant]
    limits: RecoveryLimits

    @property
    def terms(self) -> Terms:
        """What the case is judged by."""
        return Terms(self.contract, self.supports, self.invariants)


def stored_case_to_json(stored: StoredCase) -> dict[str, object]:
    """Return the stored form; equal cases give equal JSON, whatever the hash seed."""
    return {
        "format": FORMAT,
        "case": case_to_json(stored.case),
        "subject": subject_to_json(stored.subject),
        "contract": contract_to_json(stored.contract),
        "supports": sorted(stored.supports),
        "invariants": invariants_to_json(stored.invariants),
        "limits": limits_to_json(stored.limits),
    }


def stored_case_from_json(form: object) -> StoredCase:
    """Read what `stored_case_to_json` wrote.

    Raises:
        UsageError: the form is newer, or malformed; the message says what and where.
    """
    found = Found(form, "stored case")
    found.check_format(FORMAT)
    found.check_keys("format", "case", "subject", "contract", "supports", "invariants", "limits")
    return StoredCase(
        case=_read_case(found.key("case")),
        subject=_read_subject(found.key("subject")),
        contract=_read_contract(found.key("contract")),
        supports=frozenset(each.text() for each in found.key("supports").items(CAPABILITIES)),
        invariants=_read_invariants(found.key("invariants")),
        limits=_read_limits(found.key("limits")),
    )


def case_to_json(case: Case) -> dict[str, object]:
    """Return the stored form of a case alone."""
    return {
        "format": FORMAT,
        "scenario": case.scenario,
        "index": case.index,
        "seed": case.seed,
        "boots": [
            {
                "operations": [_operation_to_json(operation) for operation in boot.operations],
                "crash": _crash_to_json(boot.crash),
            }
            for boot in case.boots
        ],
    }


def case_from_json(form: object) -> Case:
    """Read what `case_to_json` wrote.

    Raises:
        UsageError: the form is newer, or malformed; the message says what and where.
    """
    return _read_case(Found(form, "case"))


def subject_to_json(subject: SubjectSpec) -> dict[str, object]:
    """Return the stored form of a subject."""
    if subject.driver:
        return {"driver": list(subject.driver)}
    options = {name: subject.options[name] for name in sorted(subject.options)}
    return {"adapter": subject.adapter, "options": options}


def subject_from_json(form: object) -> SubjectSpec:
    """Read what `subject_to_json` wrote.

    Raises:
        UsageError: the form is malformed; the message says what and where.
    """
    return _read_subject(Found(form, "subject"))


def contract_to_json(contract: Contract) -> dict[str, object]:
    """Return the stored form of a contract."""
    return {
        "acknowledges": contract.acknowledges.value,
        "kill": contract.kill.value,
        "power": contract.power.value,
        "model": contract.model.value,
        "detects": sorted(damage.value for damage in contract.detects),
        "max_attempts": contract.max_attempts,
    }


def contract_from_json(form: object) -> Contract:
    """Read what `contract_to_json` wrote.

    Raises:
        UsageError: the form is malformed; the message says what and where.
    """
    return _read_contract(Found(form, "contract"))


def invariants_to_json(invariants: frozenset[Invariant]) -> list[str]:
    """Return the ids in the order in which `Invariant` lists them."""
    return [invariant.value for invariant in Invariant if invariant in invariants]


def invariants_from_json(form: object) -> frozenset[Invariant]:
    """Read what `invariants_to_json` wrote.

    Raises:
        UsageError: the form is malformed; the message says what and where.
    """
    return _read_invariants(Found(form, "invariants"))


def limits_to_json(limits: RecoveryLimits) -> dict[str, object]:
    """Return the stored form of the limits of a recovery."""
    return {"seconds": limits.seconds, "memory_mb": limits.memory_mb}


def limits_from_json(form: object) -> RecoveryLimits:
    """Read what `limits_to_json` wrote.

    Raises:
        UsageError: the form is malformed; the message says what and where.
    """
    return _read_limits(Found(form, "limits"))


def _operation_to_json(operation: Operation) -> dict[str, object]:
    form: dict[str, object] = {"do": operation.kind.value}
    if operation.record is not None:
        form["record"] = operation.record.to_json()
    if operation.now_ms is not None:
        form["now_ms"] = operation.now_ms
    if operation.from_call is not None:
        form["from_call"] = operation.from_call
    return form


def _crash_to_json(crash: Crash | None) -> dict[str, object] | None:
    if crash is None:
        return None
    if isinstance(crash, KillTimer):
        return {"kind": "kill-timer", "delay_us": crash.delay_us}
    if isinstance(crash, PowerLoss):
        return {
            "kind": "power",
            "seed": crash.seed,
            "images": crash.images,
            "choice": crash.choice,
        }
    return {
        "kind": "kill",
        "call": crash.call,
        "ordinal": crash.ordinal,
        "placement": crash.placement.value,
        "event": crash.event.value if crash.event is not None else None,
        "kept": crash.kept,
    }


def _read_case(found: Found) -> Case:
    found.check_format(FORMAT)
    found.check_keys("format", "scenario", "index", "seed", "boots")
    boots = found.key("boots").items(BOOTS_PER_CASE)
    if not boots:
        raise found.key("boots").wrong("a list with at least one boot")
    return Case(
        scenario=found.key("scenario").text(),
        index=found.key("index").integer(0, INTEGER_64 - 1),
        seed=found.key("seed").integer(0, 2**64 - 1),
        boots=tuple(_read_boot(boot) for boot in boots),
    )


def _read_boot(found: Found) -> BootPlan:
    found.check_keys("operations", "crash")
    forms = found.key("operations").items(OPERATIONS_PER_BOOT * 2)
    operations: list[Operation] = []
    for form in forms:
        operations.append(_read_operation(form, operations))
    if not operations or operations[0].kind is not OperationKind.OPEN:
        raise found.key("operations").wrong("a list of operations that starts with `open`")
    crash = _read_crash(found.key("crash"), len(operations))
    if crash is None and operations[-1].kind is not OperationKind.CLOSE:
        raise found.key("crash").wrong("a crash, since the boot does not end with `close`")
    return BootPlan(operations=tuple(operations), crash=crash)


def _read_operation(found: Found, before: list[Operation]) -> Operation:
    kind = found.key("do").member(OperationKind)
    if kind is OperationKind.APPEND:
        found.check_keys("do", "record")
        return Operation(kind, record=_read_record(found.key("record")))
    if kind is OperationKind.TICK:
        found.check_keys("do", "now_ms")
        return Operation(kind, now_ms=found.key("now_ms").integer(-INTEGER_64, INTEGER_64 - 1))
    if kind is OperationKind.REPLAY and found.has("from_call"):
        found.check_keys("do", "from_call")
        from_call = found.key("from_call").integer(0, OPERATIONS_PER_BOOT * 2)
        if from_call >= len(before) or before[from_call].kind is not OperationKind.APPEND:
            raise found.key("from_call").wrong("the position of an earlier `append` of the boot")
        return Operation(kind, from_call=from_call)
    found.check_keys("do")
    return Operation(kind)


def _read_record(found: Found) -> Record:
    found.check_keys("type", "id", "ts_ms", "payload", "error", "next_retry_at_ms")
    for key in ("ts_ms", "next_retry_at_ms"):
        found.key(key).integer(-INTEGER_64, INTEGER_64 - 1)
    id_bytes = found.key("id").text().encode()
    if len(id_bytes) > ID_BYTES:
        raise found.key("id").wrong(f"an id of at most {ID_BYTES} bytes")
    found.key("error").text()
    try:
        record = Record.from_json(found.table())
    except MalformedRecord as problem:
        raise found.wrong(f"a record ({problem})") from None
    if len(record.payload) > PAYLOAD_BYTES:
        raise found.key("payload").wrong(f"a payload of at most {PAYLOAD_BYTES} bytes")
    return record


def _read_crash(found: Found, operation_count: int) -> Crash | None:
    if found.value is None:
        return None
    kind = found.key("kind").choice(("kill", "kill-timer", "power"))
    if kind == "kill-timer":
        found.check_keys("kind", "delay_us")
        return KillTimer(found.key("delay_us").integer(0, DELAY_US))
    if kind == "power":
        return _read_power_loss(found)
    found.check_keys("kind", "call", "ordinal", "placement", "event", "kept")
    event = found.key("event")
    return CrashPoint(
        call=found.key("call").integer(0, operation_count - 1),
        ordinal=found.key("ordinal").integer(0, EVENTS_PER_BOOT * 4),
        placement=found.key("placement").member(Placement),
        event=None if event.value is None else event.member(EventKind),
        kept=found.key("kept").integer(0, KEPT_SCALE - 1),
    )


def _read_power_loss(found: Found) -> PowerLoss:
    found.check_keys("kind", "seed", "images", "choice")
    choice = found.key("choice").text()
    if choice:
        try:
            choice_from_json(json.loads(choice))
        except (ValueError, UsageError) as problem:
            raise found.key("choice").wrong(f"an image choice ({problem})") from None
    return PowerLoss(
        seed=found.key("seed").integer(0, 2**64 - 1),
        images=found.key("images").integer(1, IMAGES),
        choice=choice,
    )


def _read_subject(found: Found) -> SubjectSpec:
    if found.has("driver"):
        return _read_driver(found)
    found.check_keys("adapter", "options")
    options: Mapping[str, object] = found.key("options").table()
    if len(options) > OPTIONS:
        raise found.key("options").wrong(f"at most {OPTIONS} options")
    return SubjectSpec(
        adapter=found.key("adapter").text(),
        options={name: found.key("options").key(name).scalar() for name in options},
    )


def _read_driver(found: Found) -> SubjectSpec:
    found.check_keys("driver")
    words = [word.text() for word in found.key("driver").items(DRIVER_WORDS)]
    if not words or not words[0] or any("\0" in word for word in words):
        raise found.key("driver").wrong("a program and its arguments")
    return SubjectSpec.of_driver(words)


def _read_contract(found: Found) -> Contract:
    found.check_keys("acknowledges", "kill", "power", "model", "detects", "max_attempts")
    detects = found.key("detects").items(len(Damage))
    attempts = found.key("max_attempts")
    return Contract(
        acknowledges=found.key("acknowledges").member(Acknowledges),
        kill=found.key("kill").member(Promise),
        power=found.key("power").member(Promise),
        model=found.key("model").member(PersistenceModel),
        detects=frozenset(damage.member(Damage) for damage in detects),
        max_attempts=None if attempts.value is None else attempts.integer(1, INTEGER_64 - 1),
    )


def _read_invariants(found: Found) -> frozenset[Invariant]:
    return frozenset(each.member(Invariant) for each in found.items(len(Invariant)))


def _read_limits(found: Found) -> RecoveryLimits:
    found.check_keys("seconds", "memory_mb")
    return RecoveryLimits(
        seconds=found.key("seconds").number(0.0, SECONDS),
        memory_mb=found.key("memory_mb").integer(1, MEMORY_MB),
    )
