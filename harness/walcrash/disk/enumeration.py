"""Enumeration: the choices at one crash position, those first that real file systems leave most.

The order: nothing kept; everything kept; names without content; each prefix; content without
names; all but one change; one block lost; grown with zeros; one change alone; writes torn at each
block and then at each sector; grown with stale bytes; renames half done; then subsets drawn from a
generator. A model says which of these mean something in it.

Nothing is made before it is asked for, so a caller may stop by count or by time. A caller that
draws a few of many has them planned first: a plan is its policy and how its choice is made.

Not here: which of them a case draws (`likelihood`), crash points within a write, of which memory
has the first bytes (`positions`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice, repeat
from typing import Final, NamedTuple

from walcrash.disk.build import ImageBuilder
from walcrash.disk.changes import Change, SectorRun
from walcrash.disk.file_system import FileSystem
from walcrash.disk.models import MODELS
from walcrash.values.contract import PersistenceModel
from walcrash.values.image import Image
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import (
    STALE,
    CrashPosition,
    Moment,
    after,
    before,
    part,
    split,
)
from walcrash.values.seed import Prng

_SEED_BOUND: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image, the choice that made it, and the digest by which images are distinguished."""

    choice: ImageChoice
    image: Image
    digest: str


class PlannedChoice(NamedTuple):
    """A choice that is not made yet: its policy, and what makes it."""

    policy: Policy
    make: Callable[[], ImageChoice]


_Makes = Iterator[Callable[[], ImageChoice]]
"""What makes the choices of one policy, each when it is called."""


def images(
    pending: FileSystem,
    model: PersistenceModel,
    position: CrashPosition,
    *,
    prng: Prng | None = None,
    drawn: int = 0,
    tried: int | None = None,
) -> Iterator[Candidate]:
    """Yield the images at a position, each content once, in the order of their choices.

    Take them before the file system goes on: they are made as they are asked for.

    Args:
        pending: the file system, at the position.
        model: which images are legal.
        position: where the crash falls.
        prng: what drawn subsets come from; needed where `drawn` is not 0.
        drawn: how many subsets are drawn after everything else.
        tried: how many choices are built at most; None for all. Many may mean one image.
    """
    builder = ImageBuilder(pending)
    seen: set[str] = set()
    every = choices(pending, model, position, prng=prng, drawn=drawn)
    for choice in islice(every, tried):
        image = builder.build(choice)
        digest = builder.digest(image)
        if digest not in seen:
            seen.add(digest)
            yield Candidate(choice, image, digest)


def choices(
    pending: FileSystem,
    model: PersistenceModel,
    position: CrashPosition,
    *,
    prng: Prng | None = None,
    drawn: int = 0,
) -> Iterator[ImageChoice]:
    """Yield the choices at a position in their order; different ones may mean one image."""
    for planned in planned_choices(pending, model, position, prng=prng, drawn=drawn):
        yield planned.make()


def planned_choices(
    pending: FileSystem,
    model: PersistenceModel,
    position: CrashPosition,
    *,
    prng: Prng | None = None,
    drawn: int = 0,
) -> Iterator[PlannedChoice]:
    """Yield what `choices` yields, each with its policy and not made yet."""
    maker = _Maker(pending, model, position)
    makers: dict[Policy, Callable[[], _Makes]] = {
        Policy.NOTHING: maker.nothing,
        Policy.ALL: maker.everything,
        Policy.NAMES_ONLY: maker.names_only,
        Policy.PREFIX: maker.prefixes,
        Policy.FILES_ONLY: maker.files_only,
        Policy.ALL_BUT_ONE: maker.all_but_one,
        Policy.BLOCK_LOST: maker.blocks_lost,
        Policy.GROWN_ZEROS: maker.grown_zeros,
        Policy.ONE_ALONE: maker.one_alone,
        Policy.TORN: maker.torn,
        Policy.GROWN_STALE: maker.grown_stale,
        Policy.BOTH_NAMES: maker.both_names,
    }
    policies = MODELS[model].policies
    for policy in policies:
        if policy in makers:
            yield from map(PlannedChoice, repeat(policy), makers[policy]())
    if Policy.DRAWN in policies and maker.changes:
        for _ in range(drawn):
            assert prng is not None, "drawn subsets need a generator"
            seed = prng.below(_SEED_BOUND)
            yield PlannedChoice(Policy.DRAWN, partial(maker.choice, Policy.DRAWN, seed=seed))


class _Maker:
    def __init__(
        self,
        pending: FileSystem,
        model: PersistenceModel,
        position: CrashPosition,
    ) -> None:
        self._rules = MODELS[model]
        self._pending = pending
        self._model = model
        self._position = position
        self._in_block = max(1, pending.block_bytes // pending.sector_bytes)

    @cached_property
    def changes(self) -> list[Change]:
        """What a crash may still take away."""
        return self._rules.changes(self._pending)

    def choice(
        self,
        policy: Policy,
        *,
        names: Moment = 0,
        files: Moment = 0,
        held: tuple[Held, ...] = (),
        about: int = -1,
        seed: int | None = None,
    ) -> ImageChoice:
        return ImageChoice(
            model=self._model,
            position=self._position,
            policy=policy,
            names=names,
            files=files,
            held=held,
            about=about,
            seed=seed,
            sector_bytes=self._pending.sector_bytes,
        )

    def _kept(self, policy: Policy, *held: Held, about: int) -> ImageChoice:
        """Everything is kept, but for what is held."""
        now = self._pending.now
        return self.choice(policy, names=now, files=now, held=held, about=about)

    def nothing(self) -> _Makes:
        yield partial(self.choice, Policy.NOTHING)

    def everything(self) -> _Makes:
        yield partial(self._kept, Policy.ALL, about=-1)

    def names_only(self) -> _Makes:
        yield partial(self.choice, Policy.NAMES_ONLY, names=self._pending.now)

    def files_only(self) -> _Makes:
        yield partial(self.choice, Policy.FILES_ONLY, files=self._pending.now)

    def prefixes(self) -> _Makes:
        for change in self.changes[:-1]:
            yield partial(self._until, Policy.PREFIX, after(change.event), change)

    def _until(
        self, policy: Policy, moment: Moment, change: Change, held: tuple[Held, ...] = ()
    ) -> ImageChoice:
        """Names and files are as they were at a moment, but for what is held."""
        return self.choice(policy, names=moment, files=moment, held=held, about=change.event)

    def all_but_one(self) -> _Makes:
        for change in self.changes:
            if self._rules.names_with(change) is not None:
                yield partial(self._all_but, change)

    def _all_but(self, change: Change) -> ImageChoice:
        return self._kept(Policy.ALL_BUT_ONE, *change.undone(), about=change.event)

    def one_alone(self) -> _Makes:
        for change in self.changes:
            names = self._rules.names_with(change)
            if names is not None:
                yield partial(self._alone, change, names)

    def _alone(self, change: Change, names: Moment) -> ImageChoice:
        return self.choice(Policy.ONE_ALONE, names=names, held=change.kept(), about=change.event)

    def torn(self) -> _Makes:
        torn = [(change, self._block_ends(change)) for change in self.changes if change.parts > 1]
        for change, ends in torn:
            for number in sorted(ends):
                yield self._torn_behind(change, number)
        for change, ends in torn:
            for number in range(1, change.parts):
                if number not in ends:
                    yield self._torn_behind(change, number)
        if not self._rules.tears_in_order:
            for change in self.changes:
                yield from self._with_hole(change)

    def _torn_behind(self, change: Change, number: int) -> Callable[[], ImageChoice]:
        return partial(self._until, Policy.TORN, part(change.event, number), change)

    def _block_ends(self, change: Change) -> frozenset[int]:
        """Return after how many parts of a change a block ends; after the last it is not torn."""
        size, parts = self._in_block, change.parts
        return frozenset(
            number
            for run in change.runs
            if run.is_torn
            for number in range((run.parts_before - run.first) % size or size, parts, size)
        )

    def _with_hole(self, change: Change) -> _Makes:
        """One sector of a write is lost, the others are kept, and nothing after them is."""
        for run in change.runs:
            if run.is_torn and run.end - run.first > 1:
                for sector in range(run.first, run.end):
                    yield partial(self._hole, change, run, sector)

    def _hole(self, change: Change, run: SectorRun, sector: int) -> ImageChoice:
        lost = run.held_at(before(change.event), first=sector, end=sector + 1)
        return self._until(Policy.TORN, after(change.event), change, (lost,))

    def blocks_lost(self) -> _Makes:
        for change in self.changes:
            for run in change.runs:
                for first, end in self._blocks(run):
                    yield partial(self._without_block, change, run, first, end)

    def _without_block(self, change: Change, run: SectorRun, first: int, end: int) -> ImageChoice:
        lost = run.held_at(before(change.event), first=first, end=end)
        return self._kept(Policy.BLOCK_LOST, lost, about=change.event)

    def _blocks(self, run: SectorRun) -> Iterator[tuple[int, int]]:
        size = self._in_block
        for block in range(run.first // size, (run.end - 1) // size + 1):
            yield max(run.first, block * size), min(run.end, (block + 1) * size)

    def grown_zeros(self) -> _Makes:
        yield from self._grown(Policy.GROWN_ZEROS, 0)

    def grown_stale(self) -> _Makes:
        yield from self._grown(Policy.GROWN_STALE, STALE)

    def _grown(self, policy: Policy, moment: Moment) -> _Makes:
        for file in self._pending.dirty_files():
            if file.sizes and file.size > file.base_size:
                end = file.reach() // self._pending.sector_bytes + 1
                held = Held(
                    kind=HeldKind.SECTORS, node=file.number, moment=moment, first=0, end=end
                )
                yield partial(self._kept, policy, held, about=file.sizes[-1].event)

    def both_names(self) -> _Makes:
        for rename in self._pending.names.renames:
            event = split(rename.moment)[0]
            directory, text = rename.source
            held = Held(kind=HeldKind.NAME, node=directory, name=text, moment=before(event))
            yield partial(self._kept, Policy.BOTH_NAMES, held, about=event)
