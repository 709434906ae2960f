"""What the removal of a sync adds: positions at which more is pending, and the images of that.

Two file systems in memory go through one trace side by side, one of them without the syncs of a
site. Where both have the same outstanding changes, they allow the same images, and nothing can
be learnt. At the other positions the images are wanted that only the removal allows.

Not here: recovering and judging them (`site`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from walcrash.case.drawn_images import drawn_images
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import (
    Candidate,
    ImageBuilder,
    Outstanding,
    Pending,
    choices,
    count_states,
    every_state,
    outstanding,
)
from walcrash.tools.audit.sites import Site, without
from walcrash.values.audit import SiteAudit
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.seed import Prng
from walcrash.values.tears import sector_bytes

# limits
MOST_LISTED_STATES: Final = 2_048
"""Crash states that are all built, so that nothing is left out, in one boot without one site."""

MOST_LISTED_POSITIONS: Final = 256
"""Positions at which all crash states may be built, in one boot without one site."""

CHOICES_AT_A_POSITION: Final = 256
"""Choices at one position among which is drawn."""

MOST_SEARCHED_CALLS: Final = 8
"""Calls of one site in one boot for which it is found out why they had nothing to do."""

IMAGES_AT_A_POSITION: Final = 6
"""Images that are judged at one position, as long as there are positions left."""


@dataclass(frozen=True, slots=True)
class Sides:
    """One position in a trace, with the file system as it is and without a site's syncs."""

    position: CrashPosition
    kept: Pending
    removed: Pending


def side_by_side(boot: RecordedBoot, removed: RecordedBoot) -> Iterator[Sides]:
    """Yield the positions of the trace without the syncs, each with both file systems.

    Raises:
        NotModelled: the trace means something that the model has no rule for.
    """
    states = boot.states()
    for position, pending in removed.states():
        # A sync that was taken away is no position of its own any more.
        for other, kept in states:
            if other == position:
                yield Sides(position, kept, pending)
                break


def differing_positions(
    boot: RecordedBoot, removed: RecordedBoot, model: PersistenceModel
) -> list[CrashPosition]:
    """Return the positions at which the removal leaves more outstanding.

    Raises:
        NotModelled: as for `side_by_side`.
    """
    return [
        sides.position
        for sides in side_by_side(boot, removed)
        if outstanding(sides.kept, model) != outstanding(sides.removed, model)
    ]


def list_added(
    boot: RecordedBoot,
    removed: RecordedBoot,
    model: PersistenceModel,
    differing: Sequence[CrashPosition],
    *,
    messages: Sequence[int],
    most: int,
) -> list[Candidate] | None:
    """Return every image that only the removal allows, each once for the messages until then.

    Args:
        boot: the boot as it was.
        removed: the same without a site's syncs.
        model: which images are legal.
        differing: the positions at which there may be any.
        messages: for each position in the trace, how many messages come before it.
        most: the most images that are of use.

    Returns:
        None if there are too many crash states to go through, or too many images.

    Raises:
        NotModelled: as for `side_by_side`.
    """
    if len(differing) > MOST_LISTED_POSITIONS:
        return None
    wanted, states = set(differing), 0
    added: dict[tuple[str, int], Candidate] = {}
    for sides in side_by_side(boot, removed):
        if sides.position not in wanted:
            continue
        space = count_states(sides.removed, model)
        states += space.states
        if not space.is_counted or states > MOST_LISTED_STATES:
            return None
        before = messages[max(0, sides.position.whole_events - boot.events_before)]
        for candidate in _added_at(sides, model):
            added.setdefault((candidate.digest, before), candidate)
        if len(added) > most:
            return None
    return list(added.values())


def _added_at(sides: Sides, model: PersistenceModel) -> Iterator[Candidate]:
    """Yield every image at one position that only the removal allows."""
    kept, removed = ImageBuilder(sides.kept), ImageBuilder(sides.removed)
    known = {kept.build_state(state).digest() for state in every_state(sides.kept, model)}
    named = _named(removed, sides, model)
    for state in every_state(sides.removed, model):
        image = removed.build_state(state)
        digest = image.digest()
        if digest not in known:
            known.add(digest)
            choice = named.get(digest) or _unnamed(sides.position, model)
            yield Candidate(choice, image, digest)


def _named(
    builder: ImageBuilder, sides: Sides, model: PersistenceModel
) -> Mapping[str, ImageChoice]:
    """Return the choices that reports have words for, by the image that each means."""
    every = islice(choices(sides.removed, model, sides.position), CHOICES_AT_A_POSITION)
    named: dict[str, ImageChoice] = {}
    for choice in every:
        named.setdefault(builder.build(choice).digest(), choice)
    return named


def _unnamed(position: CrashPosition, model: PersistenceModel) -> ImageChoice:
    return ImageChoice(model=model, position=position, policy=Policy.EXPLICIT)


def draw_positions(
    differing: Sequence[CrashPosition], boot: RecordedBoot, prng: Prng, most: int
) -> set[CrashPosition]:
    """Return positions to judge images at: most of them right after a message.

    That is where a promise has just been made. The last position of all is among them: there
    the removal has had the most time to do harm.
    """
    groups: dict[int, list[CrashPosition]] = {0: [], 1: [], 2: []}
    for position in differing:
        groups[_rank(position, boot)].append(position)
    answered, whole, within = (prng.shuffled(groups[rank]) for rank in range(3))
    chosen = {differing[-1]}
    for group, share in ((answered, most // 2), (whole, most // 4), (within, most)):
        chosen.update(group[: max(0, min(max(1, share), most - len(chosen)))])
    rest = iter([*answered, *whole, *within])
    while len(chosen) < min(most, len(differing)):
        chosen.add(next(rest))
    return chosen


def _rank(position: CrashPosition, boot: RecordedBoot) -> int:
    if position.placement is Placement.WITHIN:
        return 2
    index = position.event_index - boot.events_before
    is_message = 0 <= index < len(boot.events) and boot.events[index].is_message
    return 0 if is_message else 1


def drawn_at(sides: Sides, model: PersistenceModel, prng: Prng, most: int) -> Iterator[Candidate]:
    """Yield some images at one position that only the removal allows, the plainest first."""
    kept = ImageBuilder(sides.kept)
    return drawn_images(
        sides.removed,
        model,
        sides.position,
        prng,
        most=most,
        pool=CHOICES_AT_A_POSITION,
        is_wanted=lambda choice, digest: kept.build(choice).digest() != digest,
    )


def is_possible_with(boot: RecordedBoot, found: Candidate, model: PersistenceModel) -> bool:
    """Whether an image was possible with all syncs too, as far as its position can be searched.

    Raises:
        NotModelled: as for `side_by_side`.
    """
    for position, pending in boot.states():
        if position != found.choice.position:
            continue
        builder, space = ImageBuilder(pending), count_states(pending, model)
        if space.is_counted and space.states <= MOST_LISTED_STATES:
            states = every_state(pending, model)
            return any(builder.build_state(state).digest() == found.digest for state in states)
        every = islice(choices(pending, model, position), CHOICES_AT_A_POSITION)
        return any(builder.build(choice).digest() == found.digest for choice in every)
    return False


# What a sync had to do.


@dataclass(frozen=True, slots=True)
class SyncWork:
    """What one sync made durable; `is_idle` if there was nothing for it to do."""

    call: int
    is_idle: bool
    bytes_pending: int
    names_pending: int


def work_of_syncs(
    boot: RecordedBoot, syncs: frozenset[int], model: PersistenceModel
) -> dict[int, SyncWork]:
    """Return what each of some syncs of a boot did, by its position in the trace.

    Raises:
        NotModelled: the trace means something that the model has no rule for.
    """
    pending = Pending(boot.base, sector_bytes=sector_bytes(boot.atomic_bytes))
    for trace in boot.earlier:
        pending.apply_boot(trace)
    work: dict[int, SyncWork] = {}
    for index, event in enumerate(boot.events):
        if index not in syncs:
            pending.apply(event)
            continue
        before = outstanding(pending, model), _bytes_pending(pending), _names(pending, model)
        pending.apply(event)
        after = outstanding(pending, model), _bytes_pending(pending), _names(pending, model)
        work[index] = _work(event, before, after)
    return work


_Measured = tuple[Outstanding, int, int]


def _work(event: Event, before: _Measured, after: _Measured) -> SyncWork:
    own_bytes = event.result if event.is_synchronous else 0
    settled_bytes = own_bytes or max(0, before[1] - after[1])
    settled_names = max(0, before[2] - after[2])
    is_idle = not own_bytes and before[0] == after[0]
    return SyncWork(event.call, is_idle, settled_bytes, settled_names)


def _bytes_pending(pending: Pending) -> int:
    total = 0
    for file in pending.dirty_files():
        total += sum(len(extent.data) for extent in file.extents if extent.data is not None)
    return total


def _names(pending: Pending, model: PersistenceModel) -> int:
    return sum(what[0] == "name" for what in outstanding(pending, model))


def work_of_site(
    site: Site, work: Mapping[int, SyncWork], boot: RecordedBoot, model: PersistenceModel
) -> SiteAudit:
    """Return what the calls of a site did; `work` has all syncs of the boot.

    Raises:
        NotModelled: the trace means something that the model has no rule for.
    """
    own = {index: work[index] for index in sorted(site.events)}
    idle = [index for index, one in own.items() if one.is_idle]
    searched = idle[:MOST_SEARCHED_CALLS]
    return SiteAudit(
        site=site.name,
        calls=len(own),
        idle=len(idle),
        covered=sum(_is_covered(index, work, boot, model) for index in searched),
        bytes_pending=sum(one.bytes_pending for one in own.values()),
        names_pending=sum(one.names_pending for one in own.values()),
    )


def _is_covered(
    index: int, work: Mapping[int, SyncWork], boot: RecordedBoot, model: PersistenceModel
) -> bool:
    """Whether only the syncs before it in the same call had left a sync nothing to do."""
    call = work[index].call
    before = {at for at, one in work.items() if at < index and one.call == call}
    if all(work[at].is_idle for at in before):
        return False
    events = without(boot.events[: index + 1], frozenset(before))
    alone = work_of_syncs(replace(boot, events=events), frozenset({index}), model)
    return not alone[index].is_idle
