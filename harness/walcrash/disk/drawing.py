"""Drawn choices: a part of the pending changes, by a seed.

Each entry, size and block is at the last moment half of the time, and else at any of the
moments at which it changed; a block may be torn.

Not here: how many choices are drawn, and their seeds (`enumeration`).
"""

from dataclasses import replace

from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.models import MODELS
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import STALE, Moment, after
from walcrash.values.seed import Prng

_TORN_ONE_IN = 8
_STALE_ONE_IN = 16


def drawn(pending: FileSystem, choice: ImageChoice) -> ImageChoice:
    """Return the explicit choice that a drawn one means."""
    assert choice.seed is not None, "a drawn choice has a seed"
    prng, model = Prng(choice.seed), MODELS[choice.model]
    ends = [after(change.event) for change in model.changes(pending)]
    held: list[Held] = []
    if not model.ties_names:
        for (directory, text), name in pending.names.pending.items():
            moment = _moment(pending, [moment for moment, _ in name.changes], prng)
            held.append(Held(kind=HeldKind.NAME, node=directory, name=text, moment=moment))
        for number, history in pending.modes.items():
            moment = _moment(pending, [moment for moment, _ in history.changes], prng)
            held.append(Held(kind=HeldKind.MODE, node=number, moment=moment))
    names = prng.choice([0, *ends])
    for file in pending.dirty_files():
        size = _moment(pending, file.size_moments(), prng)
        held.append(Held(kind=HeldKind.SIZE, node=file.number, moment=size))
        held.extend(_held_blocks(pending, file, prng, may_be_stale=model.shows_stale_bytes))
    return replace(
        choice, policy=Policy.EXPLICIT, names=names, files=pending.now, held=tuple(held), seed=None
    )


def _moment(pending: FileSystem, moments: list[Moment], prng: Prng) -> Moment:
    return pending.now if prng.below(2) else prng.choice([0, *moments])


def _held_blocks(
    pending: FileSystem, file: FileHistory, prng: Prng, *, may_be_stale: bool
) -> list[Held]:
    in_block = max(1, pending.block_bytes // pending.sector_bytes)
    blocks: dict[int, list[int]] = {}
    for sector in file.pending_sectors():
        blocks.setdefault(sector // in_block, []).append(sector)
    held = []
    for block, sectors in sorted(blocks.items()):
        moments = sorted({moment for sector in sectors for moment in file.moments_of(sector)})
        moment = _moment(pending, moments, prng)
        if may_be_stale and not prng.below(_STALE_ONE_IN):
            moment = STALE
        first, end = block * in_block, (block + 1) * in_block
        if not prng.below(_TORN_ONE_IN):
            end = prng.between(min(sectors), max(sectors)) + 1
        held.append(
            Held(kind=HeldKind.SECTORS, node=file.number, moment=moment, first=first, end=end)
        )
    return held
