"""A run for GitHub Actions: a job summary as Markdown, and annotations as workflow commands.

Both keep within what GitHub takes: a summary of 1 MiB and ten annotations of each level in one
step. More is dropped there without a word or with an error; here what is left out is counted.

Source: GitHub Actions, workflow commands (annotations, job summaries, limits).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.report.finding_text import KNOWN, PLAIN, finding_text, replay_command, unreported_text
from walcrash.report.markdown import (
    faults,
    fenced,
    head,
    invariant_table,
    plain,
    reasons,
    scenario_table,
    section,
    unopened,
    untested,
)
from walcrash.report.run_report import RunReport
from walcrash.report.summary import totals
from walcrash.report.text import counted, escape, shorten
from walcrash.values.finding import Finding
from walcrash.values.log import CaseJudged
from walcrash.values.verdict import Verdict

# limits
SUMMARY_BYTES: Final = 1_000_000
"""Largest summary; GitHub takes 1,048,576 bytes of a step, which may write others as well."""

TABLES_BYTES: Final = 200_000
"""How much of it each table or list may take."""

ANNOTATIONS: Final = 10
"""How many annotations of one level GitHub shows of a step."""

TITLE_CHARACTERS: Final = 200
"""Longest title of an annotation."""

MESSAGE_CHARACTERS: Final = 1_000
"""Longest text of a subject in an annotation."""


def github_summary(report: RunReport) -> str:
    """Return the run as the Markdown of a job summary, ending with a newline."""
    top = head(report, seed=[f"Seed: {plain(report.seed)}."])
    tail = [
        section("Scenarios", _elide(scenario_table(report), "scenarios")),
        section("Why not passed", _elide(reasons(report), "reasons")),
        section("Not opened", _unopened(report)),
        section("Faults", _elide(faults(report), "kinds of calls")),
        section("Not tested", _elide(untested(report), "promises")),
        section("Invariants", _elide(invariant_table(report), "invariants")),
    ]
    found = [finding_text(finding, runs=report.runs_of(finding.id)) for finding in report.findings]
    found += [_unreported_text(report, case) for case in report.unreported]
    left = SUMMARY_BYTES - _size([top, *tail])
    findings = _fitting("Findings", found, left)
    texts = [
        finding_text(finding, runs=report.runs_of(finding.id)) for finding in report.portability
    ]
    portability = _fitting("Portability", texts, left - _size([findings]))
    sections = [top, findings, portability, *tail]
    return "\n\n".join(each for each in sections if each) + "\n"


def _unopened(report: RunReport) -> str:
    text = unopened(report)
    if _size([text]) > TABLES_BYTES:
        return "`walcrash report RUN --to html` has what each of the subjects did and printed."
    return text


def _unreported_text(report: RunReport, case: CaseJudged) -> str:
    path = report.scenario_paths.get(case.scenario, case.scenario)
    return unreported_text(case, path, report.seed_of(case), runs=report.runs_of(case.finding))


def _size(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8", "backslashreplace")) + 2 for text in texts)


def _elide(text: str, noun: str) -> str:
    """Return the first lines that fit, saying that there are more."""
    kept: list[str] = []
    lines = text.split("\n")
    left = TABLES_BYTES
    for line in lines:
        left -= _size([line])
        if left < 0:
            more = f"{len(lines) - len(kept):,} more lines of {noun} are left out"
            return "\n".join([*kept, "", f"{more}: a summary has to stay small."])
        kept.append(line)
    return text


def _fitting(title: str, texts: Sequence[str], limit_bytes: int) -> str:
    """Return a section with the first findings that fit, and how many do not."""
    if not texts:
        return ""
    left = limit_bytes - 500  # for the title and the last sentence
    kept: list[str] = []
    for text in map(fenced, texts):
        left -= _size([text])
        if left < 0:
            break
        kept.append(text)
    if len(kept) < len(texts):
        more = counted(len(texts) - len(kept), "more finding")
        kept.append(
            f"{more}: left out, since a job summary is 1 MiB at most. "
            "The event log and `walcrash report RUN --to html` have all of them."
        )
    return section(title, "\n\n".join(kept))


def github_annotations(report: RunReport) -> str:
    """Return the run as workflow commands, one a line; a run that passed has one notice."""
    errors = [_finding(report, finding, "error") for finding in report.findings]
    errors += [_unreported(report, case) for case in report.unreported]
    warnings = list(_doubts(report))
    notices = [_finding(report, finding, "notice") for finding in report.portability]
    if report.verdict is Verdict.PASS:
        notices.insert(0, _command("notice", "walcrash", f"pass: {totals(report)}"))
    commands = [
        *_limited(errors, "error", "findings"),
        *_limited(warnings, "warning", "scenarios without a verdict"),
        *_limited(notices, "notice", "portability findings"),
    ]
    return "".join(f"{command}\n" for command in commands)


def _finding(report: RunReport, finding: Finding, level: str) -> str:
    first = finding.worst
    label = ", plain" if finding.is_plain else ""
    title = f"{finding.scenario}: {first.invariant.value} ({finding.id}{label})"
    lines = [shorten(first.message, MESSAGE_CHARACTERS)]
    lines += [
        f"crash: {shorten(str(each), MESSAGE_CHARACTERS)}" for each in finding.telling_landings[:5]
    ]
    lines += [PLAIN] if finding.is_plain else []
    lines += [KNOWN[finding.kept]] if finding.kept in KNOWN else []
    lines.append(f"replay: {replay_command(finding.id, runs=report.runs_of(finding.id))}")
    return _command(level, title, "\n".join(lines), path=finding.scenario_path)


def _unreported(report: RunReport, case: CaseJudged) -> str:
    broken = ", ".join(invariant.value for invariant in case.invariants)
    return _command(
        "error",
        f"{case.scenario}: {broken} ({case.finding})",
        "the run ended before this was replayed",
        path=report.file_of(case.scenario),
    )


def _doubts(report: RunReport) -> Iterator[str]:
    for scenario in report.scenarios:
        name = scenario.scenario
        if scenario.verdict is Verdict.INCONCLUSIVE or name in report.unfinished:
            text = shorten(scenario.reason or "inconclusive", MESSAGE_CHARACTERS)
            path = report.file_of(name)
            yield _command("warning", f"{name}: inconclusive", text, path=path)
    for name in report.not_run:
        text = "the run ended before it began"
        path = report.file_of(name)
        yield _command("warning", f"{name}: not run", text, path=path)
    if report.verdict is Verdict.INCONCLUSIVE:
        text = f"nothing is proved; stopped: {shorten(report.why_stopped, MESSAGE_CHARACTERS)}"
        yield _command("warning", "walcrash: inconclusive", text)


def _limited(commands: Sequence[str], level: str, noun: str) -> Sequence[str]:
    if len(commands) <= ANNOTATIONS:
        return commands
    shown = ANNOTATIONS - 1
    text = f"{len(commands) - shown:,} more {noun} are in the job summary and the report"
    return [*commands[:shown], _command(level, "walcrash", text)]


def _command(level: str, title: str, text: str, *, path: str = "") -> str:
    properties = [f"title={_property(shorten(title, TITLE_CHARACTERS))}"]
    if path:
        properties.insert(0, f"file={_property(escape(path))}")
    return f"::{level} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
