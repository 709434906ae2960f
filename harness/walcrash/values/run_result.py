"""The result of one run, as it is handed to a program: what was found, and what was tested.

Not here: how the lines of a run add up to it (`report.run_report`), what the lines hold (`log`).
"""

from dataclasses import dataclass, field
from pathlib import Path

from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding
from walcrash.values.log import ScenarioEnded, StopReason
from walcrash.values.verdict import Invariant, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What one run of a scenario came to.

    Attributes:
        seed: the master seed; the same seed gives the same cases and the same verdict.
        verdict: never a pass where something that was asked for was not tested.
        exit_code: what `walcrash run` ends with after such a run.
        stopped: why the run ended.
        findings: what was found, each with the smallest case that shows it.
        portability: findings that only a model weaker than the contract's shows; the verdict does
            not count them.
        scenarios: the numbers of the scenario that was run.
        judged: the invariants that were judged in at least one case.
        unjudged: the invariants that no case judged, each with the reason.
        directory: where the run keeps its event log and its reports.
        seconds: how long the run took.
        summary: what `walcrash run` prints at its end, without colours.
    """

    seed: str
    verdict: Verdict
    exit_code: ExitCode
    stopped: StopReason
    findings: tuple[Finding, ...]
    portability: tuple[Finding, ...]
    scenarios: tuple[ScenarioEnded, ...]
    judged: tuple[Invariant, ...]
    unjudged: tuple[tuple[Invariant, str], ...]
    directory: Path
    seconds: float
    summary: str = field(repr=False)
