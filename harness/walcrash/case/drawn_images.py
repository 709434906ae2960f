"""Images drawn at one position: the plainest first, then some of the rest, the likely first.

Not here: at which positions images are drawn (`power_loss`, `walcrash.tools.audit.space`).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, zip_longest
from typing import Final, Protocol

from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.disk import (
    WEIGHTS,
    Candidate,
    ChoiceT,
    ImageBuilder,
    Pending,
    likely_first,
    planned_choices,
)
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition
from walcrash.values.seed import Prng

# limits
DRAWN_SUBSETS: Final = 8
"""Choices at one position that are drawn subsets of the changes."""

_PLAINEST: Final = 2
"""Choices that are always tried: nothing is kept, everything is kept."""


class DrawChoices(Protocol):
    """Puts the choices of one position into the order in which their images are built."""

    def __call__(self, choices: list[ChoiceT], prng: Prng, /) -> Iterable[ChoiceT]:
        """Return them, or some of them, in that order."""


def drawn_images(
    pending: Pending,
    model: PersistenceModel,
    position: CrashPosition,
    prng: Prng,
    *,
    most: int,
    pool: int,
    is_wanted: Callable[[ImageChoice, str], bool] | None = None,
    draw: DrawChoices | None = None,
    known: list[str] | None = None,
    builder: ImageBuilder | None = None,
    deadline: Deadline = NO_DEADLINE,
) -> Iterator[Candidate]:
    """Yield some images at a position, each content once.

    Args:
        pending: the file system, at the position.
        model: which images are legal.
        position: where the crash falls.
        prng: what the subsets and the order come from.
        most: the most images, with those that are known.
        pool: the choices at the position among which is drawn.
        is_wanted: whether an image is of use, by its choice and digest; None where each is.
        draw: puts the choices into the order in which they are built; None for the plainest, and
            then the likely ones.
        known: the digests of the first images, which an equal call has built before; they are
            neither built nor yielded again, and those of the next ones are added.
        builder: that of other images of the position, with which these share what they can; None
            for one of their own.
        deadline: when no more are built.

    Raises:
        TimeOver: there is no time left.
    """
    every = planned_choices(pending, model, position, prng=prng, drawn=DRAWN_SUBSETS)
    first = list(islice(every, pool))
    builder = builder or ImageBuilder(pending)
    seen: set[str] = set()
    ordered = (draw or plainest_first)(first, prng)
    known = [] if known is None else known
    for number, planned in enumerate(ordered):
        if number < len(known):
            seen.add(known[number])
        else:
            deadline.check()
            choice = planned.make()
            image = builder.build(choice)
            known.append(digest := builder.digest(image))
            if digest in seen or (is_wanted is not None and not is_wanted(choice, digest)):
                continue
            seen.add(digest)
            yield Candidate(choice, image, digest)
        if len(seen) == most:
            return


def by_turns(choices: list[ChoiceT], prng: Prng) -> Iterator[ChoiceT]:
    """Yield one choice of each policy, the likely policies first, then another one of each."""
    waiting: dict[Policy, list[ChoiceT]] = {}
    for choice in choices:
        waiting.setdefault(choice.policy, []).append(choice)
    turns = sorted(waiting.values(), key=lambda same: -WEIGHTS[same[0].policy])
    # Few of hundreds are built, so each is drawn when it is its turn.
    for turn in zip_longest(*map(prng.each_once, turns)):
        yield from (choice for choice in turn if choice is not None)


class FirstFew:
    """So many choices of an order; many of those of one position may mean one image.

    Attributes:
        is_cut: whether there were more.
    """

    def __init__(self, draw: DrawChoices, most: int) -> None:
        self.is_cut = False
        self._draw = draw
        self._most = most

    def __call__(self, choices: list[ChoiceT], prng: Prng, /) -> Iterator[ChoiceT]:
        """Yield the first choices."""
        for number, choice in enumerate(self._draw(choices, prng)):
            if number == self._most:
                self.is_cut = True
                return
            yield choice


def plainest_first(choices: list[ChoiceT], prng: Prng) -> Iterator[ChoiceT]:
    """Yield the plainest choices, and then the likely ones."""
    return chain(choices[:_PLAINEST], likely_first(choices[_PLAINEST:], prng))


def uniformly(choices: list[ChoiceT], prng: Prng) -> Iterator[ChoiceT]:
    """Yield the choices, each as likely to come next as any other."""
    return iter(prng.shuffled(choices))
