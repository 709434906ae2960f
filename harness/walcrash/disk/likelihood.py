"""Likelihood: in which order a case tries the choices of a position that it draws from.

A choice of a policy that real file systems show more often is drawn more often. The weights are
far flatter than what was measured, and tears keep theirs though real disks hardly show them: what
a disk does seldom is what programs get wrong.

Not here: which choices there are (`enumeration`).

Source: `reports/real-trees.md`;
`harness/walcrash/docs/explanation/decisions/0066-likely-images-first.md`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeVar

from walcrash.values.image_choice import Policy
from walcrash.values.seed import Prng


class HasPolicy(Protocol):
    """A choice, or what makes one."""

    @property
    def policy(self) -> Policy:
        """By which rule it was made."""


ChoiceT = TypeVar("ChoiceT", bound=HasPolicy)
"""Choices, or what makes them."""

WEIGHTS: Final[Mapping[Policy, int]] = {
    Policy.NOTHING: 4,
    Policy.ALL: 4,
    Policy.NAMES_ONLY: 4,
    Policy.PREFIX: 3,
    Policy.FILES_ONLY: 3,
    Policy.ALL_BUT_ONE: 2,
    Policy.BLOCK_LOST: 2,
    Policy.GROWN_ZEROS: 2,
    Policy.ONE_ALONE: 1,
    Policy.TORN: 2,
    Policy.GROWN_STALE: 1,
    Policy.BOTH_NAMES: 1,
    Policy.DRAWN: 1,
}
"""How much likelier a choice is to come next than one of weight 1."""


def likely_first(choices: Iterable[ChoiceT], prng: Prng) -> Iterator[ChoiceT]:
    """Yield all choices in a drawn order, in which those of a larger weight tend to come first."""
    waiting: dict[int, list[ChoiceT]] = {}
    for choice in prng.shuffled(list(choices)):
        waiting.setdefault(WEIGHTS[choice.policy], []).append(choice)
    while waiting:
        at = prng.below(sum(weight * len(same) for weight, same in waiting.items()))
        for weight, same in waiting.items():
            at -= weight * len(same)
            if at < 0:
                break
        yield same.pop()
        if not same:
            del waiting[weight]
