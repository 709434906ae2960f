"""What a power loss took of a piece: its bytes, its name, or the event that had taken its name.

Not here: what a power loss may take (`walcrash.disk`), the rest of the ledger (`ledger`).
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from walcrash.oracle.boot_trace import Loss
from walcrash.oracle.carriers import encoded_forms, has_bytes
from walcrash.oracle.piece import Piece
from walcrash.oracle.torn import FailedSyncs, Torn
from walcrash.values.content import Content
from walcrash.values.event import Event, EventKind
from walcrash.values.fate import EventRef
from walcrash.values.story import Aspect

_TAKE_NAMES: Final = frozenset({EventKind.RENAME, EventKind.UNLINK})


def place_of(piece: Piece, contents: Mapping[str, Content], names: Sequence[str]) -> str | None:
    """Return a name that the piece's file ever had, under which an image has its bytes."""
    own = (*names, piece.path, *piece.former, piece.written.path)
    return next(
        (path for path in own if path in contents and has_bytes(contents[path], piece.carrier)),
        None,
    )


def loss_of(piece: Piece, losses: Sequence[Loss]) -> Loss | None:
    """Return what the power loss took that the piece is gone by: its bytes, or its name."""
    carrier = piece.carrier
    for loss in losses:
        if is_same(loss.ref, piece.written) and (
            loss.aspect is Aspect.SIZE
            or (loss.aspect is Aspect.DATA and _hits(loss, carrier.start, carrier.end))
        ):
            return loss
    return name_loss(piece.path, losses)


def name_loss(path: str, losses: Sequence[Loss]) -> Loss | None:
    """Return what the power loss took of a name, or of a directory that it is in."""
    for loss in losses:
        name = loss.path.rstrip("/")
        if loss.aspect is Aspect.NAME and (name == path or path.startswith(f"{name}/")):
            return loss
    return None


def loss_with_its_name_back(
    piece: Piece, losses: Sequence[Loss], names: Container[str]
) -> Loss | None:
    """Return what a power loss took of a piece whose file it gave its name back.

    None where no event had taken the name, where that event was kept, or nothing of the bytes was
    lost.
    """
    by = piece.by
    if by is None or by.kind not in _TAKE_NAMES or piece.path not in names:
        return None
    is_undone = any(loss.aspect is Aspect.NAME and is_same(loss.ref, by) for loss in losses)
    found = loss_of(piece, losses) if is_undone else None
    return found if found is not None and found.aspect is Aspect.DATA else None


def torn_kept(
    torn: Iterable[Torn],
    before: Mapping[str, int],
    after: Mapping[str, int],
    sizes: Mapping[int, int],
    losses: Sequence[Loss],
) -> Iterator[Torn]:
    """Yield what was left of torn writes before a power loss and is there behind it as well.

    Args:
        torn: what was left before.
        before: each name's file then.
        after: each name's file now, by other numbers.
        sizes: how long the files are now.
        losses: what was lost.
    """
    for item in torn:
        end = item.start + item.length
        for path in (path for path, number in before.items() if number == item.file):
            own = [loss for loss in losses if loss.path == path]
            is_hit = any(loss.aspect is Aspect.NAME or _hits(loss, item.start, end) for loss in own)
            if path in after and not is_hit and sizes[after[path]] >= end:
                yield replace(item, file=after[path], is_carried=True)
                break


def torn_by_power(
    losses: Sequence[Loss],
    names: Mapping[str, int],
    asked: Mapping[tuple[int, int], tuple[int, bool]],
    failed_syncs: FailedSyncs,
    changes: Sequence[EventRef],
    sizes: Mapping[int, int],
) -> Iterator[Torn]:
    """Yield the writes of which a power loss has kept a part, or the size that they gave a file.

    Args:
        losses: what was lost.
        names: each name's file now.
        asked: of each write, how long it was to be, and whether it went over bytes.
        failed_syncs: the syncs that failed.
        changes: what took or gave names until then, in order.
        sizes: how long the files are now.
    """
    for loss in losses:
        if not loss.lost or loss.path not in names:
            continue
        ref, file = loss.ref, names[loss.path]
        length, is_over = asked.get(ref.place, (0, False))
        start, end = (loss.kept or loss.lost)[0]
        if not loss.kept:
            end = min(end, sizes[file])
            if end > start and not is_over:
                hole = replace(ref, is_hole=True)
                yield Torn(file=file, start=start, length=end - start, ref=hole, is_hole=True)
            continue
        yield Torn(
            file=file,
            start=start,
            length=end - start,
            ref=ref,
            failed_sync=failed_syncs.of(ref),
            asked=length,
            is_over=is_over,
            outlived_by=_outlived_by(ref, losses, changes),
        )


def _outlived_by(
    write: EventRef, losses: Sequence[Loss], changes: Sequence[EventRef]
) -> EventRef | None:
    """Return the first event that took a name behind a write, and that a power loss has kept."""
    lost = [loss.ref for loss in losses if loss.aspect is Aspect.NAME]
    for ref in changes:
        is_behind = ref.boot == write.boot and ref.event > write.event
        if ref.kind in _TAKE_NAMES and is_behind and not any(is_same(ref, each) for each in lost):
            return ref
    return None


def removals_undone(
    losses: Sequence[Loss], contents: Mapping[str, Content]
) -> Iterator[tuple[EventRef, Content]]:
    """Yield the removals of names that a power loss took, each with what is there again."""
    for loss in losses:
        is_removal = loss.aspect is Aspect.NAME and loss.ref.kind is EventKind.UNLINK
        if is_removal and loss.path in contents:
            yield loss.ref, contents[loss.path]


def source_of(data: bytes, returned: Iterable[tuple[EventRef, Content]]) -> EventRef | None:
    """Return the removal that a power loss undid of a file that has these bytes, in any form."""
    if not any(data):
        return None
    for ref, content in returned:
        there = content[: len(content)]
        if any(form in there for form in encoded_forms(data)):
            return ref
    return None


def rolled_back(
    events: Iterable[Event], returned: Iterable[tuple[EventRef, Content]]
) -> EventRef | None:
    """Return the removal that a power loss undid of a file that an `open` removed once more.

    What it cut off, it cut off for that file: a journal of what is not to be. None where there are
    several such files.
    """
    removed = {event.path for event in events if event.kind is EventKind.UNLINK and not event.call}
    found = [ref for ref, _ in returned if ref.path in removed]
    return found[0] if len(found) == 1 else None


def _hits(loss: Loss, start: int, end: int) -> bool:
    """Whether a loss took bytes of a range."""
    return any(low < end and start < high for low, high in loss.lost)


def is_same(one: EventRef, other: EventRef) -> bool:
    """Whether two names are of one event."""
    return one.place == other.place
