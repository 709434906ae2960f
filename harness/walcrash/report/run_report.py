"""What one run has reported so far: log lines in, totals out, also when it ends too early.

A run that was interrupted twice, or that failed, ends without its last lines. What is missing
then is made up from the cases that were judged, and never in the subject's favour: a scenario
that did not end has not passed.

Not here: words and layout (`summary`, `markdown`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from walcrash.report.finding_text import DEFAULT_RUNS
from walcrash.report.html_coverage import Coverage, CoverageCount
from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding
from walcrash.values.history import BootEnd
from walcrash.values.log import (
    DAMAGED_AT_REST,
    INJECTED_FAULT,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
)
from walcrash.values.story import Story
from walcrash.values.verdict import Invariant, Verdict

_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASSED,
    Verdict.FAIL: ExitCode.FINDINGS,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


@dataclass(slots=True)
class _Tally:
    """One scenario while it runs."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    boots: int = 0
    recoveries: int = 0
    events: int = 0
    crash_points: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    slow: int = 0
    outlasted: int = 0
    judged_losses: int = 0
    broken: set[Invariant] = field(default_factory=set)

    def add(self, case: CaseJudged) -> None:
        self.verdicts[case.verdict] += 1
        self.boots += len(case.boots)
        self.recoveries += case.recoveries
        self.events += sum(boot.events for boot in case.boots)
        self.broken |= set(case.invariants)
        is_lost = bool(case.boots) and case.boots[-1].end == BootEnd.POWER_LOST.value
        self.judged_losses += is_lost and case.verdict is not Verdict.INCONCLUSIVE
        for boot in case.boots:
            self.ends[boot.end] += 1
            self.stored += boot.stored
            self.slow += boot.slow
            self.outlasted += boot.outlasted
            self.crash_points[INJECTED_FAULT] += boot.injected
            self.crash_points[DAMAGED_AT_REST] += boot.damaged
            if boot.landing is not None:
                landing = boot.landing
                self.crash_points[f"{landing.placement.value} {landing.kind.value}"] += 1


class RunReport:
    """Everything that the lines of one run have reported.

    Args:
        seed: the master seed, known before the first line.
        scenario_paths: for each scenario's name the path that runs it again.
        arguments: what followed `walcrash run` and decides what is run, the seed aside.
        runs: the directory that keeps the findings, as commands have to name it.

    Attributes:
        other_runs: for findings of other directories than `runs` theirs.
        bundles: for findings of bundles the commands that replay and read them.
        seeds: for findings that were never replayed the master seed, where it is not `seed`.
    """

    def __init__(
        self,
        seed: str,
        *,
        scenario_paths: Mapping[str, str],
        arguments: Sequence[str] = (),
        runs: str = DEFAULT_RUNS,
    ) -> None:
        self.seed = seed
        self.arguments = tuple(arguments)
        self.runs = runs
        self.other_runs: dict[str, str] = {}
        self.bundles: dict[str, Mapping[str, str]] = {}
        self.scenario_paths = dict(scenario_paths)
        self.version = ""
        self.plane = ""
        self.findings: list[Finding] = []
        self.portability: list[Finding] = []
        self.stories: dict[str, Story] = {}
        self.started: dict[str, ScenarioStarted] = {}
        self._coverage = CoverageCount()
        self._tallies: dict[str, _Tally] = {}
        self._ended: dict[str, ScenarioEnded] = {}
        self._first_failures: dict[str, CaseJudged] = {}
        self.seeds: dict[str, str] = {}
        self._broken: dict[str, dict[Invariant, str]] = {}
        self._finding_of: dict[str, str] = {}
        self._end: CampaignEnded | None = None
        self._broken_off: StopReason | None = None
        self._because = ""

    def add(self, line: LogLine) -> None:
        """Take in the next line."""
        match line:
            case CampaignStarted():
                self.version = line.version
                self.plane = line.plane
            case ScenarioStarted():
                self.started[line.scenario] = line
            case CaseJudged():
                self._tallies.setdefault(line.scenario, _Tally()).add(line)
                self._coverage.add(line)
                if line.verdict is Verdict.FAIL:
                    broken = self._broken.setdefault(line.scenario, {})
                    for invariant in line.invariants:
                        broken.setdefault(invariant, line.finding)
                    self._first_failures.setdefault(line.finding, line)
            case FindingReported():
                kept = self.portability if line.finding.is_portability else self.findings
                kept.append(line.finding)
                if line.story is not None:
                    self.stories[line.finding.id] = line.story
                # In a log of an older version a finding is the one group of its invariant.
                for group in line.finding.groups or (line.finding.id,):
                    self._finding_of[group] = line.finding.id
                    self._first_failures.pop(group, None)
            case ScenarioEnded():
                self._ended[line.scenario] = line
            case CampaignEnded():
                self._end = line

    @classmethod
    def of(cls, lines: Sequence[LogLine], *, runs: str = DEFAULT_RUNS) -> "RunReport":
        """Return what the lines of an event log report; a scenario goes by its name there."""
        begin = lines[0]
        assert isinstance(begin, CampaignStarted), "an event log begins with this line"
        paths = {name: name for name in begin.scenarios}
        report = cls(begin.seed, scenario_paths=paths, runs=runs)
        for line in lines:
            report.add(line)
            if isinstance(line, ScenarioStarted) and line.path:
                report.scenario_paths[line.scenario] = line.path
            elif isinstance(line, FindingReported):
                report.scenario_paths[line.finding.scenario] = line.finding.scenario_path
        if report._end is None:
            report.break_off(StopReason.FAULT, because="the log ends before the run did")
        return report

    @property
    def broken(self) -> dict[str, dict[Invariant, str]]:
        """For each scenario the invariants that any failed case broke, each with a finding.

        It is the finding of the first such case, or its group if there is none yet; the finding's
        own smallest case may break fewer.
        """
        return {
            scenario: {rule: self._finding_of.get(group, group) for rule, group in groups.items()}
            for scenario, groups in self._broken.items()
        }

    @property
    def coverage(self) -> Coverage:
        """Where crashes fell, as a matrix."""
        return self._coverage.coverage(self.scenarios)

    def break_off(self, reason: StopReason, *, because: str = "") -> None:
        """Say why the run did not end by itself; the first line of `because` is shown."""
        self._broken_off = reason
        self._because = because.split("\n")[0].rstrip(":")

    @property
    def scenarios(self) -> tuple[ScenarioEnded, ...]:
        """Every scenario that began, in order; one that did not end is inconclusive at best."""
        names = dict.fromkeys([*self.started, *self._tallies, *self._ended])
        return tuple(
            self._ended[name] if name in self._ended else self._unfinished(name) for name in names
        )

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Scenarios that began and did not end."""
        names = dict.fromkeys([*self.started, *self._tallies])
        return tuple(name for name in names if name not in self._ended)

    def _unfinished(self, name: str) -> ScenarioEnded:
        tally = self._tallies.get(name, _Tally())
        failed = tally.verdicts[Verdict.FAIL]
        return ScenarioEnded(
            scenario=name,
            verdict=Verdict.FAIL if failed else Verdict.INCONCLUSIVE,
            reason="the run ended first",
            cases=tally.verdicts.total(),
            passed=tally.verdicts[Verdict.PASS],
            failed=failed,
            inconclusive=tally.verdicts[Verdict.INCONCLUSIVE],
            boots=tally.boots,
            recoveries=tally.recoveries,
            events=tally.events,
            crash_points=+tally.crash_points,
            # A rule that was broken was judged; of the others the lines of cases say nothing.
            judged=tuple(rule for rule in Invariant if rule in tally.broken),
            findings=sum(1 for finding in self.findings if finding.scenario == name),
        )

    def boot_ends(self, scenario: str) -> Mapping[str, int]:
        """Return how the boots of a scenario's cases ended, each with how often."""
        return self._tallies.get(scenario, _Tally()).ends

    def judged_losses(self, scenario: str) -> int:
        """Return how many cases ended with a power loss, and had images of it judged."""
        return self._tallies.get(scenario, _Tally()).judged_losses

    def slow(self, scenario: str) -> tuple[int, int]:
        """Return how many calls were slow, and during how many another thread did something."""
        tally = self._tallies.get(scenario, _Tally())
        return tally.slow, tally.outlasted

    def stored(self, scenario: str) -> int:
        """Return how many writes of a scenario's cases were stores through a mapping."""
        return self._tallies.get(scenario, _Tally()).stored

    @property
    def not_run(self) -> tuple[str, ...]:
        """Scenarios that were asked for and never began."""
        begun = {scenario.scenario for scenario in self.scenarios}
        return tuple(name for name in self.scenario_paths if name not in begun)

    @property
    def unreported(self) -> tuple[CaseJudged, ...]:
        """The first failing case of each group that has become no finding: the run ended first."""
        return tuple(self._first_failures.values())

    def found(self, scenario: ScenarioEnded) -> int:
        """Return how many findings a scenario has, those that the run ended before included."""
        unreported = sum(case.scenario == scenario.scenario for case in self.unreported)
        return scenario.findings + unreported

    def file_of(self, scenario: str) -> str:
        """Return a scenario's file as it was named; empty if only the scenario's name is known.

        A shipped scenario goes by its name, and a log of an older version names files only with
        findings.
        """
        path = self.scenario_paths.get(scenario, scenario)
        return "" if path == scenario else path

    def seed_of(self, case: CaseJudged) -> str:
        """Return the master seed of the run that a case of `unreported` is from."""
        return self.seeds.get(case.finding, self.seed)

    def runs_of(self, finding_id: str) -> str:
        """Return the directory that keeps a finding, as commands have to name it."""
        return self.other_runs.get(finding_id, self.runs)

    @property
    def stopped(self) -> StopReason:
        """Why the run ended; without a last line and a stated reason it is a fault."""
        if self._broken_off is not None:
            return self._broken_off
        return self._end.stopped if self._end is not None else StopReason.FAULT

    @property
    def is_cut_short(self) -> bool:
        """Whether the run ended before it had done what was asked, and not for its budget."""
        return self.stopped in (StopReason.INTERRUPTED, StopReason.FAULT)

    @property
    def is_worth_resuming(self) -> bool:
        """Whether the run was ended early, after it had judged something."""
        return self.is_cut_short and any(scenario.cases for scenario in self.scenarios)

    @property
    def why_stopped(self) -> str:
        """Why the run ended, in words."""
        return self._because or self.stopped.value

    @property
    def verdict(self) -> Verdict:
        """The run's verdict; never a pass if anything that was asked for was not tested."""
        scenarios = self.scenarios
        if self.findings or any(scenario.failed for scenario in scenarios):
            return Verdict.FAIL
        tested = scenarios and all(
            scenario.passed and scenario.verdict is Verdict.PASS for scenario in scenarios
        )
        if self._end is None or not tested or self.not_run or self.is_cut_short:
            return Verdict.INCONCLUSIVE
        return self._end.verdict

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with; how it ended goes before what it found."""
        if self.stopped is StopReason.INTERRUPTED:
            return ExitCode.INTERRUPTED
        if self.stopped is StopReason.FAULT:
            return ExitCode.HARNESS_FAULT
        return _EXIT_CODES[self.verdict]

    @property
    def judged(self) -> tuple[Invariant, ...]:
        """Invariants judged in at least one case of a scenario that ended, in fixed order."""
        seen = {invariant for scenario in self.scenarios for invariant in scenario.judged}
        return tuple(invariant for invariant in Invariant if invariant in seen)

    @property
    def unjudged(self) -> tuple[tuple[Invariant, str], ...]:
        """Invariants that no scenario judged, each with the reasons that scenarios gave."""
        reasons: dict[Invariant, dict[str, None]] = {}
        # What the cases of a scenario lacked is known better than what its controls did.
        ended = {line.scenario: dict(line.unjudged) for line in self.scenarios}
        told = [
            tuple(each for each in line.unjudged if each[0] not in ended.get(line.scenario, {}))
            for line in self.started.values()
        ]
        told += [line.unjudged for line in self.scenarios]
        for invariant, reason in (each for unjudged in told for each in unjudged):
            reasons.setdefault(invariant, {})[reason] = None
        unasked = "no scenario asked for it"
        if not any(scenario.cases for scenario in self.scenarios):
            unasked = "no case was judged"
        elif self.unfinished:
            unasked = "the run ended before its scenario, which alone says what was judged"
        return tuple(
            (invariant, "; ".join(reasons.get(invariant, [unasked])))
            for invariant in Invariant
            if invariant not in self.judged
        )
