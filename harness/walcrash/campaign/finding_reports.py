"""From groups of failing cases to findings: minimise, join what has one cause, replay, keep.

All groups of a scenario are minimised at the same time, and reported after that: which of them
are one finding is known when the last is done. Where there is a time budget, that is done before
its end, and what more cases show after it is minimised besides; what was minimised and replayed is
not done twice.

Not here: which cases are a group, and what a cause is (`minimise.cause`); which groups are one
finding (`found_causes`).
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from walcrash.campaign import sightings
from walcrash.campaign.found_causes import (
    FoundCause,
    by_cause,
    is_torn_inside,
    most_telling_first,
    shown_fate,
    stored_case,
)
from walcrash.campaign.pool import JobPool
from walcrash.campaign.state import CampaignState
from walcrash.campaign.tally import Group, Tally
from walcrash.campaign.time_budget import Costs, TimeBudget
from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.case.job import replay_case
from walcrash.case.outcome import CaseOutcome
from walcrash.case.plane import kernel_release
from walcrash.findings.evidence import pack, unpack, without_recovery
from walcrash.findings.evidence_job import pack_run
from walcrash.findings.fates import case_fate
from walcrash.findings.store import Store
from walcrash.findings.story import build_story
from walcrash.minimise.job import MinimalCase, minimise_case
from walcrash.values.activity import CASES, Activity, Step
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.finding import Finding, FindingChange, FindingState
from walcrash.values.log import CutWork, FindingReported
from walcrash.values.persistence import covers, is_power_loss
from walcrash.values.rules import MOST_SEVERE_FIRST
from walcrash.values.sighting import Sight, Sighting
from walcrash.values.verdict import Invariant

REPLAYS: Final = 5
"""How often a finding is replayed in fresh processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replays:
    """How often a case was replayed, how often alike, and the first of these runs.

    `evidence` is that run where not all were alike.
    """

    case: StoredCase
    made: int
    alike: int
    first: CaseRun | None
    evidence: str = ""


class FindingReports:
    """Reports the findings of one scenario.

    Attributes:
        is_kept: whether what is minimised and reported is taken from the state and goes there.
    """

    def __init__(
        self,
        pool: JobPool,
        store: Store,
        state: CampaignState | None,
        *,
        tries: int,
        costs: Costs | None = None,
        jobs: int = 1,
        plane: str = "",
        confirm: str = "",
    ) -> None:
        """Prepare.

        Args:
            pool: where cases are minimised and replayed.
            store: where findings are kept.
            state: where a campaign that was killed finds what it had minimised and reported.
            tries: how many simpler cases are run for one group of failing cases.
            costs: what preparing the scenario took.
            jobs: how many replays are made at a time.
            plane: the real file system that the campaign's images were made from; empty for none.
            confirm: the real file system on which findings are tried as well; empty for none.
        """
        self._pool = pool
        self._store = store
        self._state = state
        self._tries = tries
        self._costs = costs or Costs()
        self._jobs = jobs
        self._minimal: dict[str, MinimalCase] = {}
        self._replays_made: dict[str, _Replays] = {}
        self._sightings: dict[str, tuple[StoredCase, Sighting]] = {}
        self.is_kept = state is not None
        self._plane = plane
        self._confirm = confirm

    def lines(
        self, tally: Tally, budget: TimeBudget
    ) -> Iterator[tuple[FindingReported, FindingChange]]:
        """Yield each finding of a scenario, by id, and what became of it since earlier runs.

        After an interrupt there are no more of them: a group that was not minimised and replayed
        would be kept under a name that no later run gives it. Where a time budget is over, they
        are reported as far as they are known, and the tally notes what was left out.

        Args:
            tally: the scenario's, with all its cases.
            budget: the scenario's time.
        """
        minimal = self._minimal_cases(tally, budget)
        if minimal is None:
            return
        found = by_cause(tally, minimal)
        replays = 0
        for name, one in self._each(found, budget):
            reported = self._report(tally, name) or self._replayed(tally, name, one, budget)
            if reported is None:
                return
            line, change = reported
            replays += line.finding.replays
            yield (
                line,
                FindingChange(
                    name,
                    tally.scenario.name,
                    one.invariant,
                    change,
                    is_portability=line.finding.is_portability,
                ),
            )
        late = sum(made.is_late for made in minimal.values())
        if late:
            tally.add_cut(CutWork.MINIMISING, len(minimal) - late, len(minimal))
        if replays < len(found) * REPLAYS:
            tally.add_cut(CutWork.REPLAYS, replays, len(found) * REPLAYS)

    def settle(self, tally: Tally, budget: TimeBudget) -> float | None:
        """Minimise and replay what was found so far, ahead of `lines`; more cases may come.

        Args:
            tally: the scenario's, so far.
            budget: the scenario's time.

        Returns:
            How long it took, in seconds; None after an interrupt.
        """
        if not tally.has_new_groups:
            return 0.0
        began = budget.seconds
        minimal = self._minimal_cases(tally, budget)
        if minimal is None:
            return None
        for name, one in self._each(by_cause(tally, minimal), budget):
            if self._report(tally, name) is None and not self._is_tried(tally, name, one):
                return None
        self._pool.activity = lambda: CASES
        return budget.seconds - began

    def _is_tried(self, tally: Tally, name: str, found: FoundCause) -> bool:
        """Replay a finding, and try it where it was asked for; false after an interrupt."""
        replays = self._replays(name, found)
        if replays is None:
            return False
        finding = _finding(tally, name, found, replays=replays.made, replays_alike=replays.alike)
        is_asked = self._confirm and is_power_loss(finding.model) and not finding.is_plain
        return not is_asked or self._sighting(finding, found, replays.case) is not None

    def _each(
        self, found: dict[str, FoundCause], budget: TimeBudget
    ) -> Iterator[tuple[str, FoundCause]]:
        """Yield findings, those that count first, each with its part of the time for replays."""
        names = sorted(found, key=lambda each: (found[each].is_portability, each))
        for number, name in enumerate(names):
            self._pool.deadline = budget.part(1 / (len(found) - number))
            self._pool.activity = partial(Activity, step=Step.REPLAYING, done=number, of=len(found))
            yield name, found[name]

    def _report(self, tally: Tally, name: str) -> tuple[FindingReported, FindingState] | None:
        """Return a finding's line and what became of it, if an earlier process reported it."""
        state = self._kept_state
        return None if state is None else state.reported(tally.scenario.name, name)

    @property
    def _kept_state(self) -> CampaignState | None:
        return self._state if self.is_kept else None

    def _known_minimal(self, tally: Tally, name: str) -> MinimalCase | None:
        """Return a group's smallest case, if this process or an earlier one minimised it."""
        state = self._kept_state
        if name in self._minimal or state is None:
            return self._minimal.get(name)
        known = state.minimal(tally.scenario.name, name)
        # Cases that came behind it may have a better one to begin with.
        is_own = known is not None and known.own in (None, stored_case(tally.group(name).best))
        return known if is_own else None

    def _minimal_cases(self, tally: Tally, budget: TimeBudget) -> dict[str, MinimalCase] | None:
        """Minimise the groups of a scenario that were not; None after an interrupt."""
        names = most_telling_first(tally)
        minimal = self._minimal
        known = {name: self._known_minimal(tally, name) for name in names}
        replay_seconds = self._replay_seconds(tally, names)
        self._pool.deadline = budget.for_minimising(replay_seconds=replay_seconds)
        futures: dict[str, Future[MinimalCase]] = {}
        for name in names:
            best = tally.group(name).best
            made = known[name]
            if made is not None:
                minimal[name] = made
                tally.group(name).is_minimised = True
            else:
                futures[name] = self._pool.submit(
                    minimise_case,
                    stored_case(best),
                    best.worst.invariant,
                    most_tries=self._tries,
                    is_portability=name in tally.portability_groups,
                    is_torn=name in tally.portability_groups and is_torn_inside(best),
                    evidence=best.evidence,
                )
        self._pool.activity = partial(_minimising, tuple(futures.values()), tuple(minimal.values()))
        for name, future in futures.items():
            try:
                made = self._pool.result(future)
            except TimeOver:
                own = stored_case(tally.group(name).best)
                made = MinimalCase(outcome=None, tries=0, is_finished=False, is_late=True, own=own)
            if made is None:
                return None
            minimal[name] = made
            tally.group(name).is_minimised = True
            if self._kept_state is not None:
                self._kept_state.add_minimal(tally.scenario.name, name, made)
        return {name: minimal[name] for name in names}

    def _replay_seconds(self, tally: Tally, names: Sequence[str]) -> float:
        """Return about how long replays of groups take that were not minimised."""
        each = [
            self._costs.replay_seconds(len(tally.group(name).best.boots))
            for name in names
            if not tally.group(name).is_minimised
        ]
        return sum(each) * math.ceil(REPLAYS / self._jobs)

    def _replayed(
        self, tally: Tally, name: str, found: FoundCause, budget: TimeBudget
    ) -> tuple[FindingReported, FindingState] | None:
        """Replay a finding in fresh processes, and keep it; None after an interrupt.

        One that never fails again is shown as it was: its first case and all that this case left.
        So is one that there is no time to replay, unless it was minimised.
        """
        kept = stored_case(found.shown)
        replays = self._replays(name, found)
        if replays is None:
            return None
        own = found.best.best
        is_late = found.is_late
        run, evidence = replays.first, ""
        if not replays.made:
            if found.minimal is not None and found.minimal.outcome is None:
                found.minimal = None
            if found.minimal is None and own.evidence and not budget.is_long_over:
                run = unpack(own.evidence).run
        elif not replays.alike:
            found.minimal, evidence = None, own.evidence
            run = unpack(evidence).run if evidence else None
        else:
            evidence = replays.evidence
        finding = replace(
            _finding(tally, name, found, replays=replays.made, replays_alike=replays.alike),
            most_tries=self._tries,
            is_late=is_late,
        )
        if run is not None and finding.fate is None and found.minimal is None:
            finding = replace(finding, fate=case_fate(run))
        if is_power_loss(finding.model) and not finding.is_plain:
            sighting = self._sighting(finding, found, kept)
            if sighting is None and self._confirm:
                return None
            finding = replace(finding, sighting=sighting)
        change = self._store.keep(finding, kept, stored_case(own), evidence=evidence)
        story = None if run is None else build_story(run, promised=kept.contract.model)
        line = FindingReported(finding=finding, story=story)
        if self._kept_state is not None:
            self._kept_state.add_reported(line, change)
        return line, change

    def _replays(self, name: str, found: FoundCause) -> _Replays | None:
        """Replay a finding as often as there is time for; None after an interrupt."""
        kept, known = stored_case(found.shown), self._replays_made.get(name)
        if known is None or known.case != kept:
            known = _Replays(case=kept, made=0, alike=0, first=None)
        if known.made == REPLAYS:
            return known
        runs: list[CaseRun] = []
        for future in [self._pool.submit(replay_case, kept) for _ in range(REPLAYS - known.made)]:
            try:
                run = self._pool.result(future)
            except TimeOver:
                continue
            if run is None:
                return None
            runs.append(run)
        alike = [
            run
            for run in runs
            if any(v.invariant is found.invariant for v in run.judgement.violations)
        ]
        made = replace(
            known,
            made=known.made + len(runs),
            alike=known.alike + len(alike),
            first=known.first or next(iter(alike), None),
        )
        if made.first is not None and made.alike < made.made and not made.evidence:
            packed = self._packed(kept, made.first)
            if packed is None:
                return None
            made = replace(made, evidence=packed)
        self._replays_made[name] = made
        return made

    def _packed(self, kept: StoredCase, run: CaseRun) -> str | None:
        """Return a run as evidence; None after an interrupt."""
        try:
            return self._pool.result(self._pool.submit(pack_run, kept, run))
        except TimeOver:
            return pack(without_recovery(run))

    def _sighting(self, finding: Finding, found: FoundCause, kept: StoredCase) -> Sighting | None:
        """Return what a real file system made of a finding; None if nobody asked, or interrupted.

        In a campaign on the plane the finding's own case was shown by a real tree.
        """
        own = found.best.best
        if self._plane and not found.best.pinned:
            return Sighting(
                sight=Sight.SEEN,
                file_system=self._plane,
                kernel=kernel_release(),
                trees=0 if own.coverage is None else own.coverage.judged,
            )
        if not self._confirm:
            return None
        if reason := sightings.why_not_there(finding, self._confirm):
            return sightings.not_tried(self._confirm, reason)
        case, known = self._sightings.get(finding.id, (None, None))
        if case == kept:
            return known
        cases = (kept, stored_case(own))
        try:
            made = self._pool.result(
                self._pool.submit(sightings.sight, cases, found.invariant, self._confirm)
            )
        except TimeOver:
            return sightings.not_tried(self._confirm, sightings.LATE)
        if made is not None:
            self._sightings[finding.id] = kept, made
        return made


def _minimising(
    futures: Sequence["Future[MinimalCase]"], earlier: Sequence[MinimalCase]
) -> Activity:
    """Return how far minimising is: the groups of earlier processes count as done."""
    ended = [each for each in futures if each.done()]
    made = [each.result() for each in ended if not each.cancelled() and each.exception() is None]
    return Activity(
        step=Step.MINIMISING,
        done=len(ended) + len(earlier),
        of=len(futures) + len(earlier),
        tries=sum(each.tries for each in (*earlier, *made)),
    )


def _finding(
    tally: Tally, name: str, found: FoundCause, *, replays: int, replays_alike: int
) -> Finding:
    """Return a finding, after it was minimised and replayed."""
    best, shown, minimal = found.best.best, found.shown, found.minimal
    groups: Sequence[Group] = list(found.groups.values())
    return Finding(
        id=name,
        scenario=tally.scenario.name,
        scenario_path=tally.scenario.path,
        master_seed=tally.master_seed,
        case_index=best.index,
        violations=shown.violations,
        landings=shown.landings,
        error=shown.error,
        slow=shown.slow,
        around=shown.around,
        model=_model(shown, is_portability=found.is_portability),
        operations=shown.operations,
        operations_before=best.operations,
        tries=0 if minimal is None else minimal.tries,
        is_minimal=minimal is not None and minimal.is_finished,
        rules=_rules(groups, shown),
        seen=sum(group.seen for group in groups),
        cases=tally.cases + (tally.controls if shown.is_plain else 0),
        replays=replays,
        replays_alike=replays_alike,
        is_portability=found.is_portability,
        is_torn_inside=found.is_portability and is_torn_inside(best),
        is_pinned=bool(found.best.pinned),
        is_before_promise=not shown.is_plain
        and shown.is_before_promise
        and all(group.is_before_promise for group in groups),
        is_plain=shown.is_plain,
        is_clock_back=stored_case(shown).case.is_clock_back,
        cause=found.cause,
        groups=tuple(sorted(found.groups)),
        origin=tally.scenario.origin,
        fate=shown_fate(best, minimal),
    )


def _rules(groups: Sequence[Group], shown: CaseOutcome) -> tuple[Invariant, ...]:
    """Return the rules that cases broke first, where it was not the one that is shown only."""
    broken = {rule for group in groups for rule in group.rules}
    if broken <= {shown.worst.invariant}:
        return ()
    return tuple(rule for rule in MOST_SEVERE_FIRST if rule in broken)


def _model(shown: CaseOutcome, *, is_portability: bool) -> PersistenceModel:
    """Return the strictest model that shows a case: what counts is of the contract's at least."""
    promised = stored_case(shown).contract.model
    return shown.model if is_portability or covers(promised, shown.model) else promised
