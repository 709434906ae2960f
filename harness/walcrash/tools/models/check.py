"""Holding real trees against the models: each must be an image where the power was lost.

Where no call was under way, the tree must be an image at that position. Where some had begun and
had not returned, it must be one of the images with none, some or all of them in memory; what has
not returned has promised nothing, and of a write any whole pages may be in memory. Stores through a
mapping were made before the comparison that found them, so they are under way until then.

Not here: whether one tree is an image at one position (`disk.membership`), which images the
enumeration has (`shares`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from walcrash.disk import NotModelled, Pending
from walcrash.disk.membership import MayBeAnything, Refusal, why_not
from walcrash.tools.models.files import excerpt, read_file, write_file
from walcrash.tools.models.grounds import Ground, grounds_of, unfinished
from walcrash.tools.models.outcomes import Outcomes
from walcrash.tools.models.shares import Shares
from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event, EventKind
from walcrash.values.image import Image
from walcrash.values.persistence import PersistenceModel
from walcrash.values.real_tree import (
    FileSystemCheck,
    ModelCheck,
    RealRun,
    RefusedTree,
)

_PAGE_BYTES: Final = 4096

# limits
MOST_PAGES: Final = 64
"""Page ends in one write under way that are tried, from its start."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a tree is refused or not judged, empty if it is not; `is_decided` unless nobody knows."""

    reason: str
    is_decided: bool = True
    not_judged: str = ""


class Checker:
    """Holds runs against the models, one after the other, and counts."""

    def __init__(self, *, with_shares: bool = False, with_outcomes: bool = False) -> None:
        """Begin; count the shares of the enumeration and the outcomes where they are wanted."""
        self._with_shares = with_shares
        self._with_outcomes = with_outcomes
        self._outcomes = Outcomes()
        self._tallies: dict[str, _Tally] = {}
        self._refused: list[RefusedTree] = []
        self._not_judged: list[RefusedTree] = []
        self.excerpts: list[RealRun] = []

    def add(self, run: RealRun, where: str, number: int) -> int:
        """Hold every tree of a run against the models that have to allow it.

        Args:
            run: the run.
            where: the file that holds it.
            number: its number in the file.

        Returns:
            How many trees were refused by one model or more.
        """
        tally = self._tallies.setdefault(run.file_system, _Tally(run.file_system))
        tally.add(run)
        refusing: dict[int, list[PersistenceModel]] = defaultdict(list)
        for model in run.models:
            for index, answer in answers(run, model):
                reason, kept = answer.reason, self._refused
                if tally.note(model, answer):
                    refusing[index].append(model)
                elif answer.not_judged:
                    reason, kept = answer.not_judged, self._not_judged
                else:
                    continue
                kept.append(
                    RefusedTree(where=where, run=number, tree=index, model=model, reason=reason)
                )
        self.excerpts += [excerpt(run, index, refusing[index]) for index in sorted(refusing)]
        if self._with_shares:
            tally.shares.add(run)
        if self._with_outcomes:
            self._outcomes.add(run)
        return len(refusing)

    def result(self) -> ModelCheck:
        """Return what it came to until now."""
        return ModelCheck(
            file_systems=tuple(self._tallies[name].result() for name in sorted(self._tallies)),
            refused=tuple(self._refused),
            outcomes=self._outcomes.result(),
            not_judged=tuple(self._not_judged),
        )


def check_files(
    paths: Sequence[Path],
    *,
    with_shares: bool = False,
    with_outcomes: bool = False,
    refused: Path | None = None,
) -> ModelCheck:
    """Hold every tree of some files against the models that have to allow it.

    Args:
        paths: files of real trees.
        with_shares: whether to count which images of the enumeration were seen as well.
        with_outcomes: whether to say what litmus workloads answered.
        refused: where the refused trees are written, each with its trace up to it; None for
            nowhere.

    Raises:
        UsageError: a file cannot be read, or holds something else.
        HarnessFault: `refused` cannot be written.
    """
    checker = Checker(with_shares=with_shares, with_outcomes=with_outcomes)
    for path in paths:
        for number, run in enumerate(read_file(path)):
            checker.add(run, str(path), number)
    if refused is not None:
        write_file(refused, checker.excerpts)
    return checker.result()


def answers(run: RealRun, model: PersistenceModel) -> Iterator[tuple[int, Answer]]:
    """Yield, for each tree of a run, its number and whether a model allows it."""
    grounds = list(grounds_of(run))
    for index, answer in _held(run, model):
        found = (ground.reason for ground in grounds if _is_held_on(ground, index, model))
        reason = next(found, "") if answer.reason else ""
        yield index, Answer("", not_judged=reason) if reason else answer


def _is_held_on(ground: Ground, index: int, model: PersistenceModel) -> bool:
    """Whether a tree is an image but for what a ground says."""
    alone = replace(ground.run, trees=(ground.run.trees[index],))
    answers_alone = _held(alone, model, ground.may_be_anything)
    return all(answer.is_decided and not answer.reason for _, answer in answers_alone)


def _held(
    run: RealRun, model: PersistenceModel, may_be_anything: MayBeAnything | None = None
) -> Iterator[tuple[int, Answer]]:
    by_place: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, tree in enumerate(run.trees):
        by_place[tree.returned, _with_stores(run, tree.begun)].append(index)
    pending = _pending(run)
    for returned, begun in sorted(by_place):
        indices = by_place[returned, begun]
        try:
            while pending.next_event < returned:
                pending.apply(run.events[pending.next_event])
            images = [run.trees[index].image for index in indices]
            if returned == begun:
                found = [_answer(pending, model, image, may_be_anything) for image in images]
            else:
                found = _under_way(run, model, returned, begun, images, may_be_anything)
        except NotModelled as problem:
            found = [Answer(str(problem), is_decided=False)] * len(indices)
        yield from zip(indices, found, strict=True)


def _with_stores(run: RealRun, begun: int) -> int:
    """Count stores through a mapping as begun where the next comparison is what finds them."""
    while begun < len(run.events) and run.events[begun].is_stored:
        begun += 1
    return begun


def _pending(run: RealRun) -> Pending:
    return Pending(run.base, block_bytes=run.block_bytes)


def _answer(
    pending: Pending,
    model: PersistenceModel,
    image: Image,
    may_be_anything: MayBeAnything | None,
) -> Answer:
    try:
        refusal = why_not(pending, model, image, may_be_anything=may_be_anything)
    except Inconclusive as problem:
        return Answer(problem.message, is_decided=False)
    return Answer("" if refusal is None else reason_of(refusal))


def _under_way(
    run: RealRun,
    model: PersistenceModel,
    returned: int,
    begun: int,
    images: list[Image],
    may_be_anything: MayBeAnything | None,
) -> list[Answer]:
    """Hold trees against the images with none, some or all of the calls that had begun."""
    best: list[Answer | None] = [None] * len(images)
    for pending in _moments(run, returned, begun):
        for number, image in enumerate(images):
            known = best[number]
            if known is None or known.reason:
                answer = _answer(pending, model, image, may_be_anything)
                if known is None or not answer.reason:
                    best[number] = answer
    return [answer for answer in best if answer is not None]


def _moments(run: RealRun, returned: int, begun: int) -> Iterator[Pending]:
    """Yield what may be in memory: so many of the calls under way, and pages of the next."""
    pending = _pending(run)
    for event in run.events[:returned]:
        pending.apply(event)
    for number in range(returned, begun + 1):
        yield pending
        if number == begun:
            return
        event = run.events[number]
        for kept in _page_ends(event):
            with pending.torn(event, kept):
                yield pending
        pending.apply(unfinished(event))


def _page_ends(event: Event) -> list[int]:
    """Return how many bytes of a write are in memory when so many of its pages are."""
    if event.kind is not EventKind.WRITE or event.result <= 0:
        return []
    first = _PAGE_BYTES - event.offset % _PAGE_BYTES
    return list(range(first, min(event.result, len(event.data)), _PAGE_BYTES))[:MOST_PAGES]


def reason_of(refusal: Refusal) -> str:
    """Say what the nearest image of the model has instead, in one line."""
    where = f" at {refusal.offset}" if refusal.offset >= 0 else ""
    more = f" ({refusal.sectors} sectors)" if refusal.sectors else ""
    allowed = ", ".join(_brief(value) for value in refusal.allowed) or "nothing"
    return (
        f"{refusal.path}, {refusal.aspect.value}{where}{more}: found {_brief(refusal.found)}, "
        f"allowed {allowed}"
    )


_MOST_RUNS: Final = 4


def _brief(value: str | int | bytes | None) -> str:
    if not isinstance(value, bytes):
        return "no such name" if value is None else str(value)
    runs: list[tuple[int, int]] = []
    for byte in value:
        if runs and runs[-1][0] == byte:
            runs[-1] = byte, runs[-1][1] + 1
        else:
            runs.append((byte, 1))
    shown = [
        f"{chr(byte) if 33 <= byte < 127 else f'<{byte:02x}>'}*{count}"
        for byte, count in runs[:_MOST_RUNS]
    ]
    return " ".join(shown) + (" ..." if len(runs) > _MOST_RUNS else "")


class _Tally:
    """What is counted for one file system."""

    def __init__(self, file_system: str) -> None:
        self._file_system = file_system
        self._kernels: dict[str, None] = {}
        self._runs = self._cuts = self._mounts = self._unmountable = self._trees = 0
        self._refused: dict[PersistenceModel, int] = {}
        self._not_judged: dict[PersistenceModel, int] = {}
        self._undecided: dict[PersistenceModel, int] = {}
        self.shares = Shares()

    def add(self, run: RealRun) -> None:
        """Count what a run says of itself."""
        if run.kernel:
            self._kernels[run.kernel] = None
        self._runs += 1
        self._cuts += run.cuts
        self._mounts += run.mounts
        self._unmountable += run.unmountable
        self._trees += len(run.trees)
        for model in run.models:
            self._refused.setdefault(model, 0)
            self._not_judged.setdefault(model, 0)
            self._undecided.setdefault(model, 0)

    def note(self, model: PersistenceModel, answer: Answer) -> bool:
        """Count an answer; return whether it is a refusal."""
        if not answer.is_decided:
            self._undecided[model] += 1
            return False
        self._not_judged[model] += bool(answer.not_judged)
        if not answer.reason:
            return False
        self._refused[model] += 1
        return True

    def result(self) -> FileSystemCheck:
        """Return the counts."""
        return FileSystemCheck(
            file_system=self._file_system,
            kernels=tuple(sorted(self._kernels)),
            runs=self._runs,
            cuts=self._cuts,
            mounts=self._mounts,
            unmountable=self._unmountable,
            trees=self._trees,
            refused=self._refused,
            not_judged=self._not_judged,
            undecided=self._undecided,
            shares=self.shares.result(),
        )
