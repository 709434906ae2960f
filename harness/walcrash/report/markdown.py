"""A whole run as Markdown, for people and for the summary page of a CI job.

It is made from the log lines alone, so the same seed gives the same bytes: no clock, no path
of the machine. Text that came from a subject stands in code blocks, or is escaped.

Source: GitHub Flavored Markdown, sections 4.5 (fences), 4.10 (tables) and 6.1 (escapes).
"""

import re
from collections.abc import Sequence

from walcrash.report.finding_text import finding_text, origin_command
from walcrash.report.further_text import further_words
from walcrash.report.matrix_text import matrices, matrix_table, never_words
from walcrash.report.run_report import RunReport
from walcrash.report.search_coverage import STATES_HEAD, cell_words, searches, states_rows
from walcrash.report.summary import (
    CRASH_POINT_HEAD,
    IMAGE_HEAD,
    SCENARIO_HEAD,
    again_command,
    crash_point_rows,
    image_rows,
    injected_texts,
    scenario_rows,
    totals,
)
from walcrash.report.text import counted, shorten
from walcrash.report.unopened_text import unopened_lines
from walcrash.report.untested import untested_promises
from walcrash.report.varied_text import varied_words
from walcrash.values.finding import Finding

_MEANING = re.compile(r"([\\`*_\[\]<>|~&#])")


def markdown_report(report: RunReport) -> str:
    """Return the run as Markdown, ending with a newline."""
    sections = [
        head(report),
        fenced(again_command(report)),
        section("Findings", _findings(report)),
        section("Portability", _texts(report, report.portability)),
        section("Scenarios", scenario_table(report)),
        section("Why not passed", reasons(report)),
        section("Not opened", unopened(report)),
        section("Crash points", _table(CRASH_POINT_HEAD, crash_point_rows(report), left=1)),
        section("Injected", "\n".join(injected_texts(report))),
        section("Faults", faults(report)),
        section("Images after a power loss", _table(IMAGE_HEAD, image_rows(report), left=1)),
        section("What the search reached", _table(STATES_HEAD, states_rows(report), left=1)),
        section("Never reached", _never(report)),
        section("Not tested", untested(report)),
        section("Invariants", invariant_table(report)),
    ]
    return "\n\n".join(each for each in sections if each) + "\n"


def head(report: RunReport, *, seed: Sequence[str] = ()) -> str:
    """Return the verdict, what was covered and why the run stopped; `seed` is a line for it."""
    found = len(report.findings) + len(report.unreported)
    return "\n".join(
        [
            f"# walcrash: {report.verdict.value.upper()}",
            "",
            f"{counted(found, 'finding') if found else 'No findings'} in {totals(report)}.",
            f"Stopped: {plain(report.why_stopped)}.",
            *seed,
            f"walcrash {plain(report.version) or 'of unknown version'}.",
        ]
    )


def section(title: str, body: str) -> str:
    """Return a section with its title; nothing if it is empty."""
    return f"## {title}\n\n{body}" if body else ""


def _findings(report: RunReport) -> str:
    parts = [_texts(report, [finding]) for finding in report.findings]
    for case in report.unreported:
        path = report.scenario_paths.get(case.scenario, case.scenario)
        broken = ", ".join(invariant.value for invariant in case.invariants)
        index, runs = None if case.pinned else case.case, report.runs_of(case.finding)
        parts.append(
            f"{plain(case.scenario)}: {broken}; the run ended before this was replayed.\n\n"
            + fenced(origin_command(path, report.seed_of(case), index, runs=runs))
        )
    return "\n\n".join(parts)


def _texts(report: RunReport, findings: Sequence[Finding]) -> str:
    return "\n\n".join(
        fenced(finding_text(finding, runs=report.runs_of(finding.id))) for finding in findings
    )


def scenario_table(report: RunReport) -> str:
    """Return a table of scenarios with verdicts and numbers; empty if there are none."""
    return _table(SCENARIO_HEAD, scenario_rows(report), left=2)


def reasons(report: RunReport) -> str:
    """Return a list of why scenarios did not pass; empty if all did."""
    lines = [
        f"- {plain(scenario.scenario)}: {plain(scenario.reason)}"
        for scenario in report.scenarios
        if scenario.reason
    ]
    lines += [f"- {plain(name)}: the run ended before it began" for name in report.not_run]
    return "\n".join(lines)


def unopened(report: RunReport) -> str:
    """Return what subjects did and printed that could not be opened; empty if there are none."""
    return "\n\n".join(
        f"{plain(scenario.scenario)}:\n\n{fenced(chr(10).join(lines))}"
        for scenario in report.scenarios
        if (lines := unopened_lines(scenario))
    )


def invariant_table(report: RunReport) -> str:
    """Return a table of the invariants: judged, or why not."""
    rows: list[tuple[str, ...]] = [
        (f"`{invariant.value}`", "judged") for invariant in report.judged
    ]
    rows += [
        (f"`{invariant.value}`", f"not judged: {plain(reason)}")
        for invariant, reason in report.unjudged
    ]
    table = _table(("invariant", "result"), rows, left=2, escaped=True)
    varied, missing = varied_words(report)
    words = [f"Varied: {plain(varied)}."] if varied else []
    words += [f"Not varied: {plain(text)}." for text in missing]
    further = further_words(report)
    words += [f"Further: {plain(further)}."] if further else []
    return "\n\n".join([table, *words])


def _never(report: RunReport) -> str:
    """Return a list of the cells that nothing reached, scenario by scenario."""
    cells = [
        (name, cell_words(cell))
        for name, coverage in searches(report)
        for cell in coverage.unreached
    ]
    cells += [(name, words) for name, matrix in matrices(report) for words in never_words(matrix)]
    return "\n".join(f"- {plain(name)}: {plain(words)}" for name, words in cells)


def faults(report: RunReport) -> str:
    """Return a table of what became of injected faults, by kind of call; empty without any."""
    head, rows = matrix_table(report)
    return _table(head, rows, left=1)


def untested(report: RunReport) -> str:
    """Return a list of the promises that no case put to the test; empty if there are none."""
    return "\n".join(f"- {plain(sentence)}" for sentence in untested_promises(report))


def _table(
    head: tuple[str, ...], rows: list[tuple[str, ...]], *, left: int, escaped: bool = False
) -> str:
    if not rows:
        return ""
    rule = ["---" if column < left else "---:" for column in range(len(head))]
    cells = rows if escaped else [tuple(plain(cell) for cell in row) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *cells))


def plain(text: str) -> str:
    """Return the text so that Markdown shows it as it is."""
    return _MEANING.sub(r"\\\1", shorten(text))


def fenced(text: str) -> str:
    """Return the text as a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
