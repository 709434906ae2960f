"""Power losses: which images a power loss in one boot may leave, and what becomes of them.

The boot is recorded once, to its end. Then the power is lost at many positions of its trace, and
at each of them some of the images that the contract's model allows are recovered and judged
against what had been promised before the loss. Images with the same content are recovered once.

Positions and images are drawn from the case's seed, so a case covers a part of what is legal;
how much of it is counted and reported.

Not here: which images are legal (`walcrash.disk`), how one is recovered (`runner`).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Final

from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.case.drawn_images import drawn_images
from walcrash.case.watched_boot import called
from walcrash.disk import (
    Candidate,
    ImageBuilder,
    Pending,
    Space,
    byte_tears_in_write,
    choices,
    count_states,
    crash_states,
    images,
)
from walcrash.values.case import BootPlan, Landing, landing_at
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event
from walcrash.values.history import BootHistory, Recoveries
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.log import ImageTotals
from walcrash.values.moments import SECTOR_BYTES, CrashPosition, Placement
from walcrash.values.persistence import is_power_loss, stricter_than
from walcrash.values.seed import Prng
from walcrash.values.verdict import Judgement, Verdict

# limits
IMAGES_AT_A_POSITION: Final = 8
"""Images that are judged at one position, as long as there are positions left."""

CHOICES_AT_A_POSITION: Final = 512
"""Choices at one position among which is drawn."""

STRICTER_IMAGES: Final = 128
"""Images of each stricter model that are tried when one of a weaker model has failed."""

EMPTY: Final = Image({})


class NoSuchPosition(Exception):
    """A trace is not the one that an image choice was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBoot:
    """One boot as a power loss finds it.

    Attributes:
        number: the boot, from 1.
        plan: what it did.
        base: what the power loss before it left, or the case began with; all of it durable.
        earlier: the traces of the boots since then, whose unsynced changes are still pending.
        events: its own trace.
        history_until: its history if only so many of its events had happened.
        atomic_bytes: what is written whole, as in the contract.
        deadline: when no more positions and images are worked out.
    """

    number: int
    plan: BootPlan
    base: Image
    earlier: tuple[tuple[Event, ...], ...]
    events: tuple[Event, ...]
    history_until: Callable[[int], BootHistory]
    atomic_bytes: int = SECTOR_BYTES
    deadline: Deadline = NO_DEADLINE

    @property
    def events_before(self) -> int:
        """How many events the earlier boots have in the positions' count."""
        return sum(len(trace) for trace in self.earlier)

    def states(self) -> Iterator[tuple[CrashPosition, Pending]]:
        """Yield each position at which a crash may fall, with the file system there.

        Raises:
            TimeOver: there is no time left.
        """
        for state in crash_states(
            self.base, self.events, earlier=self.earlier, atomic_bytes=self.atomic_bytes
        ):
            self.deadline.check()
            yield state

    def history_at(self, position: CrashPosition) -> BootHistory:
        """Return the boot's history if the power was lost at a position."""
        return self.history_until(max(0, position.whole_events - self.events_before))

    def landing(self, choice: ImageChoice) -> Landing:
        """Return a power loss as reports show it."""
        position = choice.position
        index = min(max(0, position.event_index - self.events_before), len(self.events) - 1)
        event = self.events[index]
        every = (*(each for trace in self.earlier for each in trace), *self.events)
        shown = dict(enumerate(every))
        return landing_at(
            event,
            called(self.plan, event.call),
            boot=self.number,
            event_index=index,
            placement=position.placement,
            kept_bytes=position.kept_bytes,
            loss=choice.describe(shown, name=self._name),
        )

    def _name(self, event: int) -> str:
        """Return an event's name as crash lines have it: by its place in the trace of its boot."""
        at = event - self.events_before
        if at >= 0:
            return f"event {at}"
        number = self.number
        for trace in reversed(self.earlier):
            number -= 1
            at += len(trace)
            if at >= 0:
                break
        return f"event {at} of boot {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One image, what its recoveries showed, and what the oracle says of it."""

    candidate: Candidate
    history: BootHistory
    recoveries: Recoveries
    judgement: Judgement


@dataclass(slots=True)
class Coverage:
    """What of some boots' images was judged; see `ImageTotals` for the numbers.

    `kinds` counts the events before, within and after which the power was lost.
    """

    positions: int = 0
    all_positions: int = 0
    legal: int = 0
    is_legal_counted: bool = True
    generated: int = 0
    distinct: int = 0
    judged: int = 0
    policies: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def add_space(self, space: Space) -> None:
        """Count what is legal at one more position."""
        self.legal += space.states
        self.is_legal_counted &= space.is_counted

    def add(self, other: "Coverage") -> None:
        """Count another case's coverage too."""
        self.positions += other.positions
        self.all_positions += other.all_positions
        self.legal += other.legal
        self.is_legal_counted &= other.is_legal_counted
        self.generated += other.generated
        self.distinct += other.distinct
        self.judged += other.judged
        self.policies += other.policies
        self.kinds += other.kinds

    def totals(self) -> ImageTotals:
        """Return the numbers as the event log has them."""
        return ImageTotals(
            positions=self.positions,
            all_positions=self.all_positions,
            legal=self.legal,
            is_legal_counted=self.is_legal_counted,
            generated=self.generated,
            distinct=self.distinct,
            judged=self.judged,
            policies=dict(sorted(self.policies.items())),
        )


class LossSearch:
    """Judges the images that a power loss in one boot may leave."""

    def __init__(
        self,
        boot: RecordedBoot,
        model: PersistenceModel,
        *,
        recover: Callable[[Image], Recoveries],
        judge: Callable[[BootHistory, Recoveries], Judgement],
    ) -> None:
        self.coverage = Coverage()
        self._boot = boot
        self._model = model
        self._recover = recover
        self._judge = judge
        self._recovered: dict[str, Recoveries] = {}
        self._seen: set[tuple[str, int]] = set()

    @cached_property
    def _positions(self) -> list[CrashPosition]:
        """Each position at which a crash may fall."""
        return [position for position, _ in self._boot.states()]

    def _choose(self, prng: Prng, most: int) -> set[int]:
        """Return positions: half of them within writes, which have by far the most."""
        placed = [position.placement is Placement.WITHIN for position in self._positions]
        within = [at for at, is_within in enumerate(placed) if is_within]
        whole = [at for at, is_within in enumerate(placed) if not is_within]
        chosen = prng.shuffled(whole)[: max(1, most - most // 2)]
        chosen += prng.shuffled(within)[: most - len(chosen)]
        return set(chosen)

    def explore(self, prng: Prng, most_images: int) -> Judged | None:
        """Judge images at drawn positions until one fails.

        Returns:
            The first that fails, in the strictest model that shows it there; else the last one
            that was judged; None if there was none.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        last = None
        count = len(self._positions)
        self.coverage.all_positions = count
        chosen = self._choose(prng, max(1, most_images // IMAGES_AT_A_POSITION))
        at_each = max(IMAGES_AT_A_POSITION, most_images // max(1, count))
        for index, (position, pending) in enumerate(self._boot.states()):
            if index not in chosen:
                continue
            self._count_position(position, pending)
            for candidate in self._drawn(pending, position, prng, at_each):
                judged = self._judge_new(candidate)
                if judged is None:
                    continue
                if judged.judgement.verdict is Verdict.FAIL:
                    return self.strictest(judged, pending, most=STRICTER_IMAGES)
                last = judged
        return last

    def byte_torn(self, prng: Prng, most_images: int) -> Judged | None:
        """Judge what is left where writes are torn inside sectors, and nothing else is lost.

        Returns:
            The first that fails; None if there is none.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        at = [index for index, position in enumerate(self._positions) if self._is_inside(position)]
        chosen = set(prng.shuffled(at)[:most_images])
        for index, (position, pending) in enumerate(self._boot.states()):
            if index in chosen:
                every = choices(pending, self._model, position)
                choice = next(each for each in every if each.policy is Policy.ALL)
                image = ImageBuilder(pending).build(choice)
                judged = self._judge_new(Candidate(choice, image, image.digest()))
                if judged is not None and judged.judgement.verdict is Verdict.FAIL:
                    return judged
        return None

    def _is_inside(self, position: CrashPosition) -> bool:
        """Whether a position lies inside a sector that is being written."""
        if position.placement is not Placement.WITHIN:
            return False
        event = self._boot.events[position.event_index - self._boot.events_before]
        return position.kept_bytes in byte_tears_in_write(event)

    def draw(self, prng: Prng) -> Candidate:
        """Return one image at one position, for a boot that others follow.

        Its choice names the strictest model in which it is found.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        wanted = prng.choice(sorted(self._choose(prng, IMAGES_AT_A_POSITION)))
        for index, (position, pending) in enumerate(self._boot.states()):
            if index == wanted:
                found = list(self._drawn(pending, position, prng, IMAGES_AT_A_POSITION))
                return self._relabelled(prng.choice(found), pending, position)
        raise AssertionError("a position that was counted is there again")

    def exactly(self, choice: ImageChoice) -> Candidate:
        """Return the image of a stored choice.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
            NoSuchPosition: the trace has no such position.
        """
        for position, pending in self._boot.states():
            if position == choice.position:
                image = ImageBuilder(pending).build(choice)
                return Candidate(choice, image, image.digest())
        raise NoSuchPosition(
            f"the trace of boot {self._boot.number} has no position {choice.position}"
        )

    def judge_image(self, candidate: Candidate) -> Judged:
        """Recover one image and judge it."""
        history = self._boot.history_at(candidate.choice.position)
        if candidate.digest not in self._recovered:
            self._recovered[candidate.digest] = self._recover(candidate.image)
            self.coverage.distinct += 1
        recoveries = self._recovered[candidate.digest]
        self.coverage.generated += 1
        self.coverage.judged += 1
        self.coverage.policies[candidate.choice.policy.value] += 1
        return Judged(
            candidate=candidate,
            history=history,
            recoveries=recoveries,
            judgement=self._judge(history, recoveries),
        )

    def _judge_new(self, candidate: Candidate) -> Judged | None:
        """Judge a candidate unless the same image was judged against the same promises."""
        key = (candidate.digest, candidate.choice.position.whole_events)
        if key in self._seen:
            self.coverage.generated += 1
            return None
        self._seen.add(key)
        return self.judge_image(candidate)

    def _count_position(self, position: CrashPosition, pending: Pending) -> None:
        self.coverage.positions += 1
        self.coverage.add_space(count_states(pending, self._model))
        index = position.event_index - self._boot.events_before
        if 0 <= index < len(self._boot.events):
            kind = self._boot.events[index].kind.value
            self.coverage.kinds[f"{position.placement.value} {kind}"] += 1

    def _drawn(
        self, pending: Pending, position: CrashPosition, prng: Prng, most: int
    ) -> Iterator[Candidate]:
        """Yield some images at a position, the plainest first."""
        return drawn_images(
            pending,
            self._model,
            position,
            prng,
            most=most,
            pool=CHOICES_AT_A_POSITION,
            deadline=self._boot.deadline,
        )

    def _stricter(
        self, pending: Pending, position: CrashPosition, most: int
    ) -> Iterator[Candidate]:
        """Yield images of each stricter model of a power loss, strictest first."""
        for model in stricter_than(self._model):
            if is_power_loss(model):
                for candidate in islice(images(pending, model, position), most):
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
        for candidate in self._stricter(pending, failed.candidate.choice.position, most):
            if self._boot.deadline.is_naming_over:
                break
            judged = self.judge_image(candidate)
            if judged.judgement.breaks_first(target_invariant):
                return judged
        return failed
