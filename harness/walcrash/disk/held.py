"""What a choice holds at moments of its own, by file and sector.

Not here: which of these moments a model allows (`models`).
"""

from walcrash.disk.file_history import FileHistory
from walcrash.values.image_choice import Held, HeldKind, ImageChoice
from walcrash.values.moments import Moment


def held_by_file(choice: ImageChoice) -> dict[int, list[Held]]:
    """Return the sizes and sectors that a choice holds, by the file's number."""
    by_file: dict[int, list[Held]] = {}
    for held in choice.held:
        if held.kind in (HeldKind.SIZE, HeldKind.SECTORS):
            by_file.setdefault(held.node, []).append(held)
    return by_file


def held_size(held: list[Held], otherwise: Moment) -> Held:
    """Return how a file's size is held; of two the later in the list."""
    for one in reversed(held):
        if one.kind is HeldKind.SIZE:
            return one
    return Held(kind=HeldKind.SIZE, node=0, moment=otherwise)


def held_sectors(file: FileHistory, held: list[Held]) -> dict[int, Moment]:
    """Return the pending sectors of a file that are held, each with its moment."""
    moments: dict[int, Moment] = {}
    past = file.pending_sectors() if held else {}
    for one in held:
        if one.kind is HeldKind.SECTORS:
            run = range(one.first, one.end)
            # Whichever is shorter is gone through: a stored choice may name any number.
            fewer, more = (run, past) if one.end - one.first < len(past) else (past, run)
            inside = [sector for sector in fewer if sector in more]
            moments.update(dict.fromkeys(inside, one.moment))
    return moments
