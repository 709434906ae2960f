"""Images drawn at one position: the plainest first, then some of the rest, the likely first.

Not here: at which positions images are drawn (`power_loss`, `walcrash.tools.audit.space`).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Final

from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.disk import Candidate, ImageBuilder, Pending, choices, likely_first
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import CrashPosition
from walcrash.values.seed import Prng

# limits
DRAWN_SUBSETS: Final = 8
"""Choices at one position that are drawn subsets of the changes."""

_PLAINEST: Final = 2
"""Choices that are always tried: nothing is kept, everything is kept."""


def drawn_images(
    pending: Pending,
    model: PersistenceModel,
    position: CrashPosition,
    prng: Prng,
    *,
    most: int,
    pool: int,
    is_wanted: Callable[[ImageChoice, str], bool] | None = None,
    is_uniform: bool = False,
    deadline: Deadline = NO_DEADLINE,
) -> Iterator[Candidate]:
    """Yield some images at a position, each content once.

    Args:
        pending: the file system, at the position.
        model: which images are legal.
        position: where the crash falls.
        prng: what the subsets and the order come from.
        most: the most images that are yielded.
        pool: the choices at the position among which is drawn.
        is_wanted: whether an image is of use, by its choice and digest; None where each is.
        is_uniform: whether each choice is as likely to come next as any other.
        deadline: when no more are built.

    Raises:
        TimeOver: there is no time left.
    """
    every = choices(pending, model, position, prng=prng, drawn=DRAWN_SUBSETS)
    first = list(islice(every, pool))
    builder = ImageBuilder(pending)
    seen: set[str] = set()
    ordered: Iterable[ImageChoice] = chain(first[:_PLAINEST], likely_first(first[_PLAINEST:], prng))
    if is_uniform:
        ordered = prng.shuffled(first)
    for choice in ordered:
        deadline.check()
        image = builder.build(choice)
        digest = image.digest()
        if digest in seen or (is_wanted is not None and not is_wanted(choice, digest)):
            continue
        seen.add(digest)
        yield Candidate(choice, image, digest)
        if len(seen) == most:
            return
