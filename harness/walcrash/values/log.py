"""The event log: one line for each thing that a campaign reports, in one order.

The log is the record that reports are made from. It holds no clock, process id, duration or
path of the machine, so the same seed gives the same bytes; only where a time budget was over before
the first case, or before enough of them, does it say how long things take. `line_to_json` gives
the NDJSON form: an object with `line` (what kind) and the fields below; `line_from_json` is the way
back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final

from walcrash.values.case import Landing
from walcrash.values.codec import Codec, Refused
from walcrash.values.contract import Contract
from walcrash.values.coverage import SearchCoverage
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.fault_matrix import FaultMatrix
from walcrash.values.finding import Finding
from walcrash.values.finding_form import FINDING_CHECKS
from walcrash.values.forms import SPARSE, Count, EncodableText, Whole
from walcrash.values.further_recoveries import NO_FURTHER_RECOVERIES, FurtherRecoveries
from walcrash.values.reach import WorkloadReach
from walcrash.values.recovery import FailureKind
from walcrash.values.story import Story
from walcrash.values.varied import Varied
from walcrash.values.verdict import Invariant, Verdict

LOG_FORMAT = 2
"""Version of the NDJSON form; a reader of version n refuses n+1, and reads all before it."""


class StopReason(Enum):
    """Why a campaign ended."""

    CASES_DONE = "all cases done"
    NOTHING_NEW = "no new kind of state in the last cases, which judged all of theirs"
    QUIET = "nothing new came for as long as was asked"
    TIME_OVER = "time budget used up"
    INTERRUPTED = "interrupted"
    FAULT = "fault of the harness"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStarted:
    """First line: what was asked.

    `plane` is the real file system whose blocks the images were made from, with the kernel's
    release: `ext4 6.18.44`.
    """

    format: int
    version: EncodableText
    seed: EncodableText
    scenarios: tuple[EncodableText, ...]
    plane: Annotated[EncodableText, SPARSE] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStarted:
    """The subject opened, and the control cases (no crash) were judged.

    `path` is the scenario's file as it was named, or a shipped scenario's name; `faults` are the
    kinds of its faults. A log of an older version does not tell them.
    """

    scenario: EncodableText
    subject: EncodableText
    contract: Contract
    supports: tuple[str, ...]
    unjudged: tuple[tuple[Invariant, EncodableText], ...]
    control_cases: Count
    path: str = ""
    faults: Annotated[tuple[str, ...], SPARSE] = ()


INJECTED_FAULT: Final = "injected fault"
"""Where `crash_points` counts the events in whose place a fault was injected."""

DAMAGED_AT_REST: Final = "damage at rest"
"""Where `crash_points` counts the cases whose recovery was judged on what was damaged at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootSummary:
    """One boot of a case in numbers.

    `end` is a `BootEnd`'s value; `injected` is in how many events' place a fault was injected;
    `stored` is how many writes were stores through a mapping, which no call makes; `slow` is how
    many calls were slow, and `outlasted` how many of these another thread did something behind;
    `damaged` is 1 where files were damaged at rest after it.
    """

    operations: Count
    acknowledged: Count
    events: Count
    end: str
    landing: Landing | None
    injected: Count = 0
    stored: Annotated[Count, SPARSE] = 0
    slow: Annotated[Count, SPARSE] = 0
    outlasted: Annotated[Count, SPARSE] = 0
    damaged: Annotated[Count, SPARSE] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTotals:
    """Which of the disk images that power losses may leave were judged.

    Attributes:
        positions: crash positions that were judged.
        all_positions: how many there are in these traces.
        legal: how many crash states the contract's model allows at those positions.
        is_legal_counted: whether that is a count; else it is a lower bound.
        generated: images that were built there.
        distinct: those with a content of their own in their case; each was recovered.
        judged: images held against what had been promised at their position.
        policies: by what rule of choice they were made, with how many were judged.
    """

    positions: Count = 0
    all_positions: Count = 0
    legal: Annotated[int, Whole(0, None)] = 0
    is_legal_counted: bool = True
    generated: Count = 0
    distinct: Count = 0
    judged: Count = 0
    policies: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseJudged:
    """One case: what was done, and the verdict.

    `images` counts the disk images that were judged, 0 for a case without a power loss;
    `finding` is the group of failed cases that it belongs to, else empty: `G-` and hexadecimal
    digits, which a finding lists when the groups have been minimised; `reason` says why a case is
    inconclusive. `portability` is the group that a case belongs to for what does not count against
    it. `pinned` is the finding whose case is pinned in
    the scenario file; such cases come first, and `case` and `seed` are those of where it was found.
    `states` counts the crash states that its search judged, `new_kinds` the kinds among them that
    no earlier case had.
    """

    scenario: EncodableText
    case: Count
    seed: EncodableText
    boots: tuple[BootSummary, ...]
    recoveries: Count
    images: Count = 0
    verdict: Verdict
    invariants: tuple[Invariant, ...]
    finding: EncodableText
    portability: EncodableText = ""
    reason: EncodableText = ""
    pinned: EncodableText = ""
    states: Annotated[Count, SPARSE] = 0
    new_kinds: Annotated[Count, SPARSE] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingReported:
    """A finding, after its replays, when its scenario has ended.

    Attributes:
        finding: what was found.
        story: what happened in its case, from the first replay that showed it; where none did,
            from the campaign's own run. Null where the run ended before.
    """

    finding: Finding
    story: Story | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unopened:
    """A subject that could not be opened in an empty directory, so that nothing was tested.

    Attributes:
        kind: how `open` failed.
        message: the subject's text for it, or what the harness saw.
        output: the end of what the subject printed to stdout and stderr.
        story: what it did in its directory up to then.
    """

    kind: FailureKind
    message: EncodableText
    output: str
    story: Story


class CutWork(Enum):
    """What a time budget was not enough for."""

    PINNED = "pinned cases"
    KEPT = "kept findings"
    CASES = "cases"
    MINIMISING = "minimising"
    REPLAYS = "replays"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCut:
    """Work that ended with the time budget: how many of how many were done."""

    what: CutWork
    done: Count
    of: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FewCases:
    """A scenario had fewer cases than a run should have.

    Attributes:
        done: cases that were run, those aside that are pinned or kept.
        of: how many there should be.
        seconds: about how long so many take, with all that comes before; 0 where a number ends the
            cases, or it is not known.
        is_restarted: whether the subject is a driver that cannot `reopen`.
    """

    done: Count
    of: Count
    seconds: Annotated[Count, SPARSE] = 0
    is_restarted: Annotated[bool, SPARSE] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioEnded:
    """One scenario in numbers.

    `crash_points` counts landings by placement and event kind, such as `within write`;
    `images` is None where there was no power loss; `judged` are the invariants that were judged
    in at least one case, and `unjudged` those for which every case lacked something, with what that
    was. `unopened` stands there where the subject could not be opened at all. `time_cuts` says
    what a time budget was not enough for; without a time budget nothing is cut by the clock.
    `varied` is what was varied around recoveries beside hash seed, time zone and locale, for which
    program; a `problem` says why it was not. `search` is what the searches of its cases reached;
    None where no case searched its crash states. `further` counts the further recoveries of images,
    and those that were left out. `reach` is what its operations came to; None where no case was
    run. `matrix` says which calls were struck by which fault, which were not, and what came of it;
    None where the scenario injects nothing. `few` stands there where the time, or the number
    that was asked for, ended them before there were as many as a run should have.
    """

    scenario: EncodableText
    verdict: Verdict
    reason: EncodableText
    cases: Count
    passed: Count
    failed: Count
    inconclusive: Count
    boots: Count
    recoveries: Count
    events: Count
    crash_points: Mapping[str, Count]
    images: ImageTotals | None = None
    judged: tuple[Invariant, ...]
    findings: Count
    portability: Count = 0
    unopened: Annotated[Unopened | None, SPARSE] = None
    unjudged: Annotated[tuple[tuple[Invariant, EncodableText], ...], SPARSE] = ()
    time_cuts: Annotated[tuple[TimeCut, ...], SPARSE] = ()
    varied: Annotated[tuple[Varied, ...], SPARSE] = ()
    search: Annotated[SearchCoverage | None, SPARSE] = None
    further: Annotated[FurtherRecoveries, SPARSE] = NO_FURTHER_RECOVERIES
    reach: Annotated[WorkloadReach | None, SPARSE] = None
    matrix: Annotated[FaultMatrix | None, SPARSE] = None
    few: Annotated[FewCases | None, SPARSE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEnded:
    """Last line: the verdict and why it stopped."""

    verdict: Verdict
    stopped: StopReason
    cases: Count
    findings: Count


LogLine = (
    CampaignStarted | ScenarioStarted | CaseJudged | FindingReported | ScenarioEnded | CampaignEnded
)

_NAMES = {
    CampaignStarted: "campaign-started",
    ScenarioStarted: "scenario-started",
    CaseJudged: "case-judged",
    FindingReported: "finding-reported",
    ScenarioEnded: "scenario-ended",
    CampaignEnded: "campaign-ended",
}


_KINDS = {name: kind for kind, name in _NAMES.items()}


def line_name(kind: type[LogLine]) -> str:
    """Return what a line of this kind has under the key `line`."""
    return _NAMES[kind]


def line_to_json(line: LogLine) -> dict[str, object]:
    """Return the NDJSON form of one line: `line`, then its fields in their stated order."""
    return {"line": _NAMES[type(line)], **LOG.to_json(line)}


def line_from_json(value: object, *, log_format: int = LOG_FORMAT) -> LogLine | None:
    """Return the line that `line_to_json` has written; None for a kind that is not known here.

    Keys that are not known here are left out, as the format allows within a version.

    Args:
        value: what `json.loads` gave.
        log_format: the version of the log, which its first line says.

    Raises:
        Refused: the log is of a newer version than this one, or it is no line of a log.
    """
    if not isinstance(value, dict) or not isinstance(value.get("line"), str):
        raise Refused("a line of the event log is an object with the key `line`", hint=LOG.hint)
    name = value["line"]
    kind = _KINDS.get(name)
    if kind is None:
        return None
    if kind is CampaignStarted:
        LOG.check_format(value, LOG_FORMAT, name)
    form: object = {key: item for key, item in value.items() if key != "line"}
    if log_format < LOG_FORMAT:
        form = LOG.upgraded(_upgraded, form, name)
    return LOG.from_json(kind, form, name)


def _upgraded(form: Any) -> Any:
    """Return a line of format 1, whose landings were texts and whose stories had looks."""
    made = upgrade_facts(form)
    story = made.get("story") if isinstance(made, dict) else None
    if isinstance(story, dict) and "looks" in story:
        story["recoveries"] = story.pop("looks")
    return made


LOG: Final = Codec(
    hint="name a run's directory, such as one in reports/runs, or its events.ndjson",
    is_open=True,
    takes_surrogates=True,
    checks=FINDING_CHECKS,
)
"""How lines are written and read, and what reports give as JSON."""
