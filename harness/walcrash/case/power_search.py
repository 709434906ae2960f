"""Searches: the images that a search target finds, the simplest first.

Images are weighed before any of them is recovered: the strictest model first, then a power loss
between calls before one in the middle of something, then the fewest torn and lost changes.

Not here: what a search target is (`search_target`), how an image is recovered (`power_loss`).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from walcrash.case.power_loss import Judged, LossSearch, kind_of_place
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.search_target import PowerTarget, shape_of
from walcrash.disk import Candidate, ImageBuilder, Loss, Pending, choices, loss_of, pending_changes
from walcrash.values.event import EventKind
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.persistence import rank
from walcrash.values.seed import Prng
from walcrash.values.verdict import Invariant, Verdict

# limits
CHOICES_AT_A_POSITION: Final = 256
"""Choices of one model that are weighed at one position."""

WEIGHED_IMAGES: Final = 5000
"""Images of one search that are weighed; positions beyond are left out."""

DRAWN_SUBSETS: Final = 8
"""Drawn choices of one model at one position, where the target is a drawn one."""

POLICIES: Final = tuple(Policy)

Weight = tuple[int, int, Loss, int, int]
"""Model, kind of position, loss, policy, and which one it was, each from simple to not."""


def search_near(
    search: LossSearch,
    boot: RecordedBoot,
    target: PowerTarget,
    target_invariant: Invariant | None,
) -> Judged | None:
    """Judge what a target finds until the target invariant breaks first; None is any.

    Returns:
        The first that breaks it, else the last one that was judged; None if there is no image.

    Raises:
        NotModelled: the trace means something that a model has no rule for.
    """
    judged = None
    for candidate in targeted(boot, target):
        cell = boot.cell(candidate.choice.position, is_power_loss=True)
        judged = search.judge_image(candidate, kind_of_place(cell))
        if target_invariant is None:
            is_found = judged.judgement.verdict is Verdict.FAIL
        else:
            is_found = judged.judgement.breaks_first(target_invariant)
        if is_found:
            break
    return judged


def targeted(boot: RecordedBoot, target: PowerTarget) -> list[Candidate]:
    """Return the images that a target finds, each once, in the order in which they are tried.

    Raises:
        NotModelled: the trace means something that a model has no rule for.
    """
    wanted = None
    if not target.is_anywhere:
        wanted = target.position(boot.events, boot.events_before, boot.atomic_bytes)
    exact = _exactly(boot, target)
    if exact is not None:
        return [exact]
    if wanted is None and not target.is_anywhere:
        return []
    found: dict[tuple[str, int], tuple[bool, bool, Weight, Candidate]] = {}
    for position, pending in boot.states():
        if wanted is not None and position != wanted:
            continue
        builder = ImageBuilder(pending)
        for number, (choice, loss) in enumerate(_choices(pending, position, target)):
            boot.deadline.check()
            # The nearest to the target first; of the choices that mean one image, the simplest.
            weight = _weigh(boot, choice, loss, number)
            rank = (not _is_like(choice, target), not _is_about(boot, choice, target), weight)
            image = builder.build(choice)
            candidate = Candidate(choice, image, image.digest())
            key = (candidate.digest, position.whole_events)
            if key not in found or rank < found[key][:3]:
                found[key] = (*rank, candidate)
        if wanted is not None or len(found) >= WEIGHED_IMAGES:
            break
    ranked = sorted(found.values(), key=lambda each: each[:3])
    return [candidate for *_, candidate in ranked[target.skipped : target.images]]


def _exactly(boot: RecordedBoot, target: PowerTarget) -> Candidate | None:
    """Return the very image that was chosen, where the trace has the shape that it had then."""
    if target.exact is None or target.shape != shape_of(boot.events, boot.events_before):
        return None
    for position, pending in boot.states():
        if position == target.exact.position:
            image = ImageBuilder(pending).build(target.exact)
            return Candidate(target.exact, image, image.digest())
    return None


def _choices(
    pending: Pending, position: CrashPosition, target: PowerTarget
) -> Iterator[tuple[ImageChoice, Loss]]:
    drawn = DRAWN_SUBSETS if target.policy is Policy.DRAWN else 0
    for model in target.models:
        changes = pending_changes(pending, model)
        every = choices(pending, model, position, prng=Prng(0), drawn=drawn)
        for choice in islice(every, CHOICES_AT_A_POSITION):
            yield choice, loss_of(choice, changes)


def _weigh(boot: RecordedBoot, choice: ImageChoice, loss: Loss, number: int) -> Weight:
    return (
        rank(choice.model),
        position_rank(boot, choice.position),
        loss,
        POLICIES.index(choice.policy),
        number,
    )


def position_rank(boot: RecordedBoot, position: CrashPosition) -> int:
    """Return how hard a crash is to follow: between calls, between events, within an event."""
    if position.placement is Placement.WITHIN:
        return 2
    index = position.event_index - boot.events_before
    is_between_calls = (
        position.placement is Placement.BEFORE or boot.events[index].kind is EventKind.REPLY
    )
    return 0 if is_between_calls else 1


def _is_like(choice: ImageChoice, target: PowerTarget) -> bool:
    return target.policy is None or choice.policy is target.policy


def _is_about(boot: RecordedBoot, choice: ImageChoice, target: PowerTarget) -> bool:
    if target.about is None:
        return True
    index = target.about.find(boot.events)
    return index is not None and choice.about == boot.events_before + index
