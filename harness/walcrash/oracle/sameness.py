"""Sameness: `determinism` and `idempotence`, two recoveries that have to show the same.

`determinism`: two recoveries of one image in different surroundings show the same in every
respect. `idempotence`: a recovery of what a recovery left, or of what a recovery that was
killed left, shows the same log and the same operations. The checkpoint may move in between,
since a boot may apply what it replays, and what was in flight may be waiting again.

Not here: whether what they show is right.
"""

from collections.abc import Mapping

from walcrash.oracle.evidence import FailedRecovery, PerturbedRecovery, RepeatedRecovery
from walcrash.oracle.fold import text
from walcrash.oracle.unrecoverable import failed
from walcrash.oracle.wording import (
    LIST_ITEMS,
    difference,
    id_text,
    name,
    records_listing,
    undecodable_text,
)
from walcrash.values.recovery import OperationState, OperationStatus, Recovery, Resume, SubjectState
from walcrash.values.verdict import Invariant, Violation

_WAITING = (OperationStatus.PENDING, OperationStatus.FAILED, OperationStatus.IN_FLIGHT)

_Difference = tuple[str, str, str]
"""What differs, how the first recovery shows it, and how the other does."""


def judge_determinism(evidence: FailedRecovery | PerturbedRecovery) -> list[Violation]:
    """Judge that other surroundings change nothing.

    Where `unrecoverable` was not asked for, a recovery that failed in other surroundings only is
    judged here.
    """
    match evidence:
        case FailedRecovery(breaks=Invariant.DETERMINISM, where=where, failure=failure):
            return [failed(Invariant.DETERMINISM, where, failure)]
        case PerturbedRecovery(where=where, first=first, other=other):
            found = _any_difference(first, other)
            return _violation(Invariant.DETERMINISM, where, "in other surroundings", found)
    return []


def judge_idempotence(evidence: FailedRecovery | RepeatedRecovery) -> list[Violation]:
    """Judge that a recovery of what a recovery left shows the same.

    Where `unrecoverable` was not asked for, such a recovery that failed is judged here.
    """
    match evidence:
        case FailedRecovery(breaks=Invariant.IDEMPOTENCE, where=where, failure=failure):
            return [failed(Invariant.IDEMPOTENCE, where, failure)]
        case RepeatedRecovery(where=where, first=first, other=other):
            found = _lasting_difference(first, other)
            return _violation(Invariant.IDEMPOTENCE, where, "in this recovery", found)
    return []


def _any_difference(first: Recovery, other: Recovery) -> _Difference | None:
    return (
        _log_difference(first, other)
        or _exact_state_difference(first.state, other.state)
        or _resume_difference(first.resumes, other.resumes)
    )


def _lasting_difference(first: Recovery, other: Recovery) -> _Difference | None:
    """The checkpoint may move, and what was in flight may be waiting again."""
    found = _log_difference(first, other)
    if not found and first.state is not None and other.state is not None:
        found = _operations_difference(
            first.state.operations, other.state.operations, is_exact=False
        )
    return found


def _violation(
    invariant: Invariant, where: str, place: str, found: _Difference | None
) -> list[Violation]:
    if found is None:
        return []
    what, one, other = found
    message = f"{what} is {one} in the first recovery and {other} {place}"
    return [Violation(invariant, where, message, one, other)]


def _log_difference(first: Recovery, other: Recovery) -> _Difference | None:
    for position, (one, two) in enumerate(zip(first.records, other.records, strict=False)):
        if one == two:
            continue
        what = f"record {position + 1}"
        if (one.record.type, one.record.id) == (two.record.type, two.record.id):
            what = name(one.record)
            if one.record != two.record:
                field, left, right = difference(one.record, two.record)
                return f"`{field}` of {what}", left, right
        return what, _at(first, position), _at(other, position)
    shorter = min(len(first.records), len(other.records))
    if len(first.records) != len(other.records):
        return f"record {shorter + 1}", _at(first, shorter), _at(other, shorter)
    if first.undecodable != other.undecodable:
        return "what is undecodable", _undecodable(first), _undecodable(other)
    if first.end != other.end:
        return "the end of the log", str(first.end), str(other.end)
    return None


def _undecodable(recovery: Recovery) -> str:
    if not recovery.undecodable:
        return "nothing"
    return ", ".join(map(undecodable_text, recovery.undecodable[:LIST_ITEMS]))


def _at(recovery: Recovery, position: int) -> str:
    if position >= len(recovery.records):
        return "missing"
    item = recovery.records[position]
    return f"{name(item.record)} at {item.offset}"


def _exact_state_difference(
    one: SubjectState | None, other: SubjectState | None
) -> _Difference | None:
    if one is None or other is None:
        there = ("there", "missing")
        return None if one is other else ("the state", there[one is None], there[other is None])
    if one.checkpoint != other.checkpoint:
        return "the checkpoint", str(one.checkpoint), str(other.checkpoint)
    if one.applied != other.applied:
        return "the applied offset", str(one.applied), str(other.applied)
    return _operations_difference(one.operations, other.operations, is_exact=True)


def _operations_difference(
    one: Mapping[str, OperationState], other: Mapping[str, OperationState], *, is_exact: bool
) -> _Difference | None:
    for operation_id in sorted(one.keys() | other.keys()):
        left, right = one.get(operation_id), other.get(operation_id)
        if left == right or (not is_exact and _are_both_waiting(left, right)):
            continue
        return f"operation {id_text(operation_id)}", _state(left), _state(right)
    return None


def _are_both_waiting(left: OperationState | None, right: OperationState | None) -> bool:
    """An operation in flight is pending or failed again once it was requeued."""
    if left is None or right is None:
        return False
    is_requeue = OperationStatus.IN_FLIGHT in (left.status, right.status)
    return is_requeue and left.status in _WAITING and right.status in _WAITING


def _state(state: OperationState | None) -> str:
    return "missing" if state is None else text(state)


def _resume_difference(one: tuple[Resume, ...], other: tuple[Resume, ...]) -> _Difference | None:
    for left, right in zip(one, other, strict=False):
        if left != right:
            return "a replay", _resume(left), _resume(right)
    if len(one) != len(other):
        return "the number of replays", str(len(one)), str(len(other))
    return None


def _resume(resume: Resume) -> str:
    listed = records_listing(resume.records, undecodable=resume.undecodable)
    return f"from {resume.from_offset}: {listed}"
