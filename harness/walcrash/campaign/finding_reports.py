"""From groups of failing cases to findings: minimise, join what has one cause, replay, keep.

All groups of a scenario are minimised at the same time, and reported after that: which of them
are one finding is known when the last is done.

Not here: which cases are a group, and what a cause is (`minimise.cause`); which groups are one
finding (`found_causes`).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
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
from walcrash.campaign.time_budget import MINIMISING_SHARE, TimeBudget
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
from walcrash.values.activity import Activity, Step
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


class FindingReports:
    """Reports the findings of scenarios, one scenario after the other."""

    def __init__(
        self,
        pool: JobPool,
        store: Store,
        state: CampaignState | None,
        *,
        tries: int,
        plane: str = "",
        confirm: str = "",
    ) -> None:
        """Prepare.

        Args:
            pool: where cases are minimised and replayed.
            store: where findings are kept.
            state: where a campaign that was killed finds what it had minimised and reported.
            tries: how many simpler cases are run for one group of failing cases.
            plane: the real file system that the campaign's images were made from; empty for none.
            confirm: the real file system on which findings are tried as well; empty for none.
        """
        self._pool = pool
        self._store = store
        self._state = state
        self._tries = tries
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
        self._pool.deadline = budget.part(MINIMISING_SHARE)
        minimal = self._minimal_cases(tally)
        if minimal is None:
            return
        found = by_cause(tally, minimal)
        replays = 0
        for number, name in enumerate(
            sorted(found, key=lambda each: (found[each].is_portability, each))
        ):
            one = found[name]
            self._pool.deadline = budget.part(1 / (len(found) - number))
            self._pool.activity = partial(Activity, step=Step.REPLAYING, done=number, of=len(found))
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

    def _report(self, tally: Tally, name: str) -> tuple[FindingReported, FindingState] | None:
        """Return a finding's line and what became of it, if an earlier process reported it."""
        return None if self._state is None else self._state.reported(tally.scenario.name, name)

    def _minimal_cases(self, tally: Tally) -> dict[str, MinimalCase] | None:
        """Minimise all groups of a scenario; None after an interrupt."""
        names = most_telling_first(tally)
        minimal: dict[str, MinimalCase] = {}
        futures: dict[str, Future[MinimalCase]] = {}
        for name in names:
            known = None if self._state is None else self._state.minimal(tally.scenario.name, name)
            if known is not None:
                minimal[name] = known
            else:
                best = tally.group(name).best
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
                made = MinimalCase(outcome=None, tries=0, is_finished=False, is_late=True)
            if made is None:
                return None
            minimal[name] = made
            if self._state is not None:
                self._state.add_minimal(tally.scenario.name, name, made)
        return minimal

    def _replayed(
        self, tally: Tally, name: str, found: FoundCause, budget: TimeBudget
    ) -> tuple[FindingReported, FindingState] | None:
        """Replay a finding in fresh processes, and keep it; None after an interrupt.

        One that never fails again is shown as it was: its first case and all that this case left.
        So is one that there is no time to replay, unless it was minimised.
        """
        kept = stored_case(found.shown)
        runs = self._replays(kept)
        if runs is None:
            return None
        alike = [
            run
            for run in runs
            if any(v.invariant is found.invariant for v in run.judgement.violations)
        ]
        own = found.best.best
        is_late = found.is_late
        run, evidence = (alike[0] if alike else None), ""
        if not runs:
            if found.minimal is not None and found.minimal.outcome is None:
                found.minimal = None
            if found.minimal is None and own.evidence and not budget.is_long_over:
                run = unpack(own.evidence).run
        elif not alike:
            found.minimal, evidence = None, own.evidence
            run = unpack(evidence).run if evidence else None
        elif run is not None and len(alike) < len(runs):
            packed = self._packed(kept, run)
            if packed is None:
                return None
            evidence = packed
        finding = replace(
            _finding(tally, name, found, replays=len(runs), replays_alike=len(alike)),
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
        if self._state is not None:
            self._state.add_reported(line, change)
        return line, change

    def _replays(self, kept: StoredCase) -> list[CaseRun] | None:
        """Replay a case as often as there is time for; None after an interrupt."""
        runs = []
        for future in [self._pool.submit(replay_case, kept) for _ in range(REPLAYS)]:
            try:
                run = self._pool.result(future)
            except TimeOver:
                continue
            if run is None:
                return None
            runs.append(run)
        return runs

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
        cases = (kept, stored_case(own))
        try:
            return self._pool.result(
                self._pool.submit(sightings.sight, cases, found.invariant, self._confirm)
            )
        except TimeOver:
            return sightings.not_tried(self._confirm, sightings.LATE)


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
