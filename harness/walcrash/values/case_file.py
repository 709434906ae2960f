"""Stored cases: the form in which a finding is kept, so that it survives upgrades.

A stored case carries all that is needed to run and judge it again: the operations and crash
points, the subject, the contract and the limits, but not the scenario file that it came from.
A reader of format n refuses format n + 1 by name, and a key that it does not know.

Not here: where findings are kept, and bundles (`walcrash.findings`); the forms of before
(`case_upgrade`).

Source: records are `R` of `harness/walcrash/docs/reference/driver-protocol.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.case_upgrade import upgraded_case, upgraded_stored_case, with_byte_tears
from walcrash.values.codec import Codec, dumps
from walcrash.values.codec_scalars import Mismatch, found
from walcrash.values.codec_shapes import Check
from walcrash.values.contract import Contract
from walcrash.values.faults import CrashPoint
from walcrash.values.forms import SPARSE, As, Most
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import STALE
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.scenario import DRIVER_ADAPTER, RecoveryLimits, SubjectSpec
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant

FORMAT: Final = 4
"""The version of the stored form that is written; formats 1 to 3 are read as well.

Format 4 has image choices that hold a tree; else it is format 3."""

# limits
CAPABILITIES: Final = 100
"""Most capabilities of one subject."""

OPTIONS: Final = 1000
"""Most options of one subject."""

DRIVER_WORDS: Final = 1000
"""Most words of a driver's command line."""


_Options = Annotated[Mapping[str, str | int | float | bool], Most(OPTIONS)]
_Words = Annotated[tuple[str, ...], Most(DRIVER_WORDS, least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubjectForm:
    """A subject in JSON: an adapter with its options, or a driver's words."""

    adapter: Annotated[str | None, SPARSE] = None
    options: Annotated[_Options | None, SPARSE] = None
    driver: Annotated[_Words | None, SPARSE] = None


def _write_subject(subject: SubjectSpec) -> _SubjectForm:
    if subject.driver:
        return _SubjectForm(driver=subject.driver)
    options = {name: subject.options[name] for name in sorted(subject.options)}
    return _SubjectForm(adapter=subject.adapter, options=options)


def _read_subject(form: _SubjectForm) -> SubjectSpec:
    if form.driver is not None:
        if form.adapter is not None or form.options is not None:
            raise Mismatch("found an adapter and a driver; allowed: one of them")
        if not form.driver[0] or any("\0" in word for word in form.driver):
            raise found(list(form.driver), "a program and its arguments", place=".driver")
        return SubjectSpec.of_driver(form.driver)
    if form.adapter is None or form.options is None:
        raise Mismatch("found neither; allowed: `adapter` with `options`, or `driver`")
    if form.adapter == DRIVER_ADAPTER:
        raise found(form.adapter, "an adapter; a driver is named by its words", place=".adapter")
    return SubjectSpec(form.adapter, form.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCase:
    """A case with all that is needed to run and judge it without its scenario file."""

    case: Case
    subject: Annotated[SubjectSpec, As(_SubjectForm, _write_subject, _read_subject)]
    contract: Contract
    supports: Annotated[frozenset[str], Most(CAPABILITIES)]
    invariants: frozenset[Invariant]
    limits: RecoveryLimits

    @property
    def terms(self) -> Terms:
        """What the case is judged by."""
        return Terms(self.contract, self.supports, self.invariants)


def stored_case_to_json(stored: StoredCase) -> dict[str, Any]:
    """Return the stored form; equal cases give equal JSON, whatever the hash seed."""
    return {"format": FORMAT, **CASES.to_json(stored)}


def stored_case_from_json(form: object) -> StoredCase:
    """Read what `stored_case_to_json` wrote.

    Raises:
        Refused: the form is newer, or malformed; the message says what and where.
    """
    return CASES.from_json(
        StoredCase, _upgraded(form, "stored case", _STORED_CASE_UPGRADES), "stored case"
    )


def stored_case_to_text(stored: StoredCase) -> str:
    """Return the stored form as one line of JSON."""
    return dumps(stored_case_to_json(stored))


def stored_case_from_text(text: str) -> StoredCase:
    """Read what `stored_case_to_text` wrote.

    Raises:
        Refused: it is no JSON, is newer, or malformed; the message says what and where.
    """
    return stored_case_from_json(CASES.loads(text, "stored case"))


def case_to_json(case: Case) -> dict[str, Any]:
    """Return the stored form of a case alone."""
    return {"format": FORMAT, **CASES.to_json(case)}


def case_from_json(form: object) -> Case:
    """Read what `case_to_json` wrote.

    Raises:
        Refused: the form is newer, or malformed; the message says what and where.
    """
    return CASES.from_json(Case, _upgraded(form, "case", _CASE_UPGRADES), "case")


def case_from_text(text: str) -> Case:
    """Read the JSON text of a case alone.

    Raises:
        Refused: it is no JSON, is newer, or malformed; the message says what and where.
    """
    return case_from_json(CASES.loads(text, "case"))


_Upgrades = Mapping[int, Callable[[Any], object]]
"""For each older format what makes the next one of it; nothing where they are alike."""

_STORED_CASE_UPGRADES: Final[_Upgrades] = {1: upgraded_stored_case, 2: with_byte_tears}
_CASE_UPGRADES: Final[_Upgrades] = {1: upgraded_case}


def _upgraded(form: object, where: str, upgrades: _Upgrades) -> object:
    version = CASES.check_format(form, FORMAT, where)
    assert isinstance(form, dict), "it has a format"
    rest: object = {name: value for name, value in form.items() if name != "format"}
    for older in range(version, FORMAT):
        if older in upgrades:
            rest = CASES.upgraded(upgrades[older], rest, where)
    return rest


def _check_operation(operation: Operation) -> None:
    kind = operation.kind
    if (operation.record is not None) != (kind is OperationKind.APPEND):
        raise Mismatch(
            f"found `{kind.value}`; allowed: `append`, and no other, has the key `record`"
        )
    if (operation.now_ms is not None) != (kind is OperationKind.TICK):
        raise Mismatch(f"found `{kind.value}`; allowed: `tick`, and no other, has the key `now_ms`")
    if operation.from_call is not None and kind is not OperationKind.REPLAY:
        raise Mismatch(f"found `{kind.value}`; allowed: only `replay` has the key `from_call`")


def _check_boot(plan: BootPlan) -> None:
    operations, crash = plan.operations, plan.crash
    if not operations or operations[0].kind is not OperationKind.OPEN:
        shown = [operation.kind.value for operation in operations[:3]]
        raise found(shown, "a list of operations that starts with `open`", place=".operations")
    for at, operation in enumerate(operations):
        call = operation.from_call
        is_known = call is None or (call < at and operations[call].kind is OperationKind.APPEND)
        if not is_known:
            place = f".operations[{at}].from_call"
            raise found(call, "the position of an earlier `append` of the boot", place=place)
    if crash is None and operations[-1].kind is not OperationKind.CLOSE:
        allowed = "a crash, since the boot does not end with `close`"
        raise found(None, allowed, place=".crash")
    if isinstance(crash, CrashPoint) and crash.call >= len(operations):
        allowed = f"a whole number, 0 to {len(operations) - 1}"
        raise found(crash.call, allowed, place=".crash.call")


def _check_held(held: Held) -> None:
    if held.moment == STALE and held.kind is not HeldKind.SECTORS:
        raise found(None, "a moment; only sectors may be stale", place=".moment")


def _check_choice(choice: ImageChoice) -> None:
    if choice.policy is Policy.DRAWN and choice.seed is None:
        raise found(None, "the seed that it was drawn with", place=".seed")


CASE_CHECKS: Final[Mapping[type, Check]] = {
    Operation: _check_operation,
    BootPlan: _check_boot,
    Held: _check_held,
    ImageChoice: _check_choice,
}
"""What the types of a case's fields cannot say."""

_HINT: Final = "take the finding from a bundle or a run again; a case is not edited by hand"

CASES: Final = Codec(hint=_HINT, is_complete=True, checks=CASE_CHECKS)
"""How stored cases are written and read."""
