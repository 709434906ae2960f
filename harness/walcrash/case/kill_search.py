"""Kill searches: what exact kills elsewhere in a case's traces would have left.

A boot that was recorded up to its end holds what a kill leaves at each of its events: all that was
done before, with the write that was under way cut at the end of a page. These images are derived
from the trace and recovered, which takes a fraction of a boot that is killed. What fails is put
down as a case of its own, which then runs with a real kill.

What the case's own kill left is derived as well, and held against what is really there: a
difference is a fault of the harness.

Not here: what the images of a trace are (`walcrash.disk`), how a finding is confirmed (`runner`).
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.case_run import CaseRun
from walcrash.case.frontier import Frontier, by_share
from walcrash.case.power_loss import kind_of_place
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.recover_and_judge import recover_and_judge
from walcrash.case.search_plan import SearchPlan
from walcrash.case.state_kinds import SearchedStates
from walcrash.case.watched_boot import WatchedBoot, called, with_errors
from walcrash.disk import ImageBuilder, kill_choice
from walcrash.recorder.recording import CrashLanding, EventRow, Recording, WatchEnd
from walcrash.subjects.boots import Ending, read_boot
from walcrash.values.case import BootPlan, landing_at
from walcrash.values.cell import Cell
from walcrash.values.errors import HarnessFault
from walcrash.values.event import INJECTED, MESSAGES
from walcrash.values.faults import CrashPoint, falls_on, share_of_bytes
from walcrash.values.history import BootEnd, BootHistory, History, Recoveries
from walcrash.values.image import Image
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.seed import Prng
from walcrash.values.tears import kill_unit_bytes
from walcrash.values.verdict import Invariant, Judgement, Verdict

# limits
ELSEWHERE_ONE_IN: Final = 4
"""Where a call was made to fail, one of so many states lies before that."""

MOST_NAMES: Final = 5
"""Files that a difference between a derived image and a real one names."""

_HINT: Final = "report it with the scenario and the seed: the recorder has missed what changed"


class NotAsRecorded(HarnessFault):
    """What a kill left is not what the trace says: something changed files that was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledState:
    """What one kill that was not made would have left, and what the oracle says of it.

    `boots` are those up to the killed one, which ends there.
    """

    boots: tuple[WatchedBoot, ...]
    history: History
    judgement: Judgement
    image: Image


@dataclass(frozen=True, slots=True)
class _Spot:
    """A crash position in one of the boots, counted from 0."""

    boot: int
    position: CrashPosition


class KillSearch:
    """Judges the states that kills would have left in the boots of one case.

    Attributes:
        searched: the states that were judged.
        judged: the invariants that were judged in them.
    """

    def __init__(
        self,
        boots: CaseBoots,
        recorded: Sequence[RecordedBoot],
        plan: SearchPlan,
        *,
        recover: Callable[[Image, Image | None, Hashable], Recoveries],
        judge: Callable[[History], Judgement],
        directory: str,
        first: int = 0,
    ) -> None:
        """Prepare.

        Args:
            boots: the boots of the case, which have been run.
            recorded: the same, as crashes find them.
            plan: where kills may fall, and how many states are judged.
            recover: recovers an image; the second one is what a boot had found that was killed
                inside its recovery, else None; the last argument is the kind of place, as for
                `LossSearch`.
            judge: the oracle.
            directory: where the boots ran.
            first: the first boot, from 0, in which kills are sought.
        """
        self.searched = SearchedStates()
        self.judged: set[Invariant] = set()
        self._first = first
        self._watched = tuple(boots.watched)
        self._recorded = [_as_kills_tear(boot) for boot in recorded]
        self._plan = plan
        self._recover = recover
        self._judge = judge
        self._directory = directory
        self._messages = [
            [at for at, event in enumerate(boot.events) if event.is_message]
            for boot in self._recorded
        ]
        self._histories: dict[tuple[int, ...], BootHistory] = {}

    def explore(self, prng: Prng, most: int) -> KilledState | None:
        """Judge so many states at most, the newest kinds first, until one fails.

        Returns:
            The one that fails; None if there is none.

        Raises:
            NotModelled: a trace means something that there is no rule for.
            TimeOver: there is no time left.
        """
        spots = list(self._spots())
        self.searched.add_possible(frozenset(cell for cell, _ in spots))
        order = self._in_order(spots, prng)
        judged: set[tuple[str, int, int]] = set()
        while len(judged) < most:
            taken = list(islice(order, most))
            if not taken:
                self.searched.is_exhausted = True
                break
            images = self._images([spot for _, spot in taken])
            for cell, spot in taken:
                if len(judged) == most:
                    return None
                image = images[spot]
                state = (image.digest(), spot.boot, self._said(spot))
                if state in judged:
                    self.searched.add_equal(cell)
                    continue
                judged.add(state)
                found = self._judged(spot, cell, images)
                self.judged |= found.judgement.judged
                last = found.history.boots[-1]
                self.searched.add(cell, Policy.ALL, last, found.history.recoveries.first)
                if found.judgement.verdict is Verdict.FAIL:
                    return found
        return None

    def draw(self, prng: Prng, boot: int) -> tuple[tuple[WatchedBoot, ...], Image] | None:
        """Return the boots up to one that is killed elsewhere, and what that leaves.

        Args:
            prng: what draws the place, each cell as likely as any other.
            boot: the boot that is killed, from 0.

        Returns:
            None where no kill may fall into it.

        Raises:
            NotModelled: a trace means something that there is no rule for.
        """
        spots = ((cell, spot) for cell, spot in self._spots() if spot.boot == boot)
        taken = Frontier(spots, prng, self._plan.order).take()
        if taken is None:
            return None
        spot = taken[1]
        boots = (*self._watched[:boot], self._killed(spot))
        return boots, self._images([spot])[spot]

    def check_real(self, left: Image) -> None:
        """Hold what the last boot's own kill left against what its trace says.

        Raises:
            NotAsRecorded: they differ.
            NotModelled: the trace means something that there is no rule for.
        """
        boot, watched = self._recorded[-1], self._watched[-1]
        if watched.recording.children and watched.recording.stored():
            # Other threads may have stored through a mapping until the very end.
            return
        last = _Spot(len(self._recorded) - 1, boot.positions()[-1])
        image = self._images([last])[last]
        if image.digest() != left.digest():
            raise _differs(watched, image, left)

    def _spots(self) -> Iterator[tuple[Cell, _Spot]]:
        count = len(self._recorded)
        for number, boot in enumerate(self._recorded):
            if number < self._first:
                continue
            plans = self._plan.kills_in(number, is_last=number == count - 1)
            crash = self._watched[number].recording.crash
            until = len(boot.events) if crash is None else crash.event_index
            for position in boot.searched_positions():
                index = position.event_index - boot.events_before
                if position.placement is Placement.BEFORE or index >= until:
                    continue
                event = boot.events[index]
                operation = called(boot.plan, event.call)
                is_whole = position.kept_bytes == event.result
                if operation is None or (position.placement is Placement.WITHIN and is_whole):
                    continue
                if any(falls_on(plan, operation, event, position.placement) for plan in plans):
                    yield boot.cell(position, is_power_loss=False), _Spot(number, position)

    def _in_order(
        self, spots: Sequence[tuple[Cell, _Spot]], prng: Prng
    ) -> Iterator[tuple[Cell, _Spot]]:
        """Yield places, the newest kinds first; those behind a call that was made to fail before.

        What lies before it is what any other case has as well, so it gets a small share.
        """
        error = self._first_error()
        behind: list[tuple[Cell, _Spot]] = []
        rest: list[tuple[Cell, _Spot]] = []
        for cell, spot in spots:
            index = spot.position.whole_events - self._recorded[spot.boot].events_before
            is_behind = error is not None and error < (spot.boot, index)
            (behind if is_behind else rest).append((cell, spot))
        first, second = (Frontier(each, prng, self._plan.order) for each in (behind, rest))
        return by_share(first, second, one_in=ELSEWHERE_ONE_IN)

    def _first_error(self) -> tuple[int, int] | None:
        """Return the boot, from 0, and the event of the first call that was made to fail."""
        found = (
            (number, at)
            for number, boot in enumerate(self._watched)
            for at, row in enumerate(boot.recording.rows)
            if row.flags & INJECTED
        )
        return next(found, None)

    def _said(self, spot: _Spot) -> int:
        """Return how many messages a boot had sent before a crash position."""
        boot = self._recorded[spot.boot]
        return bisect_left(
            self._messages[spot.boot], spot.position.whole_events - boot.events_before
        )

    def _images(self, spots: Sequence[_Spot]) -> dict[_Spot, Image]:
        """Return what kills leave at some places, and what each of these boots had found."""
        images = {}
        for number, boot in enumerate(self._recorded):
            wanted = {spot.position for spot in spots if spot.boot == number}
            if not wanted:
                continue
            start = CrashPosition(boot.events_before, Placement.BEFORE)
            for position, pending in boot.states({*wanted, start}):
                choice = kill_choice(position, sector_bytes=pending.sector_bytes)
                images[_Spot(number, position)] = ImageBuilder(pending).build(choice)
        return images

    def _judged(self, spot: _Spot, cell: Cell, images: dict[_Spot, Image]) -> KilledState:
        killed = self._killed(spot)
        boots = (*self._watched[: spot.boot], killed)
        before = None
        # A recovery that met an error may have given up something that nobody was promised.
        is_cut_short = len(killed.plan.operations) == 1 and not killed.recording.has_injected
        if spot.boot and is_cut_short:
            start = CrashPosition(self._recorded[spot.boot].events_before, Placement.BEFORE)
            before = images[_Spot(spot.boot, start)]
        image = images[spot]
        histories = tuple(boot.history for boot in boots)
        recoveries, judgement = recover_and_judge(
            partial(self._recover, image, before),
            lambda shown: self._judge(History(histories, shown)),
            kind_of_place(cell),
        )
        history = History(histories, recoveries)
        return KilledState(boots=boots, history=history, judgement=judgement, image=image)

    def _killed(self, spot: _Spot) -> WatchedBoot:
        """Return a boot as if it had been killed at a place."""
        boot, watched = self._recorded[spot.boot], self._watched[spot.boot]
        index = spot.position.event_index - boot.events_before
        rows, row = watched.recording.rows, watched.recording.rows[index]
        is_within = spot.position.placement is Placement.WITHIN
        kept = spot.position.kept_bytes
        torn = (_torn(row, kept),) if is_within else (row,)
        plan = BootPlan(
            watched.plan.operations[: row.call + 1],
            CrashPoint(
                call=row.call,
                ordinal=sum(
                    each.kind is row.kind and each.call == row.call for each in rows[:index]
                ),
                placement=spot.position.placement,
                event=row.kind,
                kept=share_of_bytes(kept, row.length) if is_within else 0,
            ),
        )
        landing = CrashLanding(
            event_index=index, placement=spot.position.placement, row=torn[0], kept_bytes=kept
        )
        recording = replace(
            watched.recording, rows=(*rows[:index], *torn), end=WatchEnd.KILLED, crash=landing
        )
        return replace(
            watched,
            plan=plan,
            history=self._history(spot, plan, recording),
            recording=recording,
            landing=landing_at(
                landing.row.event(),
                called(plan, row.call),
                boot=boot.number,
                event_index=index,
                placement=landing.placement,
                kept_bytes=kept,
            ),
        )

    def _history(self, spot: _Spot, plan: BootPlan, recording: Recording) -> BootHistory:
        """Return what a boot said and met until it was killed; the same object where it is equal.

        The oracle knows boots again by their identity.
        """
        said = self._said(spot)
        errors = sum(bool(row.flags & INJECTED) for row in recording.rows)
        slow = len(recording.rows) if recording.has_slow else 0
        key = (spot.boot, said, len(plan.operations), errors, slow)
        if key not in self._histories:
            messages = [row.data for row in recording.rows if row.kind in MESSAGES]
            shown = read_boot(
                plan.operations, messages, Ending(BootEnd.KILLED), directory=self._directory
            )
            number = self._recorded[spot.boot].number
            self._histories[key] = with_errors(shown, plan, recording, number=number)
        return self._histories[key]


def as_killed(run: CaseRun, state: KilledState) -> CaseRun:
    """Return a run as if its case had ended with the kill of a state.

    What is injected stays, up to the call in which each of the boots ends.
    """
    plans = tuple(boot.plan for boot in state.boots)
    faults = tuple(
        fault
        for fault in run.case.faults
        if fault.boot < len(plans) and fault.call < len(plans[fault.boot].operations)
    )
    return replace(
        run,
        case=replace(run.case, boots=plans, faults=faults),
        boots=state.boots,
        history=state.history,
        judgement=state.judgement,
        image=state.image,
    )


def is_derived(run: CaseRun) -> bool:
    """Whether what a case shows was derived from its traces, and no kill was made for it."""
    return bool(run.search.states) and isinstance(run.case.boots[-1].crash, CrashPoint)


def check_derived(run: CaseRun, real: CaseRun) -> None:
    """Hold what was derived against a real kill of the same case.

    Where the subject made other calls this time, there is nothing to compare.

    Raises:
        NotAsRecorded: the calls were the same, and left another image.
    """
    if run.image is None or real.image is None or _calls(run) != _calls(real):
        return
    if run.image.digest() != real.image.digest():
        raise _differs(run.boots[-1], run.image, real.image)


def _calls(run: CaseRun) -> list[list[tuple[object, ...]]]:
    """Return what was done to files and said in each boot, without threads."""
    return [
        [(row.kind, row.path, row.path_to, row.offset, row.data, row.result) for row in rows]
        for rows in (boot.recording.rows for boot in run.boots)
    ]


def _differs(boot: WatchedBoot, derived: Image, real: Image) -> NotAsRecorded:
    names = sorted(
        name
        for name in {*derived.entries, *real.entries}
        if derived.entries.get(name) != real.entries.get(name)
    )
    return NotAsRecorded(
        f"a kill left other files than the {len(boot.recording.rows)} recorded events of its boot "
        f"say: {', '.join(names[:MOST_NAMES]) or 'the same in another order'}",
        hint=_HINT,
    )


def _as_kills_tear(boot: RecordedBoot) -> RecordedBoot:
    return replace(boot, atomic_bytes=kill_unit_bytes(boot.atomic_bytes))


def _torn(row: EventRow, kept_bytes: int) -> EventRow:
    """Return a write as it is recorded that a kill has cut: it never returned."""
    return row._replace(is_synchronous=False, result=kept_bytes)
