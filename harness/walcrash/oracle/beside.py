"""What happened beside a record: what was taken before its reply, what else a power loss took.

Not here: what became of the record's own bytes (`ledger`), what is told of them (`fate`).
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.copies import Copy
from walcrash.oracle.piece import Piece
from walcrash.oracle.torn import FailedSyncs
from walcrash.values.event import Event, EventKind
from walcrash.values.fate import EventRef, LostBeside, event_ref
from walcrash.values.story import Aspect

_place: Final = attrgetter("place")
_TAKE: Final = frozenset({EventKind.UNLINK, EventKind.RENAME, EventKind.TRUNCATE})


def taken_ahead(
    copy: Copy,
    replied: EventRef | None,
    boots: Sequence[BootTrace],
    beside: LostBeside | None = None,
) -> EventRef | None:
    """Return what took a file between a record's write and its reply, in the call that wrote it.

    Only a file counts that the call had written before the record: a journal of what is not to be,
    or another copy in another form. None where there is none, or the call has not replied.

    Args:
        copy: the bytes of the record.
        replied: the reply.
        boots: all of the case.
        beside: another write of the call that has to come before it as well.
    """
    boot, call = copy.pieces[0].call
    if replied is None or replied.boot != boot:
        return None
    events = boots[boot - 1].events
    written = [piece.written.event for piece in copy.pieces]
    last = max(written) if beside is None else max(*written, beside.write.event)
    own = {name for piece in copy.pieces for name in (piece.path, piece.written.path)}
    before = {event.path for event in events[: min(written)] if _is_write_of(event, call)} - own
    for at in range(last + 1, replied.event):
        event = events[at]
        is_own_call = event.call == call and event.result >= 0
        if is_own_call and event.kind in _TAKE and event.path in before:
            return event_ref(boot, at, event)
    return None


def _is_write_of(event: Event, call: int) -> bool:
    return event.kind is EventKind.WRITE and event.call == call and event.result > 0


def lost_beside(
    copies: Sequence[Copy],
    boots: Sequence[BootTrace],
    replied: EventRef | None,
    failed_syncs: FailedSyncs,
) -> LostBeside | None:
    """Return the write or rename whose loss alone is between a record and the recovery without it.

    The bytes of the record were there when the power was lost. Either the call that wrote and
    acknowledged it had made that write or rename too; or the subject had taken another copy of the
    record behind that write, so that something else was to tell of this one. None where the power
    loss took both names and bytes, or bytes of more than one file, or where a sync of the write
    failed. A rename is told whatever was lost of what came behind the reply.

    Args:
        copies: the places at which the record was written, the one that decides first.
        boots: those before the recovery.
        replied: the reply that acknowledged it.
        failed_syncs: the syncs that failed.
    """
    numbers = [at for at, boot in enumerate(boots, start=1) if boot.image is not None]
    if not numbers or not _was_there(copies[0], numbers[-1]):
        return None
    losses = [loss for loss in boots[numbers[-1] - 1].losses if loss.aspect is not Aspect.MODE]
    renamed = _renamed_by_its_call(copies[0], losses, boots, replied)
    if renamed is not None:
        return renamed
    if len({loss.path for loss in losses}) != 1:
        return None
    if any(loss.aspect is Aspect.NAME for loss in losses):
        return None
    writes = [loss.ref for loss in losses if loss.ref.kind is EventKind.WRITE]
    found = _of_its_call(copies[0], writes, boots, replied)
    if found is None:
        found = _before_removal(copies, losses[0].path, writes, until=numbers[-1])
    return None if found is None or failed_syncs.of(found.write) is not None else found


def _was_there(copy: Copy, boot: int) -> bool:
    """Whether the bytes of a copy were there when a boot had lost the power."""
    by = copy.decisive.by
    return copy.is_there or (by is not None and by.is_recovery and not 0 < by.boot <= boot)


def _of_its_call(
    copy: Copy,
    writes: Sequence[EventRef],
    boots: Sequence[BootTrace],
    replied: EventRef | None,
) -> LostBeside | None:
    own = _before_reply(copy, writes, boots, replied) if copy.is_there else []
    return LostBeside(write=max(own, key=_place)) if own else None


def _before_reply(
    copy: Copy,
    refs: Sequence[EventRef],
    boots: Sequence[BootTrace],
    replied: EventRef | None,
) -> list[EventRef]:
    """Return those events that the call which wrote a copy made before it was acknowledged."""
    boot, call = copy.pieces[0].call
    if replied is None or replied.boot != boot:
        return []
    events = boots[boot - 1].events
    return [
        ref
        for ref in refs
        if ref.boot == boot and ref.event < replied.event and events[ref.event].call == call
    ]


def _renamed_by_its_call(
    copy: Copy,
    losses: Sequence[Loss],
    boots: Sequence[BootTrace],
    replied: EventRef | None,
) -> LostBeside | None:
    """Return the last rename before a reply that was lost, where no bytes from before it were."""
    if replied is None:
        return None
    earlier = [loss for loss in losses if loss.ref.place < replied.place]
    if any(loss.aspect is not Aspect.NAME for loss in earlier):
        return None
    names = _names(copy.pieces)
    renames = [
        ref
        for ref in _before_reply(copy, [loss.ref for loss in earlier], boots, replied)
        if ref.kind is EventKind.RENAME and names.isdisjoint((ref.path, ref.path_to))
    ]
    return LostBeside(write=max(renames, key=_place)) if renames else None


def _names(pieces: Iterable[Piece]) -> set[str]:
    """Return all names that the files of some pieces had."""
    return {name for each in pieces for name in (each.path, each.written.path, *each.former)}


def _before_removal(
    copies: Sequence[Copy], path: str, writes: Sequence[EventRef], *, until: int
) -> LostBeside | None:
    """Return the last write before what took another copy of a record, to a file without one.

    Args:
        copies: as for `lost_beside`.
        path: the file from which the power loss took something.
        writes: the writes that it took.
        until: the boot that lost the power.
    """
    if path in _names(piece for copy in copies for piece in copy.pieces):
        return None
    taken = [copy.decisive.by for copy in copies[1:] if not copy.is_there]
    removals = [
        ref for ref in taken if ref is not None and ref.kind in _TAKE and 0 < ref.boot <= until
    ]
    if not removals:
        return None
    removal = max(removals, key=_place)
    earlier = [ref for ref in writes if ref.place < removal.place]
    return LostBeside(write=max(earlier, key=_place), removal=removal) if earlier else None
