"""Branches: a boot of a case is run once more, on another state that the boot before may leave.

A case goes on from one state of each of its boots. What the next boot makes of another one is
depth two of the search: kills within the recovery of another crash, a second power cut.

Not here: which states are judged there (`kill_search`, `power_loss`).
"""

from collections.abc import Sequence

from walcrash.case.boots import CaseBoots, without_power
from walcrash.case.kill_search import KillSearch
from walcrash.case.power_loss import LossSearch
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.values.case import BootPlan
from walcrash.values.operation import OperationKind
from walcrash.values.seed import Prng
from walcrash.workload.operations import CLOSE


def branch_after_kill(
    boots: CaseBoots,
    recorded: Sequence[RecordedBoot],
    plans: Sequence[BootPlan],
    kills: KillSearch,
    prng: Prng,
) -> tuple[CaseBoots, list[RecordedBoot]] | None:
    """Kill an earlier boot elsewhere, and run the next one on what that leaves, to its end.

    Args:
        boots: the boots of the case, which have been run.
        recorded: the same, as crashes find them.
        plans: what was drawn for them.
        kills: where kills may fall in them.
        prng: what draws the boot and the place.

    Returns:
        The boots up to the one that was run again, and the same as crashes find them. None where
        no kill may fall into the boot that was drawn, or the next one did not recover.

    Raises:
        NotModelled: a trace means something that there is no rule for.
        WalcrashError: as `CaseBoots.run`.
    """
    at = prng.below(len(recorded) - 1)
    drawn = kills.draw(prng, at)
    if drawn is None:
        return None
    other = boots.branched(*drawn, durable=recorded[at].base)
    boot = other.run(_to_its_end(plans[at + 1]))
    if not boot.can_go_on:
        return None
    return other, [*recorded[: at + 1], other.as_power_finds()]


def branch_after_power(
    boots: CaseBoots, recorded: RecordedBoot, search: LossSearch, prng: Prng
) -> CaseBoots | None:
    """Lose the power of the last boot but one with another image, and run the last boot on that.

    Args:
        boots: the boots of the case, which have been run.
        recorded: the last but one, as the power loss found it.
        search: among its images.
        prng: what draws the image.

    Returns:
        The boots; None where the last one did not recover.

    Raises:
        NotModelled: a trace means something that there is no rule for.
        WalcrashError: as `CaseBoots.run`.
    """
    candidate = search.draw(prng)
    before, last = boots.watched[:-1], boots.watched[-1]
    lost = without_power(before[-1], recorded, candidate.choice)
    image = candidate.image
    other = boots.branched((*before[:-1], lost), image, durable=image)
    boot = other.run(last.plan)
    return other if boot.can_go_on else None


def _to_its_end(plan: BootPlan) -> BootPlan:
    """Return what a boot does without its crash."""
    is_closed = plan.operations[-1].kind is OperationKind.CLOSE
    return BootPlan(plan.operations if is_closed else (*plan.operations, CLOSE))
