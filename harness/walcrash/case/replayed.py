"""Boots replayed on the pending model: what each had done when it ended, and what that left.

Not here: which images a power loss may leave (`power_loss`), stories (`walcrash.findings.story`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import ImageBuilder, Pending, why_not
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event
from walcrash.values.faults import PowerLoss
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import SECTOR_BYTES, Placement
from walcrash.values.persistence import covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One boot where it ended.

    Attributes:
        number: the boot, from 1.
        events: those that happened; the last one may be a write cut to what happened of it.
        torn: the position of the event that the crash fell within; None if there is none.
        choice: the image of a power loss; None after a kill or a close.
        image: that image; None after a kill or a close.
        disk: the file system there, within the torn event, until the next boot is asked for.
    """

    number: int
    events: tuple[Event, ...]
    torn: int | None
    choice: ImageChoice | None
    image: Image | None
    disk: Pending


def ended_boots(boots: Sequence[WatchedBoot]) -> Iterator[Ended]:
    """Yield each boot as it was when it ended.

    Raises:
        NotModelled: an event means something that the model has no rule for.
    """
    crashes = [boot.plan.crash for boot in boots]
    choices = [crash.choice for crash in crashes if isinstance(crash, PowerLoss)]
    size = next((choice.sector_bytes for choice in choices if choice is not None), SECTOR_BYTES)
    disk, count = Pending(Image({}), sector_bytes=size), 0
    for number, boot in enumerate(boots, start=1):
        plan, events = boot.plan.crash, boot.events()
        choice = plan.choice if isinstance(plan, PowerLoss) else None
        if choice is None:
            disk.apply_boot(events)
            count += len(events)
            yield _kept(number, boot, events, disk)
            continue
        ended, torn = _until(disk, events, choice, count)
        if torn is None:
            image = ImageBuilder(disk).build(choice)
            yield Ended(
                number=number, events=ended, torn=None, choice=choice, image=image, disk=disk
            )
        else:
            with disk.torn(torn, choice.position.kept_bytes):
                image = ImageBuilder(disk).build(choice)
                cut = replace(torn, result=choice.position.kept_bytes)
                yield Ended(
                    number=number, events=(*ended, cut), torn=len(ended), choice=choice,
                    image=image, disk=disk,
                )  # fmt: skip
        disk, count = Pending(image, sector_bytes=size), 0


def is_promised(boots: Sequence[WatchedBoot], promised: PersistenceModel) -> bool:
    """Whether all that the power losses of a case left are images of a model.

    What is undecided is not.

    Raises:
        NotModelled: an event means something that the model has no rule for.
    """
    choices = [boot.plan.crash.choice for boot in boots if isinstance(boot.plan.crash, PowerLoss)]
    if all(choice is None or covers(promised, choice.model) for choice in choices):
        return True
    try:
        return all(
            ended.image is None or why_not(ended.disk, promised, ended.image) is None
            for ended in ended_boots(boots)
        )
    except Inconclusive:
        return False


def _kept(number: int, boot: WatchedBoot, events: tuple[Event, ...], disk: Pending) -> Ended:
    landing = boot.landing
    is_torn = landing is not None and landing.placement is Placement.WITHIN
    torn = len(events) - 1 if is_torn else None
    return Ended(number=number, events=events, torn=torn, choice=None, image=None, disk=disk)


def _until(
    disk: Pending, events: tuple[Event, ...], choice: ImageChoice, count: int
) -> tuple[tuple[Event, ...], Event | None]:
    """Apply the events that happened whole; return these, and the one that was torn."""
    whole = max(0, choice.position.whole_events - count)
    for event in events[:whole]:
        disk.apply(event)
    is_torn = choice.position.placement is Placement.WITHIN
    return events[:whole], events[whole] if is_torn else None
