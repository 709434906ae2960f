"""Novelty: which images of a case are worth more than one recovery.

An image is new where one of these is, in its case: what the first recovery did to each kind of file
behind such a crash, what it showed, without numbers, or which kinds of files there are. Of the
others some are recovered in all ways as well, drawn from the case's seed, since two images that
look alike here may differ in what only a further recovery brings out.

Not here: how an image is recovered (`recovery_runs`).

Source: `harness/walcrash/docs/explanation/decisions/0072-further-recoveries-where-new.md`,
which has the rules that were tried.
"""

from collections import Counter
from collections.abc import Hashable
from itertools import pairwise
from typing import Final

from walcrash.values.cause import name_pattern
from walcrash.values.content import starts_with
from walcrash.values.image import Entry, FileEntry, Image
from walcrash.values.recovery import Recovery
from walcrash.values.seed import Prng

# limits
IN_ALL_WAYS_ONE_IN: Final = 8
"""Of so many images with nothing new, one is recovered in all ways."""

_ALIKE: Final = 3
"""From so many on, files of one kind are as many as any."""

_COUNTS: Final = (0, 1, 2, 4, 8)
"""Numbers of records that are told apart: up to each of these, or more."""


class Novelty:
    """What the images of one case had so far."""

    def __init__(self, seed: int) -> None:
        """Begin a case; `seed` draws which images are recovered in all ways without being new."""
        self._seen: set[Hashable] = set()
        self._prng = Prng(seed)

    def is_worth_more(self, place: Hashable, image: Image, recovery: Recovery, left: Image) -> bool:
        """Return whether an image is to be recovered in all ways, and take it in.

        Args:
            place: the kind of place that the crash fell on: what was called, and whether the crash
                fell within a write. A search that goes by finer kinds would find each image new.
            image: the image.
            recovery: what its first recovery showed.
            left: what that one left.
        """
        found = {
            ("change", place, change(image, left)),
            ("shown", shown(recovery)),
            ("names", _names(image)),
        }
        is_new = not found <= self._seen
        self._seen |= found
        # Drawn for every image, so that what is new does not move what is drawn later.
        is_drawn = self._prng.below(IN_ALL_WAYS_ONE_IN) == 0
        return is_new or is_drawn


def change(before: Image, after: Image) -> frozenset[tuple[str, str]]:
    """Return what a recovery did to an image: for each kind of name what became of it."""
    names = before.entries.keys() | after.entries.keys()
    return frozenset(
        (name_pattern(name), _became(before.entries.get(name), after.entries.get(name)))
        for name in names
    )


def _names(image: Image) -> frozenset[tuple[str, int]]:
    counts = Counter(map(name_pattern, image.entries))
    return frozenset((name, min(count, _ALIKE)) for name, count in counts.items())


def _became(before: Entry | None, after: Entry | None) -> str:
    if before is None:
        return "made"
    if after is None:
        return "removed"
    if before == after:
        return "same"
    if not isinstance(before, FileEntry) or not isinstance(after, FileEntry):
        return "replaced"
    if starts_with(before.content, after.content):
        return "mode" if before.content == after.content else "cut"
    return "appended" if starts_with(after.content, before.content) else "written"


def shown(recovery: Recovery) -> Hashable:
    """Return what a recovery showed, without what is a number of its own in each image."""
    state = recovery.state
    types = frozenset(item.record.type for item in recovery.records)
    count = sum(len(recovery.records) > most for most in _COUNTS)
    if state is None:
        return count, types
    statuses = frozenset(operation.status for operation in state.operations.values())
    marks = (0, state.checkpoint, state.applied, recovery.end)
    order = tuple(_sign(two - one) for one, two in pairwise(marks))
    return count, types, statuses, order


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
