"""Ramps: the first cases of a campaign judge few crash states each, later ones as many as may be.

What shows a bug is a rare case far more often than a rare state of any case: a mix of operations
that has it, the call in which an error falls. So the first cases are many looks at little, and
no case that cannot show it takes the time of those that can. The number follows from the index
alone, so a case is the same for any number of cases.

Not here: in which order the states of a case are judged (`walcrash.case.frontier`).

Source: `harness/walcrash/docs/explanation/decisions/0084-few-states-in-the-first-cases.md`.
"""

from dataclasses import replace
from typing import Final

from walcrash.values.faults import FaultPlan

# limits
CASES_OF_A_STEP: Final = 4
"""So many cases judge as many states; the next ones twice as many."""

STEPS: Final = 3
"""How often the number of states doubles until it is whole."""

FULL_RAMP: Final = 1 << STEPS
"""How many times the states of a first case a later one judges."""


def ramped(whole: int, index: int) -> int:
    """Return how many of the most states of a case case `index` judges, one at least."""
    return max(1, whole >> max(0, STEPS - index // CASES_OF_A_STEP))


def with_images(plan: FaultPlan, index: int) -> FaultPlan:
    """Return a plan with the images of case `index`; a stated number is kept."""
    if plan.images is not None:
        return plan
    return replace(plan, images=ramped(plan.most_images, index))
