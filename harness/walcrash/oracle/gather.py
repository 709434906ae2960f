"""Gathering: what a piece of evidence needs and the history does not say in so many words.

Not here: when each piece is made (`walk`).
"""

from collections.abc import Iterator, Sequence

from walcrash.oracle.comparison import Comparison, Shown, compare
from walcrash.oracle.effect_watch import EffectWatch
from walcrash.oracle.evidence import Survivors
from walcrash.oracle.log import Log, Position
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.rule import Occasion


def live_replay(log: Log, call: Call) -> Comparison | None:
    """Compare what a living subject replayed: all that has replied is there, promised or not.

    A replay from an offset that compaction may have moved is not judged.
    """
    replayed = call.replayed
    if replayed is None or call.outcome is not Outcome.ACKNOWLEDGED:
        return None
    start = 0 if replayed.from_offset == 0 else log.index_at(replayed.from_offset)
    if start is None:
        return None
    return compare(log.expectation(start=start), replayed.records, None, replayed.undecodable)


def occasions_of(comparison: Comparison) -> Iterator[Occasion]:
    """Yield what a recovery is an occasion to judge, by its records and by what was promised."""
    promised = comparison.expectation.promised_types()
    yield Occasion.IMAGE
    if RecordType.PUT in promised:
        yield Occasion.PUT
    if promised - {RecordType.PUT}:
        yield Occasion.MARK
    if comparison.shown:
        yield Occasion.RECORD


def resent(comparison: Comparison, effects: EffectWatch) -> frozenset[str]:
    """Return the operations that may have been sent after their last record."""
    last: dict[str, Position] = {}
    for item, index in zip(comparison.shown, comparison.matches, strict=True):
        if index is not None:
            last[item.record.id] = comparison.entry(index).position
    return frozenset(key for key, at in last.items() if effects.may_be_sent_since(key, at))


def survivors(where: str, comparison: Comparison, log: Log, effects: EffectWatch) -> Survivors:
    """Return what a recovery left of the operations that had an effect."""
    # An altered id is reported as altered; the PutOperation behind it did survive.
    entries = (comparison.expected(index) for index in comparison.matches)
    appended = {
        entry.record.id for entry in entries if entry and entry.record.type is RecordType.PUT
    }
    return Survivors(
        where=where,
        effects=effects,
        puts=puts_shown(comparison.shown) | appended,
        compactable=log.compactable,
    )


def puts_shown(shown: Shown) -> set[str]:
    """Return the ids whose PutOperation was shown."""
    return {item.record.id for item in shown if item.record.type is RecordType.PUT}


def is_half_made(boots: Sequence[BootHistory]) -> bool:
    """Return whether what boots left is a store that was being made when calls failed.

    Nothing was acknowledged in any of them, and each that met an error said so in `open`.
    """
    calls = (call for boot in boots for call in boot.calls)
    return all(boot.gave_up for boot in boots if boot.errors) and not any(
        call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED for call in calls
    )


def end_of_boot(boot: BootHistory) -> BootEnd:
    """Return how a boot ended: its close decides, if it was asked for.

    One that was refused kept no more than a kill would have. One that was acknowledged has done its
    work, and a kill that falls behind its reply finds nothing to take.
    """
    closes = [call for call in boot.calls if call.operation.kind is OperationKind.CLOSE]
    if not closes or boot.end not in (BootEnd.CLOSED, BootEnd.KILLED):
        return boot.end
    is_done = all(call.outcome is Outcome.ACKNOWLEDGED for call in closes)
    return BootEnd.CLOSED if is_done else BootEnd.KILLED


def end_of_work(calls: tuple[Call, ...]) -> BootEnd:
    """Return how the work after a recovery ended: without an acknowledged close as by a kill."""
    is_closed = any(
        call.operation.kind is OperationKind.CLOSE and call.outcome is Outcome.ACKNOWLEDGED
        for call in calls
    )
    return BootEnd.CLOSED if is_closed else BootEnd.KILLED


def asked(calls: Sequence[Call]) -> tuple[Call, ...]:
    """Return the calls that were made."""
    return tuple(call for call in calls if call.outcome is not Outcome.NOT_ASKED)


def calls_before_error(boot: BootHistory) -> tuple[Call, ...]:
    """Return the calls of a boot behind `open` that were made before an error was injected."""
    calls = boot.calls[1:]
    return asked(calls[: max(0, boot.errors[0].call - 1)] if boot.errors else calls)
