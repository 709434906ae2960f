"""`silent-rot`: what went bad at rest is reported, or does no harm.

Judged where `detects` of the contract has `rot`, on a recovery of an image with one damage:

- To refuse, or to end, is a report. To end by a memory fault is none: the subject has believed what
  it read, and went where nothing is.
- To answer that a record cannot be decoded is a report about that record: it may stand for records
  that were damaged. One that was appended after the damaged bytes were written is whole, since
  nothing that holds it was touched; what stands for it in place of it is a loss.
- What is shown is right: each record as it was appended, in order, none that was not.
- No acknowledged record is left out in front of one that is shown.
- The log does not end early where the damage cannot be the work of a crash. It can be one where the
  bytes were written by the last call that counts, since a log that is torn there is cut there. So a
  missing record is a violation if some call was acknowledged after the damaged bytes were written,
  and the record was appended after that: then the bytes were durable, by the subject's own word,
  before the record was there. That word counts where all is promised after a power loss; with
  `acknowledges = "sync"` it is a sync.
- Where nothing is missing, the state is that of the records, and no checkpoint is behind the end.

Without `rot` in `detects` one thing is judged: that a recovery comes to an end.

Not here: which damage there is (`walcrash.disk.rot`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, `detects`; Alagappan et al.,
"Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018: a crash and a corruption are told
apart by what is behind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.evidence import DamagedRecovery
from walcrash.oracle.log import Certainty
from walcrash.oracle.order import disordered
from walcrash.oracle.records import altered, strangers
from walcrash.oracle.unrecoverable import failed
from walcrash.oracle.wording import more, name, records_listing
from walcrash.values.contract import Acknowledges, Contract, Damage, Promise
from walcrash.values.damage import Author, Rotted
from walcrash.values.history import BootHistory, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.verdict import Invariant, Violation

_RULE = Invariant.SILENT_ROT

_NO_WORD = (FailureKind.OVER_MEMORY, FailureKind.MEMORY_FAULT)
"""How a subject may end that has not noticed anything: it took damage for a length or a place."""


def judge_silent_rot(evidence: DamagedRecovery) -> list[Violation]:
    """Judge the recovery of what was damaged."""
    match evidence:
        case DamagedRecovery(shown=RecoveryFailure() as failure):
            return _failure(evidence, failure)
        case DamagedRecovery(contract=contract, shown=Comparison() as shown):
            if Damage.ROT in contract.detects:
                return _shown(evidence, shown)
    return []


def promises_about(contract: Contract, boots: Sequence[BootHistory]) -> tuple[Author, ...]:
    """Return the calls whose reply made everything durable that was written up to them.

    Args:
        contract: what is promised.
        boots: all boots of the case, in order.
    """
    if contract.power is not Promise.ALL:
        return ()
    is_synced = contract.acknowledges is Acknowledges.SYNC
    kind = OperationKind.SYNC if is_synced else OperationKind.APPEND
    return tuple(
        Author(boot=number, call=at)
        for number, boot in enumerate(boots, start=1)
        for at, call in enumerate(boot.calls)
        if call.operation.kind is kind and call.outcome is Outcome.ACKNOWLEDGED
    )


def written_by(rotted: Rotted, boots: Sequence[BootHistory]) -> str:
    """Return which call wrote what was damaged, the last one of several, in words."""
    if not rotted.authors:
        return ""
    last, before = rotted.authors[-1], len(rotted.authors) - 1
    if last.boot > len(boots) or last.call >= len(boots[last.boot - 1].calls):
        return ""
    operation = boots[last.boot - 1].calls[last.call].operation
    record = "" if operation.record is None else f" of {name(operation.record)}"
    others = f" and by {before} calls before it" if before > 1 else ""
    others = " and by one call before it" if before == 1 else others
    return f", written by `{operation.kind.value}`{record} in boot {last.boot}{others}"


def after_damage(violation: Violation, rotted: Rotted, written: str) -> Violation:
    """Return a violation that a damaged image showed, as one of this rule."""
    broken = "" if violation.invariant is _RULE else f" ({violation.invariant.value})"
    message = f"{violation.message}{broken}, and nothing was said; {rotted.damage}{written}"
    return Violation(
        _RULE, violation.where, message, violation.allowed, violation.found, violation.record_ts_ms
    )


def _failure(evidence: DamagedRecovery, failure: RecoveryFailure) -> list[Violation]:
    """A recovery that hangs says nothing; a memory fault is no word to a subject's user."""
    is_judged = Damage.ROT in evidence.contract.detects
    if failure.kind is FailureKind.HUNG or (is_judged and failure.kind in _NO_WORD):
        plain = failed(_RULE, evidence.where, failure)
        message = f"{plain.message}; {evidence.rotted.damage}{evidence.written_by}"
        allowed = "records, or a refusal"
        return [Violation(_RULE, evidence.where, message, allowed, failure.kind.value)]
    return []


def _shown(evidence: DamagedRecovery, shown: Comparison) -> list[Violation]:
    where = evidence.where
    found = [
        *altered(shown, where),
        *strangers(shown, where),
        *disordered(shown, where),
        *_left_out(evidence, shown),
        *evidence.state_violations,
    ]
    if found:
        return [after_damage(found[0], evidence.rotted, evidence.written_by)]
    # Something was said, of the wrong record.
    return [
        replace(each, message=f"{each.message}; {evidence.rotted.damage}{evidence.written_by}")
        for each in _wrongly_answered(evidence, shown)
    ]


def _left_out(evidence: DamagedRecovery, shown: Comparison) -> list[Violation]:
    missing = [index for index in shown.missing if shown.is_certain(index, Certainty.PROMISED)]
    last = max((index for index in shown.matches if index is not None), default=-1)
    unreported = [index for index in missing if index < last and not _is_answered(shown, index)]
    if unreported:
        how = "and is left out before others that are shown"
        return [_missing(evidence, shown, unreported, how)]
    gone = [
        index
        for index in missing
        if _is_intact(evidence, shown.entry(index).position) and not _is_answered(shown, index)
    ]
    if not gone:
        return []
    return [_missing(evidence, shown, gone, "and is gone, although its own bytes are whole")]


def _wrongly_answered(evidence: DamagedRecovery, shown: Comparison) -> list[Violation]:
    """Return the violation if a record that no damage hit is answered as undecodable."""
    whole = [
        index
        for index in shown.missing
        if shown.is_certain(index, Certainty.PROMISED)
        and _is_answered(shown, index)
        and _is_whole(evidence, shown.entry(index).position)
    ]
    if not whole:
        return []
    how = "and is answered as undecodable, although its own bytes are whole"
    return [_missing(evidence, shown, whole, how)]


def _is_answered(shown: Comparison, index: int) -> bool:
    """Whether something undecodable stands where a missing record would be."""
    places = [
        (position, match) for position, match in enumerate(shown.matches) if match is not None
    ]
    low = max((position for position, match in places if match < index), default=-1)
    high = min((position for position, match in places if match > index), default=len(shown.shown))
    return any(low < item.before <= high for item in shown.undecodable)


def _is_whole(evidence: DamagedRecovery, position: tuple[int, int]) -> bool:
    """Whether a record was appended after all damaged bytes were written."""
    written = max(evidence.rotted.authors, default=None)
    appended = Author(boot=max(0, position[0]), call=max(0, position[1]))
    return written is not None and written < appended


def _is_intact(evidence: DamagedRecovery, position: tuple[int, int]) -> bool:
    """Whether a record was appended after the damaged bytes were promised to be durable."""
    written = max(evidence.rotted.authors, default=None)
    appended = Author(boot=max(0, position[0]), call=max(0, position[1]))
    return written is not None and _any_between(evidence.promises, written, appended)


def _any_between(promises: Iterable[Author], first: Author, behind: Author) -> bool:
    return any(first <= promise < behind for promise in promises)


def _missing(
    evidence: DamagedRecovery, shown: Comparison, lost: Sequence[int], how: str
) -> Violation:
    record = shown.entry(lost[0]).record
    focus = min(lost[0], len(shown.shown))
    found = records_listing(shown.shown, focus=focus, undecodable=shown.undecodable)
    message = f"{name(record)} was acknowledged {how}{more(len(lost) - 1, 'gone')}"
    allowed = shown.allowed(focus=lost[0])
    return Violation(_RULE, evidence.where, message, allowed, found, record.ts_ms)
