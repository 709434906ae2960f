"""Real choices: a tree that a real file system left, as an image choice of a model.

A tree that a model allows at its place can be kept as a choice: then it is replayed, made smaller
and explained like any other image. Whether a model allows it is decided exactly
(`walcrash.disk.membership`); a choice counts where building it gives the very tree.

The choices of the enumeration come first, since reports have words for them. Where none is the
tree, the choice names each entry, mode, size and sector at a moment that explains it.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from walcrash.disk import Candidate, ImageBuilder, Pending, images
from walcrash.disk.file_history import FileHistory
from walcrash.disk.membership import explaining
from walcrash.disk.space import Arrangement, FileOptions
from walcrash.values.content import Content
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import STALE, CrashPosition, Moment
from walcrash.values.persistence import PersistenceModel

# limits
MOST_CHOICES: Final = 512
"""Images of the enumeration that are compared with a tree."""


def real_choice(
    pending: Pending, model: PersistenceModel, position: CrashPosition, image: Image
) -> Candidate | None:
    """Return a tree as an image of a model at a position; None where it is none.

    Args:
        pending: the file system, at the position.
        model: what has to allow it.
        position: where the power was lost.
        image: the tree.
    """
    found = explaining(pending, model, image)
    if found is None:
        return None
    digest = image.digest()
    for candidate in islice(images(pending, model, position), MOST_CHOICES):
        if candidate.digest == digest:
            return candidate
    choice = _explicit(pending, model, position, image, *found)
    built = ImageBuilder(pending).build(choice)
    return Candidate(choice, built, digest) if built.digest() == digest else None


def _explicit(
    pending: Pending,
    model: PersistenceModel,
    position: CrashPosition,
    image: Image,
    arrangement: Arrangement,
    nodes: Mapping[str, int],
) -> ImageChoice:
    """Return the choice that names each thing at a moment that an arrangement has for it."""
    held = [
        Held(kind=HeldKind.NAME, node=node, name=name, moment=moment)
        for (node, name), moment in arrangement.entries.items()
    ]
    held += _modes(pending, image, arrangement, nodes)
    options = {one.file.number: one for one in arrangement.files}
    for path, number in nodes.items():
        entry = image.entries[path]
        if isinstance(entry, FileEntry) and number in options:
            held += _file(entry.content, options[number], pending)
    names = max(arrangement.entries.values(), default=pending.now)
    return ImageChoice(
        model=model,
        position=position,
        policy=Policy.EXPLICIT,
        names=names,
        files=names,
        held=tuple(held),
        sector_bytes=pending.sector_bytes,
    )


def _modes(
    pending: Pending, image: Image, arrangement: Arrangement, nodes: Mapping[str, int]
) -> Iterator[Held]:
    for path, number in nodes.items():
        mode = getattr(image.entries[path], "mode", None)
        if mode is None or number not in arrangement.modes:
            continue
        history = pending.modes[number]
        moments = (0, *(moment for moment, _ in history.changes))
        at = next((moment for moment in moments if history.at(moment) == mode), pending.now)
        yield Held(kind=HeldKind.MODE, node=number, moment=at)


def _file(content: Content, options: FileOptions, pending: Pending) -> Iterator[Held]:
    file, size = options.file, len(content)
    moments = (0, *file.size_moments(), pending.now)
    at = next((moment for moment in reversed(moments) if file.size_at(moment) == size), None)
    if at is None:
        # Blocks were written back up to there, and the size follows them.
        least = min(moments, key=file.size_at)
        yield Held(kind=HeldKind.SIZE, node=file.number, moment=least, end=size)
    else:
        yield Held(kind=HeldKind.SIZE, node=file.number, moment=at)
    unit = pending.sector_bytes
    for sector, allowed in options.sectors.items():
        part = content[sector * unit : (sector + 1) * unit]
        moment = next((each for each in allowed if _shows(file, sector, each, part)), None)
        if part and moment is not None:
            yield Held(
                kind=HeldKind.SECTORS,
                node=file.number,
                moment=moment,
                first=sector,
                end=sector + 1,
            )


def _shows(file: FileHistory, sector: int, moment: Moment, part: bytes) -> bool:
    found = file.stale_sector(sector) if moment == STALE else file.sector(sector, moment)
    return found[: len(part)] == part
