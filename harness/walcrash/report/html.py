"""A whole run as one HTML page: no network, no server, small, and readable without scripts.

It is made from the log lines alone, so the same seed gives the same bytes. Everything that came
from a subject is escaped twice: `text.escape` for what no reader should see raw, the template
for what HTML would take for markup. The page allows no script and no style but its own.

Source: HTML Living Standard; Content Security Policy Level 3, section 6.6.2 (hashes).
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import jinja2
from markupsafe import Markup

from walcrash.report.fate_words import fate_advice, fate_sentences
from walcrash.report.finding_text import (
    CLOCK_BACK,
    HALF_MADE,
    KNOWN,
    NO_CRASH,
    PLAIN,
    explain_command,
    finding_origin,
    minimised,
    model_of_crash,
    replays,
    seen,
)
from walcrash.report.finding_text import replay_command as replay_line
from walcrash.report.html_coverage import Coverage
from walcrash.report.html_matrix import ScenarioMatrix, scenario_matrices
from walcrash.report.html_story import StepRow, ViewRow, step_rows, view_rows, view_title
from walcrash.report.matrix_text import OUTCOME_WORDS, outcomes_seen
from walcrash.report.run_report import RunReport
from walcrash.report.search_coverage import (
    CURVE_HEAD,
    STATES_HEAD,
    SearchedScenario,
    searched_scenarios,
    states_rows,
)
from walcrash.report.sighting_text import sighting_text
from walcrash.report.story_words import recovery_lines
from walcrash.report.summary import IMAGE_HEAD, SCENARIO_HEAD, image_rows, totals
from walcrash.report.taken import taken
from walcrash.report.text import counted, escape, shorten
from walcrash.report.unopened_text import unopened_lines
from walcrash.report.untested import untested_promises
from walcrash.report.varied_text import varied_words
from walcrash.values.finding import Finding
from walcrash.values.rules import RULES
from walcrash.values.story import STEPS_SHOWN, Story

# limits
PAGE_BYTES: Final = 500_000
"""A page that would be larger shows less of each story, and says so."""

LEVELS: Final = ((STEPS_SHOWN, True), (24, True), (12, False), (0, False))
"""How many events of each story are shown, and whether its bytes are: the first that fits."""

MESSAGE_CHARACTERS: Final = 400
"""Longest message or text of a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    title: str
    rows: tuple[ViewRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    id: str
    word: str
    scenario: str
    invariant: str
    message: str
    facts: tuple[tuple[str, str], ...]
    paths: str
    steps: tuple[StepRow, ...]
    view: _View | None
    end: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scenario:
    name: str
    verdict: str
    numbers: tuple[str, ...]
    reason: str
    unopened: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    verdict: str
    totals: str
    stopped: str
    seed: str
    version: str
    scenario_head: tuple[str, ...]
    scenarios: tuple[_Scenario, ...]
    coverage: Coverage
    states_head: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    searched: tuple[SearchedScenario, ...]
    curve_head: tuple[str, ...]
    matrices: tuple[ScenarioMatrix, ...]
    outcomes: tuple[tuple[str, str], ...]
    image_head: tuple[str, ...]
    images: tuple[tuple[str, ...], ...]
    judged: str
    unjudged: tuple[tuple[str, str], ...]
    untested: tuple[str, ...]
    varied: str
    unvaried: tuple[str, ...]
    findings: tuple[_Finding, ...]
    unreported: tuple[str, ...]
    shortened: str


def html_report(report: RunReport) -> str:
    """Return the run as an HTML page."""
    text = ""
    for steps, has_view in LEVELS:
        text = _render(_page(report, steps=steps, has_view=has_view))
        if len(text.encode("utf-8", "backslashreplace")) <= PAGE_BYTES:
            break
    return text


def _render(page: _Page) -> str:
    style, script = _part("report.css"), _part("report.js")
    return _template().render(
        page=page,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_part("report.html"))


@cache
def _part(name: str) -> str:
    return (resources.files("walcrash.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(report: RunReport, *, steps: int, has_view: bool) -> _Page:
    every = [*report.findings, *report.portability]
    found = len(report.findings) + len(report.unreported)
    shortened = f"So that this page stays small, each story shows about {steps} of its events"
    if not steps:
        shortened = "So that this page stays small, the stories are left out"
    varied, unvaried = varied_words(report)
    return _Page(
        verdict=report.verdict.value,
        totals=f"{counted(found, 'finding') if found else 'No findings'} in {totals(report)}.",
        stopped=shorten(report.why_stopped),
        seed=shorten(report.seed),
        version=shorten(report.version) or "of unknown version",
        scenario_head=SCENARIO_HEAD[2:],
        scenarios=tuple(_scenarios(report)),
        coverage=report.coverage,
        states_head=STATES_HEAD,
        states=tuple(states_rows(report)),
        searched=searched_scenarios(report),
        curve_head=CURVE_HEAD,
        matrices=scenario_matrices(report),
        outcomes=tuple((each.value, OUTCOME_WORDS[each]) for each in outcomes_seen(report)),
        image_head=IMAGE_HEAD,
        images=tuple(image_rows(report)),
        judged=", ".join(invariant.value for invariant in report.judged) or "no invariant",
        unjudged=tuple(_unjudged(report)),
        untested=tuple(untested_promises(report)),
        varied=varied,
        unvaried=tuple(map(shorten, unvaried)),
        findings=tuple(
            _finding(report, finding, steps=steps, has_view=has_view) for finding in every
        ),
        unreported=tuple(
            f"{escape(case.scenario)} · {', '.join(each.value for each in case.invariants)}: "
            "the run ended before this was replayed"
            for case in report.unreported
        ),
        shortened="" if steps == STEPS_SHOWN else f"{shortened}; walcrash explain has all of it.",
    )


def _scenarios(report: RunReport) -> Iterable[_Scenario]:
    for scenario in report.scenarios:
        numbers = (
            scenario.cases,
            scenario.boots,
            scenario.recoveries,
            scenario.events,
            report.found(scenario),
        )
        yield _Scenario(
            name=escape(scenario.scenario),
            verdict=scenario.verdict.value,
            numbers=tuple(f"{number:,}" for number in numbers),
            reason=shorten(scenario.reason, MESSAGE_CHARACTERS),
            unopened="\n".join(unopened_lines(scenario)),
        )
    for name in report.not_run:
        yield _Scenario(
            name=escape(name), verdict="inconclusive", numbers=("0",) * 5, reason="it was not run"
        )


def _unjudged(report: RunReport) -> Iterable[tuple[str, str]]:
    by_reason: dict[str, list[str]] = {}
    for invariant, reason in report.unjudged:
        by_reason.setdefault(shorten(reason, MESSAGE_CHARACTERS), []).append(invariant.value)
    return ((reason, ", ".join(names)) for reason, names in by_reason.items())


# One finding.


def _finding(report: RunReport, finding: Finding, *, steps: int, has_view: bool) -> _Finding:
    first, story = finding.worst, report.stories.get(finding.id)
    is_reported = story is not None and steps > 0
    view = None
    if story is not None and story.view is not None and has_view:
        view = _View(title=view_title(story), rows=tuple(view_rows(story)))
    return _Finding(
        id=escape(finding.id),
        word="note" if finding.is_portability else "fail",
        scenario=escape(finding.scenario),
        invariant=first.invariant.value,
        message=shorten(first.message, MESSAGE_CHARACTERS),
        facts=tuple(_facts(finding, story)),
        paths=json.dumps([escape(path) for path in story.paths]) if story is not None else "[]",
        steps=tuple(step_rows(story, steps)) if story is not None and is_reported else (),
        view=view,
        end=tuple(_end(finding, story)),
        commands=tuple(
            {
                **_commands(finding, report.runs_of(finding.id)),
                **report.bundles.get(finding.id, {}),
            }.items()
        ),
    )


def _facts(finding: Finding, story: Story | None) -> Iterable[tuple[str, str]]:
    first = finding.worst
    for text, holds in ((PLAIN, finding.is_plain), (CLOCK_BACK, finding.is_clock_back)):
        yield from [("label", text)] if holds else []
    if finding.is_plain:
        yield "crash", NO_CRASH
    yield from _injected(finding)
    for landing in finding.telling_landings:
        model = model_of_crash(landing, finding.model)
        yield "crash", f"{shorten(str(landing), MESSAGE_CHARACTERS)} ({model.value})"
        if landing.is_power_loss:
            yield "power", shorten(landing.loss, MESSAGE_CHARACTERS)
    yield "shown by", shorten(first.where)
    if finding.is_before_promise:
        yield "label", HALF_MADE
    if finding.kept in KNOWN:
        yield "label", KNOWN[finding.kept]
    for name, text in (("allowed", first.allowed), ("found", first.found)):
        if text:
            yield name, shorten(text, MESSAGE_CHARACTERS)
    yield "history", f"{minimised(finding)}; {seen(finding)}; {replays(finding)}"
    if finding.sighting is not None:
        yield "real", sighting_text(finding.sighting)
    if story is None:
        yield "story", "none: no replay showed it"
    elif story.unknown:
        yield "disk", f"not known: {shorten(story.unknown, MESSAGE_CHARACTERS)}"
    else:
        yield "durable by", story.rules.value


def _injected(finding: Finding) -> Iterable[tuple[str, str]]:
    """Yield what was injected into the smallest case and changed no result of a call."""
    if finding.slow is not None:
        yield "slow", shorten(str(finding.slow), MESSAGE_CHARACTERS)
    for text in finding.around:
        yield "around", shorten(text, MESSAGE_CHARACTERS)


def _end(finding: Finding, story: Story | None) -> Iterable[tuple[str, str]]:
    for recovery in story.recoveries if story is not None else ():
        yield shorten(recovery.where), "; ".join(recovery_lines(recovery))
    first, *others = finding.violations
    yield "broken", f"{first.invariant.value}: {RULES[first.invariant].text}"
    for other in others:
        text = f"{other.invariant.value}: {shorten(other.message, MESSAGE_CHARACTERS)}"
        yield "also", text
    took = None if story is None or finding.is_plain else taken(story)
    if took is not None:
        yield "taken", took.value
    for sentence in fate_sentences(finding.fate):
        yield "fate", sentence
    if repair := fate_advice(finding.fate):
        yield "repair", repair


def _commands(finding: Finding, runs: str) -> Mapping[str, str]:
    return {
        "replay": replay_line(finding.id, runs=runs),
        "origin": finding_origin(finding, runs=runs),
        "read": explain_command(finding.id, runs=runs),
    }
