"""Power losses: which images a power loss in one boot may leave, and what becomes of them.

The boot is recorded once, to its end. Then the power is lost at many positions of its trace, and
at each of them some of the images that the contract's model allows are recovered and judged
against what had been promised before the loss. Images with the same content are recovered once.

Positions and images are drawn from the case's seed, so a case covers a part of what is legal;
how much of it is counted and reported.

Not here: which images are legal (`walcrash.disk`), how one is recovered (`runner`).
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Final

from walcrash.case.coverage import Coverage
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn_images import (
    DrawChoices,
    FirstFew,
    by_turns,
    drawn_images,
    uniformly,
)
from walcrash.case.frontier import SearchOrder
from walcrash.case.loss_order import LossPlaces, PlaceKind, WaitingImages, by_cell
from walcrash.case.loss_shape import ImageEnds, LossShape
from walcrash.case.recorded_boot import NoSuchPosition, RecordedBoot
from walcrash.case.recover_and_judge import recover_and_judge
from walcrash.case.state_kinds import SearchedStates
from walcrash.disk import (
    Candidate,
    ImageBuilder,
    Pending,
    byte_tears_in_write,
    choices,
    count_states,
    images,
    pending_changes,
)
from walcrash.values.cell import Cell
from walcrash.values.contract import PersistenceModel
from walcrash.values.history import BootHistory, Recoveries
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.persistence import is_power_loss, stricter_than
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.verdict import Judgement, Verdict

# limits
IMAGES_IN_A_ROUND: Final = 24
"""Images that are judged before those of further positions are made."""

FIRST_IMAGES: Final = 8
"""Images of a position the first time that it is its turn: among them some are worth judging."""

FIRST_OF_FEW: Final = 2
"""The same where few images are judged in all."""

GENERATED_FOR_EACH: Final = 8
"""Images that are built for each that may be judged, before all that is left counts as known."""

BUILT_FOR_EACH: Final = 4
"""Images that are built of a position, for each that is looked for, before others have their turn:
where a boot writes zeros over zeros, hundreds of choices mean one image."""

POSITIONS_OF_A_DRAW: Final = 6
"""Positions, each of another cell, of which one is drawn on whose image a boot goes on."""

CHANGES_COUNTED: Final = 8
"""So many pending changes make a position likelier to be that; more count as many."""

IMAGES_AT_A_POSITION: Final = 8
"""Images of a position among which that is drawn on which a boot goes on."""

CHOICES_AT_A_POSITION: Final = 512
"""Choices at one position among which is drawn."""

STRICTER_IMAGES: Final = 128
"""Images of each stricter model that are tried when one of a weaker model has failed."""

STRICTER_CHOICES: Final = 1024
"""Choices of each stricter model that are built for these: thousands may mean one image."""

_SEEDS: Final = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One image, what its recoveries showed, and what the oracle says of it."""

    candidate: Candidate
    history: BootHistory
    recoveries: Recoveries
    judgement: Judgement


class LossSearch:
    """Judges the images that a power loss in one boot may leave."""

    def __init__(
        self,
        boot: RecordedBoot,
        model: PersistenceModel,
        *,
        recover: Callable[[Image], Recoveries],
        judge: Callable[[BootHistory, Recoveries], Judgement],
        recover_new: Callable[[Image, Hashable], Recoveries] | None = None,
        order: SearchOrder = SearchOrder.NOVEL,
        keeps_part: bool = False,
    ) -> None:
        """Prepare.

        Args:
            boot: the boot.
            model: what its images are allowed by.
            recover: recovers an image in all ways.
            judge: holds recoveries against what had been promised.
            recover_new: recovers an image of a kind of place, in all ways where it is worth that;
                None where each image is.
            order: in which order images are judged.
            keeps_part: whether a search that the time was over for has what it has judged.
        """
        self.coverage = Coverage()
        self.searched = SearchedStates()
        self._boot = boot
        self._model = model
        self._recover = recover
        self._recover_new = recover_new
        self._judge = judge
        self._order = order
        self._keeps_part = keeps_part
        self._recovered: dict[str, Recoveries] = {}
        self._seen: set[tuple[str, int]] = set()
        self._digests: dict[CrashPosition, list[str]] = {}
        self._tears: tuple[int, frozenset[int]] | None = None
        self._messages = [at for at, event in enumerate(boot.events) if event.is_message]

    @cached_property
    def _positions(self) -> list[CrashPosition]:
        """Each position at which a crash may fall."""
        return self._boot.searched_positions()

    def explore(
        self, prng: Prng, most_images: int, *, first_images: int = FIRST_IMAGES
    ) -> Judged | None:
        """Judge images, the newest kinds first, until one fails or there is no other.

        In each round the images of some positions are made, and of all images that wait some are
        judged (`loss_order`).

        Args:
            prng: what the order comes from.
            most_images: how many are judged at most, with those that were.
            first_images: those of a position the first time that it is its turn; each time it is
                twice as many.

        Returns:
            The first that fails, in the strictest model that shows it there; else the last one
            that was judged; None if there was none.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
            TimeOver: the time was over before; where a part is kept, before the first was judged.
        """
        last: Judged | None = None
        try:
            for last in self._in_order(prng, most_images, first_images):
                if last.judgement.verdict is Verdict.FAIL:
                    return self._strictest_there(last)
        except TimeOver:
            if last is None or not self._keeps_part:
                raise
        return last

    def _in_order(self, prng: Prng, most_images: int, first_images: int) -> Iterator[Judged]:
        """Judge images, the newest kinds first."""
        self.coverage.all_positions = len(self._positions)
        seed = prng.below(_SEEDS)
        places = LossPlaces(self._boot, self._positions, prng, self._order)
        self.searched.add_possible(places.cells)
        waiting = WaitingImages(self._order)
        most_generated = most_images * GENERATED_FOR_EACH
        while True:
            taken: dict[CrashPosition, PlaceKind] = {}
            if self.coverage.generated < most_generated:
                taken = places.next_round()
            made = list(self._round(taken, seed, places, first_images))
            waiting.add_round(
                (taken[each.choice.position], each, shape) for each, shape in prng.shuffled(made)
            )
            if not taken and not waiting:
                self.searched.is_exhausted = self.coverage.generated < most_generated
                return
            for _ in range(min(len(waiting), IMAGES_IN_A_ROUND)):
                if self.coverage.judged >= most_images:
                    return
                (cell, _), candidate = waiting.take()
                judged = self.judge_image(candidate, kind_of_place(cell))
                policy = candidate.choice.policy
                self.searched.add(cell, policy, judged.history, judged.recoveries.first)
                yield judged

    def _round(
        self,
        taken: Mapping[CrashPosition, PlaceKind],
        seed: int,
        places: LossPlaces,
        first_images: int,
    ) -> Iterator[tuple[Candidate, LossShape]]:
        """Yield the next images of some positions, each state once; give back what has more."""
        draw = by_turns if self._order is SearchOrder.NOVEL else uniformly
        for position, pending in self._boot.states(taken) if taken else ():
            visit = places.visit(position)
            if not visit:
                self._count_position(position, pending)
            had, count = first_images * (2**visit - 1), first_images * 2**visit
            prng = Prng(derive_seed(seed, position.event_index, position.kept_bytes))
            first = FirstFew(draw, (had + count) * BUILT_FOR_EACH)
            known = self._digests.setdefault(position, [])
            builder = ImageBuilder(pending)
            drawn = list(self._drawn(pending, position, prng, had + count, first, known, builder))
            if first.is_cut or len(set(known)) == had + count:
                places.give_back(position)
            ends = ImageEnds.of(pending, self._model, position, builder)
            for candidate in drawn:
                if self._is_new(candidate):
                    yield candidate, ends.shape(candidate.image)
                else:
                    self.searched.add_equal(taken[position].cell)

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether no equal image was judged against the same promises; then it is known."""
        index = candidate.choice.position.whole_events - self._boot.events_before
        key = (candidate.digest, bisect_left(self._messages, index))
        if key in self._seen:
            self.coverage.generated += 1
            return False
        self._seen.add(key)
        return True

    def _strictest_there(self, failed: Judged) -> Judged:
        for _, pending in self._boot.states({failed.candidate.choice.position}):
            return self.strictest(failed, pending, most=STRICTER_IMAGES)
        raise AssertionError("a position that was judged is there again")

    def byte_torn(self, prng: Prng, most_images: int) -> Judged | None:
        """Judge what is left where writes are torn inside sectors, and nothing else is lost.

        Returns:
            The first that fails; None if there is none.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        at = [index for index, position in enumerate(self._positions) if self._is_inside(position)]
        chosen = {self._positions[index] for index in prng.shuffled(at)[:most_images]}
        for position, pending in self._boot.states(chosen):
            every = choices(pending, self._model, position)
            choice = next(each for each in every if each.policy is Policy.ALL)
            image = ImageBuilder(pending).build(choice)
            candidate = Candidate(choice, image, image.digest())
            if not self._is_new(candidate):
                continue
            cell = self._boot.cell(choice.position, is_power_loss=True)
            judged = self.judge_image(candidate, kind_of_place(cell))
            if judged.judgement.verdict is Verdict.FAIL:
                return judged
        return None

    def _is_inside(self, position: CrashPosition) -> bool:
        """Whether a position lies inside a sector that is being written."""
        if position.placement is not Placement.WITHIN:
            return False
        return position.kept_bytes in self._byte_tears(position.event_index)

    def _byte_tears(self, event_index: int) -> frozenset[int]:
        """Return how many bytes of a write a tear inside a sector keeps, of those that are tried.

        A write has many positions, which come one after the other.
        """
        if self._tears is None or self._tears[0] != event_index:
            event = self._boot.events[event_index - self._boot.events_before]
            self._tears = event_index, frozenset(byte_tears_in_write(event))
        return self._tears[1]

    def draw(self, prng: Prng) -> Candidate:
        """Return one image at one position, for a boot that others follow.

        Its choice names the strictest model in which it is found.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        frontier = by_cell(self._boot, self._positions, prng, self._order)
        takes = (frontier.take() for _ in range(POSITIONS_OF_A_DRAW))
        taken = [found[1] for found in takes if found is not None]
        assert taken, "there is a position before the first event"
        # Where more is pending, more can be lost on which a boot has never gone on.
        weights = {
            position: 1 + min(len(pending_changes(pending, self._model)), CHANGES_COUNTED)
            for position, pending in self._boot.states(taken)
        }
        chosen = prng.weighted(list(weights), list(weights.values()))
        for position, pending in self._boot.states({chosen}):
            found = list(self._drawn(pending, position, prng, IMAGES_AT_A_POSITION, by_turns))
            return self._relabelled(prng.choice(found), pending, position)
        raise AssertionError("a position that was counted is there again")

    def exactly(self, choice: ImageChoice) -> Candidate:
        """Return the image of a stored choice.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
            NoSuchPosition: the trace has no such position.
        """
        for _, pending in self._boot.states({choice.position}):
            image = ImageBuilder(pending).build(choice)
            return Candidate(choice, image, image.digest())
        raise NoSuchPosition(
            f"the trace of boot {self._boot.number} has no position {choice.position}"
        )

    def judge_image(self, candidate: Candidate, place: Hashable = None) -> Judged:
        """Recover one image and judge it; `place` is as for `recover_new`, None for all ways."""
        history = self._boot.history_at(candidate.choice.position)
        known = self._recovered.get(candidate.digest)
        if known is None:
            self.coverage.distinct += 1
        recoveries, judgement = recover_and_judge(
            partial(self._recovery, candidate.image), partial(self._judge, history), place, known
        )
        self._recovered[candidate.digest] = recoveries
        self.coverage.generated += 1
        self.coverage.judged += 1
        self.coverage.policies[candidate.choice.policy.value] += 1
        return Judged(
            candidate=candidate,
            history=history,
            recoveries=recoveries,
            judgement=judgement,
        )

    def _recovery(self, image: Image, place: Hashable) -> Recoveries:
        if place is None or self._recover_new is None:
            return self._recover(image)
        return self._recover_new(image, place)

    def _count_position(self, position: CrashPosition, pending: Pending) -> None:
        self.coverage.positions += 1
        self.coverage.add_space(count_states(pending, self._model))
        index = position.event_index - self._boot.events_before
        if 0 <= index < len(self._boot.events):
            kind = self._boot.events[index].kind.value
            self.coverage.kinds[f"{position.placement.value} {kind}"] += 1

    def _drawn(
        self,
        pending: Pending,
        position: CrashPosition,
        prng: Prng,
        most: int,
        draw: DrawChoices,
        known: list[str] | None = None,
        builder: ImageBuilder | None = None,
    ) -> Iterator[Candidate]:
        """Yield some images at a position, in the order that is drawn."""
        return drawn_images(
            pending,
            self._model,
            position,
            prng,
            most=most,
            pool=CHOICES_AT_A_POSITION,
            draw=draw,
            known=known,
            builder=builder,
            deadline=self._boot.deadline,
        )

    def _stricter(
        self, pending: Pending, position: CrashPosition, most: int
    ) -> Iterator[Candidate]:
        """Yield images of each stricter model of a power loss, strictest first."""
        for model in stricter_than(self._model):
            if is_power_loss(model):
                every = images(pending, model, position, tried=STRICTER_CHOICES)
                for candidate in islice(every, most):
                    self._boot.deadline.check()
                    yield candidate

    def _relabelled(
        self, candidate: Candidate, pending: Pending, position: CrashPosition
    ) -> Candidate:
        """Return an image under the strictest model in which it is found."""
        stricter = self._stricter(pending, position, STRICTER_IMAGES)
        return next((each for each in stricter if each.digest == candidate.digest), candidate)

    def strictest(self, failed: Judged, pending: Pending, *, most: int) -> Judged:
        """Return a failure of the same kind at the same position in the strictest model.

        Args:
            failed: the failure.
            pending: the file system at its position.
            most: images of each stricter model that are tried.

        Returns:
            The same where there is none, or no time to look for one.
        """
        target_invariant = failed.judgement.worst.invariant
        place = self._place_of_first(failed)
        for candidate in self._stricter(pending, failed.candidate.choice.position, most):
            if self._boot.deadline.is_naming_over:
                break
            judged = self.judge_image(candidate, place)
            if judged.judgement.breaks_first(target_invariant):
                return judged
        return failed

    def _place_of_first(self, failed: Judged) -> Hashable:
        """Return the kind of place of a failure that the first recovery shows; None of another."""
        first = self._judge(failed.history, Recoveries(first=failed.recoveries.first))
        if not first.breaks_first(failed.judgement.worst.invariant):
            return None
        return kind_of_place(self._boot.cell(failed.candidate.choice.position, is_power_loss=True))


def kind_of_place(cell: Cell) -> Hashable:
    """Return what of a cell tells the recovery of one image from that of another."""
    return cell.operation, cell.placement is Placement.WITHIN
