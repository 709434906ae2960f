"""Plane searches: what a subject makes of the real trees that cuts of one boot left.

Each tree is recovered and judged against what had been promised when its cut fell, as an image of
a model is. A tree that fails is then sought among the images of the models at its place, strictest
first, so that its case can be replayed, made smaller and explained. One that no model allows is
kept itself.

Not here: where the trees come from (`plane`), how a tree becomes a choice (`real_choice`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from walcrash.case.coverage import Coverage
from walcrash.case.power_loss import Judged
from walcrash.case.real_choice import real_choice
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import Candidate, Pending, count_states
from walcrash.values.errors import Inconclusive
from walcrash.values.event import MESSAGES
from walcrash.values.history import BootHistory, Recoveries
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition
from walcrash.values.persistence import PersistenceModel, covers, power_models
from walcrash.values.real_tree import RealTree
from walcrash.values.seed import Prng
from walcrash.values.verdict import Invariant, Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneResult:
    """What came of the trees of one boot.

    Attributes:
        own: the first failure that the contract's model covers; else a tree that passed, or None
            where there was none.
        weaker: the first failure that only a weaker model covers; None if there is none.
    """

    own: Judged | None
    weaker: Judged | None = None


class PlaneSearch:
    """Judges the real trees of one boot."""

    def __init__(
        self,
        boot: RecordedBoot,
        trees: Sequence[RealTree],
        model: PersistenceModel,
        *,
        recover: Callable[[Image], Recoveries],
        judge: Callable[[BootHistory, Recoveries], Judgement],
    ) -> None:
        """Prepare; `model` is the one that has to allow every tree of the file system."""
        self.coverage = Coverage()
        self._boot = boot
        self._trees = trees
        self._model = model
        self._recover = recover
        self._judge = judge
        self._recovered: dict[str, Recoveries] = {}

    @cached_property
    def _positions(self) -> list[CrashPosition]:
        return [position for position, _ in self._boot.states()]

    def explore(
        self,
        prng: Prng,
        promised: PersistenceModel,
        *,
        most: int,
        sought: Invariant | None = None,
    ) -> PlaneResult:
        """Judge trees, in an order that is drawn, until one fails as the contract forbids.

        Args:
            prng: what draws the order.
            promised: the contract's model.
            most: trees that are judged, at most.
            sought: where one invariant is sought, only what breaks it is a failure, whatever
                model covers it.

        Raises:
            NotModelled: the trace means something that a model has no rule for.
        """
        weaker, passed = None, None
        chosen = prng.shuffled(self._trees)[:most]
        self._count_positions(chosen, promised)
        for tree in chosen:
            history, recoveries, judgement = self._judged(tree)
            broken = [violation.invariant for violation in judgement.violations]
            if not broken or (sought is not None and sought not in broken):
                passed = tree
                continue
            candidate = self.placed(tree)
            judged = Judged(
                candidate=candidate, history=history, recoveries=recoveries, judgement=judgement
            )
            if sought is not None or covers(promised, candidate.choice.model):
                return PlaneResult(own=judged)
            weaker = weaker or judged
        if passed is None:
            return PlaneResult(own=None, weaker=weaker)
        history, recoveries, judgement = self._history_and_judgement(passed)
        own = Judged(
            candidate=self.placed(passed),
            history=history,
            recoveries=recoveries,
            judgement=judgement,
        )
        return PlaneResult(own=own, weaker=weaker)

    def draw(self, prng: Prng) -> Candidate:
        """Return one tree as a choice, for a boot that others follow.

        Raises:
            NotModelled: the trace means something that a model has no rule for.
        """
        return self.placed(prng.choice(self._trees))

    def placed(self, tree: RealTree) -> Candidate:
        """Return a tree as an image at its place, of the strictest model that allows it there.

        At its place as much had returned as when the cut fell; of the calls that were under way
        none, a part or all may be in memory, as long as nothing more was promised. What no model
        allows is a choice that holds the tree.

        Raises:
            NotModelled: the trace means something that a model has no rule for.
        """
        places = self._places(tree)
        found: Candidate | None = None
        models = power_models()
        for position, pending in self._boot.states():
            if position not in places:
                continue
            for model in models:
                candidate = _as_choice(pending, model, position, tree.image)
                if candidate is not None:
                    found, models = candidate, models[: models.index(model)]
                    break
        if found is not None:
            return found
        choice = ImageChoice(
            model=self._model, position=places[0], policy=Policy.EXPLICIT, tree=tree.image
        )
        return Candidate(choice, tree.image, tree.image.digest())

    def _places(self, tree: RealTree) -> list[CrashPosition]:
        """Return the positions at which a tree's cut may have fallen."""
        events, before = self._boot.events, self._boot.events_before
        end = tree.returned
        while end < tree.begun and events[end].kind not in MESSAGES:
            end += 1
        counts = [position.whole_events for position in self._positions]
        # An event that changes nothing has no position of its own.
        first = max(count for count in counts if count <= before + tree.returned)
        return [each for each in self._positions if first <= each.whole_events <= before + end]

    def _judged(self, tree: RealTree) -> tuple[BootHistory, Recoveries, Judgement]:
        """Judge a tree, and count it."""
        digest = tree.image.digest()
        if digest not in self._recovered:
            self._recovered[digest] = self._recover(tree.image)
            self.coverage.distinct += 1
        self.coverage.generated += sum(tree.cuts.values())
        self.coverage.judged += 1
        self.coverage.policies[max(tree.cuts, key=lambda kind: tree.cuts[kind])] += 1
        return self._history_and_judgement(tree)

    def _history_and_judgement(self, tree: RealTree) -> tuple[BootHistory, Recoveries, Judgement]:
        history = self._boot.history_until(tree.returned)
        recoveries = self._recovered[tree.image.digest()]
        return history, recoveries, self._judge(history, recoveries)

    def _count_positions(self, trees: Sequence[RealTree], model: PersistenceModel) -> None:
        """Count where the cuts fell, and what the contract's model allows there."""
        whole = {self._places(tree)[0] for tree in trees}
        self.coverage.all_positions = len(self._positions)
        for position, pending in self._boot.states():
            if position in whole:
                self.coverage.positions += 1
                self.coverage.add_space(count_states(pending, model))
                index = position.event_index - self._boot.events_before
                if index >= 0:
                    kind = self._boot.events[min(index, len(self._boot.events) - 1)].kind.value
                    self.coverage.kinds[f"{position.placement.value} {kind}"] += 1


def _as_choice(
    pending: Pending, model: PersistenceModel, position: CrashPosition, image: Image
) -> Candidate | None:
    """Return a tree as an image of a model; None where it is none, or where nobody can tell."""
    try:
        return real_choice(pending, model, position, image)
    except Inconclusive:
        return None
