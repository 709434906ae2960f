"""Parts of a story that need no disk: calls, recoveries, and what is left out of the middle."""

from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.values.history import AFTER_RECOVERY, BootHistory, Call, RecoveryName
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.story import (
    CALLS_SHOWN,
    RECORDS_SHOWN,
    TEXT_CHARACTERS,
    ShownRecord,
    ShownRecovery,
    StoryCall,
)

RECOVERIES_SHOWN: Final = 6
"""Recoveries of a story; those at the end are the ones that were judged last."""

_HEAD_SHARE: Final = 4
"""Of what is shown of a row that is too long, one in so many is from its beginning."""


def short(text: str) -> str:
    """Return a text, shortened at its end if it is long."""
    if len(text) <= TEXT_CHARACTERS:
        return text
    return f"{text[: TEXT_CHARACTERS - 1]}…"


def elide_middle(count: int, most: int) -> set[int]:
    """Return which of so many are shown: all, or some from the beginning and more from the end."""
    if count <= most:
        return set(range(count))
    head = most // _HEAD_SHARE
    return {*range(head), *range(count - (most - head), count)}


def story_calls(boot: BootHistory, called: set[int]) -> tuple[StoryCall, ...]:
    """Return the calls of a boot: all, or those of shown events first of all."""
    count = len(boot.calls)
    wanted = elide_middle(count, CALLS_SHOWN)
    if count > CALLS_SHOWN:
        with_events = sorted(at for at in called if 0 <= at < count)[-CALLS_SHOWN:]
        rest = sorted(wanted - set(with_events), reverse=True)
        wanted = {*with_events, *rest[: CALLS_SHOWN - len(with_events)]}
    return tuple(_call(at, boot.calls[at]) for at in sorted(wanted))


def _call(number: int, call: Call) -> StoryCall:
    offset = -1 if call.offset is None else call.offset
    return StoryCall(number, short(str(call.operation)), call.outcome, offset, short(call.error))


def story_recoveries(run: CaseRun) -> tuple[ShownRecovery, ...]:
    """Return what the recoveries showed: of the boots, the last image, and the broken rule's."""
    history = run.history
    named = {violation.where for violation in run.judgement.violations}
    listed = [
        _shown(f"boot {number}", boot.recovery)
        for number, boot in enumerate(history.boots, start=1)
        if boot.recovery is not None and number > 1
    ]
    first, rest = history.recoveries.first, history.recoveries
    listed.append(_shown(RecoveryName.FIRST.value, first))
    # What an invariant is about that no recovery shows is shown by the one after it.
    if any(where.startswith(AFTER_RECOVERY) for where in named):
        named.add(RecoveryName.AFTER.value)
    further = {
        RecoveryName.UNINTERRUPTED: rest.uninterrupted,
        RecoveryName.PERTURBED: rest.perturbed,
        RecoveryName.AGAIN: rest.again,
        RecoveryName.AFTER: rest.after,
    }
    listed += [
        _shown(name.value, each)
        for name, each in further.items()
        if each is not None and name.value in named
    ]
    return tuple(listed[-RECOVERIES_SHOWN:])


def _shown(where: str, recovery: Recovery | RecoveryFailure) -> ShownRecovery:
    if isinstance(recovery, RecoveryFailure):
        failure = f"{recovery.kind.value}: {recovery.message}"
        return ShownRecovery(where=where, records=(), record_count=0, failure=short(failure))
    entries = _entries(recovery)
    shown = sorted(elide_middle(len(entries), RECORDS_SHOWN))
    state = recovery.state
    return ShownRecovery(
        where=where,
        records=tuple(ShownRecord(at, *entries[at]) for at in shown),
        record_count=len(entries),
        checkpoint=None if state is None else state.checkpoint,
        applied=None if state is None else state.applied,
    )


def _entries(recovery: Recovery) -> list[tuple[int, str]]:
    """Return offset and words of what a replay yielded, also of what it could not decode."""
    entries = [(item.offset, short(str(item.record))) for item in recovery.records]
    for number, item in enumerate(recovery.undecodable):
        text = f"undecodable, {len(item.data):,} bytes: {item.data[:8].hex(' ')}"
        entries.insert(item.before + number, (item.offset, text))
    return entries
