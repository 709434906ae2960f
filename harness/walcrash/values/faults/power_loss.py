"""A power loss: what was not synced is kept, dropped, torn or reordered, by a persistence model.

Not here: which images it may leave (`walcrash.disk`), which of them are judged
(`walcrash.case.power_loss`).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from walcrash.values.faults.base import Draft, Ending
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import SPARSE, Whole
from walcrash.values.image_choice import ImageChoice
from walcrash.values.limits import SEEDS
from walcrash.values.operation import Operation

# limits
IMAGES: Final = 1_000_000
"""Most images of one case."""


@ENDS.add("power")
@dataclass(frozen=True, slots=True)
class PowerLoss(End):
    """A power loss somewhere in the boot or after it.

    The boot runs to its end; the crash position is chosen in its trace. Where other boots follow,
    one image is drawn and they go on from it; in the last boot many are judged.

    Attributes:
        seed: what positions and images are drawn from.
        images: most images of the last boot.
        choice: the one image that is left; None to draw.
    """

    noun: ClassVar[str] = "a power loss"
    is_power_loss: ClassVar[bool] = True

    seed: Annotated[int, Whole(0, SEEDS - 1)]
    images: Annotated[int, Whole(1, IMAGES)]
    choice: Annotated[ImageChoice | None, SPARSE] = None


class PowerCut(Ending):
    """Power losses, as a scenario asks for them."""

    kind = FaultKind.POWER
    keys = frozenset({"images"})
    falls = "anywhere in its boot"
    is_power_loss = True

    def draw(self, plan: FaultPlan, draft: Draft) -> tuple[list[Operation], PowerLoss]:
        """Return the whole boot, which is recorded with its `close`: the power may go any time."""
        return draft.closed(), PowerLoss(draft.prng.below(1 << 63), plan.most_images)
