"""Drawn choices: a part of the pending changes, by a seed.

Each entry, size and block is at the last moment half of the time, and else at any of the
moments at which it changed; a block may be torn.
"""

from dataclasses import replace

from walcrash.disk.changes import pending_changes
from walcrash.disk.file_history import FileHistory
from walcrash.disk.pending import Pending
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import BLOCK_BYTES, STALE, Moment, after
from walcrash.values.seed import Prng

_TORN_ONE_IN = 8
_STALE_ONE_IN = 16


def drawn(pending: Pending, choice: ImageChoice) -> ImageChoice:
    """Return the explicit choice that a drawn one stands for."""
    assert choice.seed is not None, "a drawn choice has a seed"
    prng = Prng(choice.seed)
    ends = [after(change.event) for change in pending_changes(pending, choice.model)]
    held: list[Held] = []
    if choice.model is PersistenceModel.POSIX:
        for (directory, text), name in pending.names.pending.items():
            moment = _moment(pending, [moment for moment, _ in name.changes], prng)
            held.append(Held(kind=HeldKind.NAME, node=directory, name=text, moment=moment))
        for number, history in pending.modes.items():
            moment = _moment(pending, [moment for moment, _ in history.changes], prng)
            held.append(Held(kind=HeldKind.MODE, node=number, moment=moment))
    names = prng.choice([0, *ends])
    for number in pending.dirty:
        file = pending.nodes[number]
        assert isinstance(file, FileHistory), "only files are dirty"
        size = _moment(pending, file.size_moments(), prng)
        held.append(Held(kind=HeldKind.SIZE, node=number, moment=size))
        held.extend(_held_blocks(pending, choice.model, file, prng))
    return replace(
        choice, policy=Policy.EXPLICIT, names=names, files=pending.now, held=tuple(held), seed=None
    )


def _moment(pending: Pending, moments: list[Moment], prng: Prng) -> Moment:
    return pending.now if prng.below(2) else prng.choice([0, *moments])


def _held_blocks(
    pending: Pending, model: PersistenceModel, file: FileHistory, prng: Prng
) -> list[Held]:
    in_block = max(1, BLOCK_BYTES // pending.sector_bytes)
    blocks: dict[int, list[int]] = {}
    for sector in file.pending_sectors():
        blocks.setdefault(sector // in_block, []).append(sector)
    held = []
    for block, sectors in sorted(blocks.items()):
        moments = sorted({moment for sector in sectors for moment in file.moments_of(sector)})
        moment = _moment(pending, moments, prng)
        if model is PersistenceModel.POSIX and not prng.below(_STALE_ONE_IN):
            moment = STALE
        first, end = block * in_block, (block + 1) * in_block
        if not prng.below(_TORN_ONE_IN):
            end = prng.between(min(sectors), max(sectors)) + 1
        held.append(
            Held(kind=HeldKind.SECTORS, node=file.number, moment=moment, first=first, end=end)
        )
    return held
