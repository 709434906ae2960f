"""Tallies: one scenario in numbers while its cases come in, its failing cases in groups.

Cases are added in the order of their indices, so that the numbers and the choice of the case
that stands for a group do not depend on how many jobs there were.

Not here: what the groups come to (`finding_reports`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from walcrash.campaign.case_parts import outcome_group, preference
from walcrash.campaign.fault_tally import matrix_of
from walcrash.campaign.search_tally import SearchTally
from walcrash.campaign.time_budget import cuts_text
from walcrash.case.coverage import Coverage
from walcrash.case.outcome import CaseOutcome
from walcrash.values.fault_matrix import NO_FAULTS, FaultMatrix
from walcrash.values.further_recoveries import NO_FURTHER_RECOVERIES, FurtherRecoveries
from walcrash.values.history import BootEnd
from walcrash.values.identity import group_id
from walcrash.values.log import (
    DAMAGED_AT_REST,
    INJECTED_FAULT,
    BootSummary,
    CaseJudged,
    CutWork,
    FewCases,
    ScenarioEnded,
    TimeCut,
    Unopened,
)
from walcrash.values.reach import NOTHING_REACHED, Reach, WorkloadReach
from walcrash.values.rule import INJECTED
from walcrash.values.rules import RULES
from walcrash.values.scenario import Scenario
from walcrash.values.varied import Varied, in_order
from walcrash.values.verdict import Invariant, Verdict

UNRECORDED: Final = "after timer, not recorded"
"""Where kills without interception are counted: that they fell is known, and no more."""


_LACK: Final = {
    invariant: rule.occasion.value for invariant, rule in RULES.items() if rule.occasion in INJECTED
}
"""Why a rule is not judged in a case into which nothing that it needs was injected."""


@dataclass(slots=True)
class Group:
    """Failing cases that are minimised as one: the best to show so far, and how many there are.

    `is_before_promise` says that none of them had acknowledged a record; `rules` are those that
    they broke first. `is_minimised` says that the best is known: it was minimised.
    """

    best: CaseOutcome
    seen: int = 0
    is_before_promise: bool = True
    pinned: str = ""
    rules: set[Invariant] = field(default_factory=set)
    is_minimised: bool = False


@dataclass(slots=True)
class Tally:
    """One scenario's numbers so far; `broken` says why no case was run, if none was.

    `controls` is how many control cases were run; they count among no numbers. `pinned` is how many
    of the cases were pinned. `unopened` says how
    the subject failed to open in an empty directory, if it did. `cuts` says what a time budget was
    not enough for, `few` that they were fewer than a run should have. `groups` are those that count
    against the subject; those of `portability_groups` do not, and are left out unless
    `is_portability_reported`.
    """

    scenario: Scenario
    master_seed: str
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    boots: int = 0
    recoveries: int = 0
    events: int = 0
    crash_points: Counter[str] = field(default_factory=Counter)
    judged: set[Invariant] = field(default_factory=set)
    reasons: dict[Invariant, str] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    portability_groups: dict[str, Group] = field(default_factory=dict)
    images: Coverage = field(default_factory=Coverage)
    doubts: list[str] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    varied: set[Varied] = field(default_factory=set)
    search: SearchTally = field(default_factory=SearchTally)
    further: FurtherRecoveries = NO_FURTHER_RECOVERIES
    reached: Reach = NOTHING_REACHED
    controls_reached: Reach = NOTHING_REACHED
    matrix: FaultMatrix = NO_FAULTS
    broken: str = ""
    controls: int = 0
    pinned: int = 0
    cuts: list[TimeCut] = field(default_factory=list)
    few: FewCases | None = None
    unopened: Unopened | None = None
    is_portability_reported: bool = True

    @property
    def cases(self) -> int:
        """How many cases have been added."""
        return self.verdicts.total()

    @property
    def discoveries(self) -> int:
        """How much was found so far that could be new: groups, cells, kinds of states, landings."""
        groups = len(self.groups) + len(self.portability_groups)
        searched = len(self.search.cells) + self.search.kinds.count
        return groups + searched + len(self.crash_points)

    def add_controls(self, controls: Sequence[CaseOutcome]) -> None:
        """Take in the control cases; those that failed are findings that need no crash."""
        self.controls = len(controls)
        self.controls_reached = Reach.of_all(outcome.reach for outcome in controls)
        self.matrix = FaultMatrix.sum(outcome.matrix for outcome in controls)
        for outcome in controls:
            self._group(outcome, self.groups, "")
            # What a case without a crash has broken was judged, also where no other case is run.
            self.judged |= {broken.invariant for broken in outcome.violations}
            self.outside.update(outcome.outside)
            self.varied.update(outcome.varied)
            if outcome.doubt and not outcome.refused:
                self.doubts.append(outcome.doubt)

    def add(self, outcome: CaseOutcome, *, pinned: str = "") -> CaseJudged:
        """Count one case and return its line; `pinned` is the finding that it was pinned for."""
        self.verdicts[outcome.verdict] += 1
        self.pinned += bool(pinned)
        self.boots += len(outcome.boots)
        self.recoveries += outcome.recoveries
        self.events += sum(boot.events for boot in outcome.boots)
        self.further = FurtherRecoveries.sum((self.further, outcome.further))
        if outcome.coverage is not None:
            self.images.add(outcome.coverage)
            self.crash_points += outcome.coverage.kinds
        # A failure that was found in a later look has no images of its own search.
        is_searched = outcome.coverage is not None and bool(outcome.coverage.kinds)
        for landing in outcome.landings:
            if not is_searched or not landing.is_power_loss:
                self.crash_points[f"{landing.placement.value} {landing.kind.value}"] += 1
        self.crash_points[INJECTED_FAULT] += sum(boot.injected for boot in outcome.boots)
        self.crash_points[DAMAGED_AT_REST] += sum(boot.damaged for boot in outcome.boots)
        self.crash_points[UNRECORDED] += sum(_is_unrecorded_kill(boot) for boot in outcome.boots)
        self.judged |= outcome.judged
        for invariant, reason in outcome.unjudged:
            # What one case lacked, another may have had.
            if self.reasons.get(invariant, _LACK.get(invariant)) == _LACK.get(invariant):
                self.reasons[invariant] = reason
        self.outside.update(outcome.outside)
        self.varied.update(outcome.varied)
        if outcome.doubt:
            self.doubts.append(outcome.doubt)
        new_kinds = 0 if pinned else self.search.add(outcome.search)
        if not pinned:
            self.reached = Reach.of_all((self.reached, outcome.reach))
        self.matrix = FaultMatrix.sum((self.matrix, outcome.matrix))
        plain = self._group(outcome.plain_failure, self.groups, pinned)
        own = self._group(outcome, self.groups, pinned) if outcome.needs_crash else ""
        weaker = outcome.portability_failure if self.is_portability_reported else None
        return CaseJudged(
            scenario=self.scenario.name,
            case=outcome.index,
            seed=f"{outcome.seed:016x}",
            boots=outcome.boots,
            recoveries=outcome.recoveries,
            images=outcome.coverage.judged if outcome.coverage is not None else 0,
            verdict=outcome.verdict,
            invariants=tuple(dict.fromkeys(v.invariant for v in outcome.violations)),
            finding=own or plain,
            portability=self._group(weaker, self.portability_groups, pinned),
            reason=outcome.doubt,
            pinned=pinned,
            states=len(outcome.search.states),
            new_kinds=new_kinds,
        )

    def _group(self, outcome: CaseOutcome | None, groups: dict[str, Group], pinned: str) -> str:
        if outcome is None or outcome.verdict is not Verdict.FAIL:
            return ""
        name = group_id(
            self.scenario.name,
            self.scenario.subject,
            outcome_group(outcome).facts,
            is_portability=groups is not self.groups,
        )
        group = groups.setdefault(name, Group(outcome))
        group.seen += 1
        group.is_before_promise &= outcome.is_before_promise
        group.rules.add(outcome.worst.invariant)
        if not group.is_minimised and preference(outcome) <= preference(group.best):
            group.best, group.pinned = outcome, pinned
        return name

    @property
    def has_groups(self) -> bool:
        """Whether there are groups, those of notes included."""
        return bool(self.groups or self.portability_groups)

    @property
    def has_new_groups(self) -> bool:
        """Whether there are groups, those of notes included, that were not minimised."""
        every = (*self.groups.values(), *self.portability_groups.values())
        return any(not group.is_minimised for group in every)

    def group(self, name: str) -> Group:
        """Return the failing cases of one group."""
        return self.groups.get(name) or self.portability_groups[name]

    def ended(self, *, findings: int, portability: int) -> ScenarioEnded:
        """Return the scenario's last line.

        Args:
            findings: how many its groups have come to.
            portability: how many portability findings its groups have come to.
        """
        verdict, reason = self._verdict(findings)
        return ScenarioEnded(
            scenario=self.scenario.name,
            verdict=verdict,
            reason=reason,
            cases=self.cases,
            passed=self.verdicts[Verdict.PASS],
            failed=self.verdicts[Verdict.FAIL],
            inconclusive=self.verdicts[Verdict.INCONCLUSIVE],
            boots=self.boots,
            recoveries=self.recoveries,
            events=self.events,
            crash_points=dict(sorted((+self.crash_points).items())),
            images=self.images.totals() if self.images.positions else None,
            judged=tuple(invariant for invariant in Invariant if invariant in self.judged),
            unjudged=tuple(
                (invariant, self.reasons[invariant])
                for invariant in Invariant
                if invariant in self.reasons and invariant not in self.judged
            ),
            findings=findings,
            portability=portability,
            unopened=self.unopened,
            time_cuts=tuple(self.cuts),
            varied=in_order(self.varied),
            further=self.further,
            search=self.search.coverage(),
            reach=self._reach(),
            matrix=matrix_of(self.matrix, self.scenario.faults) if self.cases else None,
            few=self.few,
        )

    def _reach(self) -> WorkloadReach | None:
        """Return what the workload reached; None where no case was run."""
        if self.cases == self.pinned:
            return None
        reached, controls = self.reached, self.controls_reached
        if not (reached.full or controls.full):
            # Files that are written anew from their start look like that as well.
            reached, controls = replace(reached, wraps=0), replace(controls, wraps=0)
        return WorkloadReach(
            cases=reached,
            controls=controls,
            is_fitted=self.scenario.workload.is_fitted,
        )

    def add_cut(self, what: CutWork, done: int, of: int) -> None:
        """Note what the time was not enough for; a pinned case that was not run is a doubt."""
        cut = TimeCut(what=what, done=done, of=of)
        self.cuts.append(cut)
        if what is CutWork.PINNED:
            self.doubts.append(cuts_text([cut]))

    def _verdict(self, findings: int) -> tuple[Verdict, str]:
        if self.groups or findings:
            return Verdict.FAIL, self.broken or self._remarks()
        if self.broken:
            return Verdict.INCONCLUSIVE, self.broken
        if not self.cases:
            return Verdict.INCONCLUSIVE, "no case was run"
        if self.doubts:
            count = self.verdicts[Verdict.INCONCLUSIVE]
            if not count:
                return Verdict.INCONCLUSIVE, self.doubts[0]
            return Verdict.INCONCLUSIVE, f"{count} of {self.cases} cases: {self.doubts[0]}"
        if not self.crash_points.total():
            return Verdict.INCONCLUSIVE, self._why_nothing_fell()
        if not self.judged:
            return Verdict.INCONCLUSIVE, "no invariant applied"
        return Verdict.PASS, self._remarks()

    def _why_nothing_fell(self) -> str:
        matrix = matrix_of(self.matrix, self.scenario.faults)
        if matrix is None or not matrix.absent:
            return "no case reached its crash point"
        keys = ", ".join(each.keys for each in matrix.absent)
        return f"no fault fell: no call that was made fits {keys}"

    def _remarks(self) -> str:
        return "; ".join(text for text in (cuts_text(self.cuts), self._outside()) if text)

    def _outside(self) -> str:
        """Say where the subject writes that is not put back between cases; devices aside."""
        paths = sorted(path for path in self.outside if not path.startswith("/dev/"))
        return f"it writes outside its directory, to {', '.join(paths[:3])}" if paths else ""


def _is_unrecorded_kill(boot: BootSummary) -> bool:
    return boot.end == BootEnd.KILLED.value and boot.landing is None
