"""Log lines of a made-up run, and a campaign that only plays them.

`install_fake_campaign` puts it where the doors look for the real one, so that they are tested
without a single process. Run as a script, it is `walcrash` over such a campaign.
"""

import os
import sys
import time
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.state import CampaignState
from walcrash.values.activity import Watch
from walcrash.values.case import Landing
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.finding import Finding, FindingChange, Unfollowed
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.log import (
    LOG_FORMAT,
    BootSummary,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
)
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.story import (
    ByteView,
    Durability,
    Mark,
    PathState,
    ShownRecord,
    ShownRecovery,
    Step,
    Story,
    StoryBoot,
    StoryCall,
    StoryCrash,
)
from walcrash.values.verdict import Invariant, Verdict, Violation

MESSAGE = "an acknowledged record is gone: PutOperation op-2 was acknowledged, recovery shows op-1"


def landing(**changes: object) -> Landing:
    fields: dict[str, object] = {
        "boot": 1,
        "event_index": 14,
        "kind": EventKind.WRITE,
        "placement": Placement.WITHIN,
        "operation": OperationKind.APPEND,
        "record": RecordType.PUT,
        "path": "wal.log",
        "length": 104,
        "offset": 208,
        "kept_bytes": 20,
    }
    return Landing(**{**fields, **changes})  # type: ignore[arg-type]


def violation(**changes: object) -> Violation:
    fields: dict[str, object] = {
        "invariant": Invariant.LOST_PUT,
        "where": "first recovery",
        "message": MESSAGE,
        "allowed": "op-1, op-2",
        "found": "op-1",
    }
    return Violation(**{**fields, **changes})  # type: ignore[arg-type]


def finding(**changes: object) -> Finding:
    fields: dict[str, object] = {
        "id": "F-7c1e",
        "scenario": "torn-tail",
        "scenario_path": "scenarios/torn-tail.toml",
        "master_seed": "3f9c2ab",
        "case_index": 1,
        "violations": (violation(),),
        "landings": (landing(),),
        "model": PersistenceModel.KILL,
        "operations": 3,
        "operations_before": 9,
        "tries": 41,
        "is_minimal": True,
        "seen": 2,
        "cases": 4,
        "replays": 5,
        "replays_alike": 5,
    }
    return Finding(**{**fields, **changes})  # type: ignore[arg-type]


def story(**changes: object) -> Story:
    """A torn append in boot 1, told by hand."""
    calls = (
        StoryCall(0, "open", Outcome.ACKNOWLEDGED),
        StoryCall(1, "append PutOperation op-1", Outcome.ACKNOWLEDGED, 104),
        StoryCall(2, "append PutOperation op-2", Outcome.UNANSWERED),
    )
    before = PathState(0, Durability.DURABLE, 104, 104)
    written = PathState(0, Durability.DURABLE, 208, 104, ((104, 208),))
    synced = PathState(0, Durability.DURABLE, 208, 208)
    torn = PathState(0, Durability.DURABLE, 228, 208, ((208, 228),))
    steps = (
        Step(10, 0, EventKind.REPLY, states=(before,)),
        Step(11, 1, EventKind.WRITE, 0, 104, 104, (written,)),
        Step(12, 1, EventKind.FSYNC, 0, states=(synced,)),
        Step(13, 1, EventKind.REPLY),
        Step(14, 2, EventKind.WRITE, 0, 208, 104, (torn,), result=20),
    )
    crash = StoryCrash(
        event=14, placement=Placement.WITHIN, kept_bytes=20, model=PersistenceModel.KILL
    )
    boot = StoryBoot(
        calls=calls, call_count=3, steps=steps, event_count=15, end=BootEnd.KILLED, crash=crash
    )
    shown = ShownRecovery(
        where="first recovery",
        records=(ShownRecord(0, 104, "PutOperation op-1"),),
        record_count=1,
        checkpoint=0,
        applied=0,
    )
    view = ByteView(
        path=0,
        boot=1,
        start=96,
        written=bytes(range(96, 256)) + bytes(range(56)),
        found=bytes(range(96, 228)),
        size_written=312,
        size_found=228,
        marks=(Mark(104, "append PutOperation op-1", True), Mark(208, "append PutOperation op-2")),
    )
    fields: dict[str, object] = {
        "paths": ("wal.log",),
        "rules": PersistenceModel.EXT4,
        "boots": (boot,),
        "recoveries": (shown,),
        "view": view,
    }
    return Story(**{**fields, **changes})  # type: ignore[arg-type]


def judged(scenario: str, case: int, *, failing: bool = False) -> CaseJudged:
    boot = BootSummary(operations=9, acknowledged=8, events=30, end="killed", landing=landing())
    return CaseJudged(
        scenario=scenario,
        case=case,
        seed=f"{case:016x}",
        boots=(boot,),
        recoveries=3,
        verdict=Verdict.FAIL if failing else Verdict.PASS,
        invariants=(Invariant.LOST_PUT,) if failing else (),
        finding="F-7c1e" if failing else "",
    )


def started(*scenarios: str, seed: str = "3f9c2ab") -> CampaignStarted:
    return CampaignStarted(format=LOG_FORMAT, version="0.1.0", seed=seed, scenarios=scenarios)


def scenario_started(scenario: str) -> ScenarioStarted:
    return ScenarioStarted(
        scenario=scenario,
        subject="reference 1",
        contract=Contract(),
        supports=("sync",),
        unjudged=((Invariant.REQUEUE, "the subject lacks the capability effects"),),
        control_cases=2,
    )


def scenario_ended(scenario: str, cases: int, failed: int, **changes: object) -> ScenarioEnded:
    fields: dict[str, object] = {
        "scenario": scenario,
        "verdict": Verdict.FAIL if failed else Verdict.PASS,
        "reason": "",
        "cases": cases,
        "passed": cases - failed,
        "failed": failed,
        "inconclusive": 0,
        "boots": cases,
        "recoveries": 3 * cases,
        "events": 30 * cases,
        "crash_points": {"within write": cases},
        "judged": (Invariant.LOST_PUT, Invariant.ORDER),
        "findings": 1 if failed else 0,
    }
    return ScenarioEnded(**{**fields, **changes})  # type: ignore[arg-type]


def scenario_lines(scenario: str, cases: int, failing: Sequence[int] = ()) -> Iterator[LogLine]:
    yield scenario_started(scenario)
    for case in range(cases):
        yield judged(scenario, case, failing=case in failing)
    if failing:
        yield FindingReported(finding=finding(scenario=scenario), story=story())
    yield scenario_ended(scenario, cases, len(failing))


def ended(verdict: Verdict, cases: int, **changes: object) -> CampaignEnded:
    fields: dict[str, object] = {
        "verdict": verdict,
        "stopped": StopReason.CASES_DONE,
        "cases": cases,
        "findings": 1 if verdict is Verdict.FAIL else 0,
    }
    return CampaignEnded(**{**fields, **changes})  # type: ignore[arg-type]


def passing_run() -> list[LogLine]:
    return [
        started("quickstart"),
        *scenario_lines("quickstart", 4),
        ended(Verdict.PASS, 4),
    ]


def failing_run() -> list[LogLine]:
    return [
        started("quickstart", "torn-tail"),
        *scenario_lines("quickstart", 4),
        *scenario_lines("torn-tail", 4, failing=(1, 3)),
        ended(Verdict.FAIL, 8),
    ]


def run_of(*findings: tuple[Finding, Story | None]) -> list[LogLine]:
    return [
        started("torn-tail"),
        scenario_started("torn-tail"),
        *(FindingReported(finding=one, story=told) for one, told in findings),
        scenario_ended("torn-tail", 4, len(findings)),
        ended(Verdict.FAIL, 4),
    ]


class FakeCampaign:
    """Passes every case; `FAIL_CASES`, `CASE_SECONDS` and `ERROR` in the environment change it."""

    plans: ClassVar[list[CampaignPlan]] = []
    closed = 0
    changes: ClassVar[list[FindingChange]] = []
    unfollowed = Unfollowed()

    def __init__(self, plan: CampaignPlan, *, state: CampaignState | None = None) -> None:
        self._state = state
        self.plans.append(plan)
        self._plan = plan
        self._interrupted = False
        self._failing = [int(case) for case in os.environ.get("FAIL_CASES", "").split()]
        self._pause = float(os.environ.get("CASE_SECONDS", "0"))
        self._ignore_interrupt = "STUBBORN" in os.environ

    def interrupt(self) -> None:
        self._interrupted = not self._ignore_interrupt

    def watch(self, tell: Watch) -> None:
        """It never waits."""

    def lines(self) -> Iterator[LogLine]:
        try:
            yield started(
                *(scenario.name for scenario in self._plan.scenarios), seed=self._plan.master_seed
            )
            yield from self._scenarios()
        finally:
            type(self).closed += 1
            if "CLOSED_FILE" in os.environ:
                Path(os.environ["CLOSED_FILE"]).touch()

    def _scenarios(self) -> Iterator[LogLine]:
        verdict, total = Verdict.PASS, 0
        for scenario in self._plan.scenarios:
            cases = self._plan.cases or scenario.budget.cases
            failing = [case for case in self._failing if case < cases]
            verdict = Verdict.FAIL if failing else verdict
            for line in scenario_lines(scenario.name, cases, failing):
                if self._interrupted:
                    break
                yield line
                if isinstance(line, CaseJudged):
                    total += 1
                    time.sleep(self._pause)
                    if os.environ.get("ERROR"):
                        raise eval(os.environ["ERROR"], _errors())
        stopped = StopReason.INTERRUPTED if self._interrupted else StopReason.CASES_DONE
        yield ended(verdict, total, stopped=stopped)
        if self._state is not None and not self._interrupted:
            self._state.end()


def _errors() -> dict[str, object]:
    from walcrash.values import errors

    return vars(errors)


def fake_module() -> types.ModuleType:
    module = types.ModuleType("walcrash.campaign.campaign")
    module.Campaign = FakeCampaign  # type: ignore[attr-defined]
    return module


SCENARIO = """\
format = 1
name = "{name}"
summary = "made up for a test"

[subject]
adapter = "reference"

[[faults]]
kind = "kill"

[budget]
cases = {cases}
"""


def write_scenario(directory: Path, name: str = "made-up", cases: int = 4) -> Path:
    path = directory / f"{name}.toml"
    path.write_text(SCENARIO.format(name=name, cases=cases))
    return path


if __name__ == "__main__":
    sys.modules["walcrash.campaign.campaign"] = fake_module()
    from walcrash.cli import main

    sys.exit(main())
