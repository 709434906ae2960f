"""The end of a run as text: findings, then verdict, seed, what was covered and why it stopped.

The verdict stands last, where a terminal shows it without scrolling.
"""

from collections import Counter
from collections.abc import Sequence

from walcrash.report.finding_changes import NOTHING, change_lines
from walcrash.report.finding_text import (
    DEFAULT_RUNS,
    NARROWEST,
    WIDTH,
    finding_text,
    unreported_text,
)
from walcrash.report.further_text import further_words
from walcrash.report.matrix_text import matrices, matrix_lines
from walcrash.report.run_report import RunReport
from walcrash.report.search_coverage import states_lines
from walcrash.report.sighting_text import file_system_text
from walcrash.report.text import (
    block,
    command,
    counted,
    escape,
    paragraph,
    shell_path,
    shell_word,
    shorten,
    table,
)
from walcrash.report.unopened_text import unopened_lines
from walcrash.report.untested import untested_promises
from walcrash.report.varied_text import varied_words
from walcrash.values.fault_matrix import REPEATED_RANDOM, FaultOutcome
from walcrash.values.finding import FindingChange, Unfollowed
from walcrash.values.log import DAMAGED_AT_REST, INJECTED_FAULT, StopReason
from walcrash.values.moments import Placement
from walcrash.values.verdict import Verdict

# limits
FINDINGS_SHOWN = 20
"""How many findings are shown whole at the end of a run; the Markdown report has all."""

LEFT_SECONDS = 1.0
"""Time that is left of a budget is told from here on."""


def summary_text(
    report: RunReport,
    *,
    seconds: float,
    budget_seconds: float | None = None,
    report_path: str,
    page_path: str = "",
    changes: Sequence[FindingChange] = (),
    unfollowed: Unfollowed = NOTHING,
    runs: str = DEFAULT_RUNS,
    resume_path: str = "",
    width: int = WIDTH,
) -> str:
    """Return the end of a run, without a newline at the end.

    Args:
        report: what the run reported.
        seconds: how long it took.
        budget_seconds: how long it might have taken, if that was asked for.
        report_path: the Markdown report; empty where there is none.
        page_path: the HTML report; empty where there is none.
        changes: what became of findings that were kept.
        unfollowed: findings that were kept and of which nothing is known.
        runs: the directory that keeps findings.
        resume_path: the directory of a run that can go on; empty where it cannot.
        width: columns to wrap at.
    """
    width = max(width, NARROWEST)
    stopped = f"{shorten(_why_stopped(report, seconds, budget_seconds))}, after {seconds:.1f} s"
    parts = [
        *_findings(report, runs, width),
        *_unopened(report, width),
        "\n".join(_scenarios(report, width)),
        "\n".join(_crash_points(report)),
        "\n".join(_images(report)),
        "\n".join(matrix_lines(report, width=width)),
        "\n".join(states_lines(report, width=width)),
        "\n".join(_invariants(report, width)),
        "\n".join(change_lines(changes, unfollowed, width=width)),
        "\n".join(_end(report, stopped, (report_path, page_path, resume_path), runs, width)),
    ]
    return "\n\n".join(part for part in parts if part)


def _findings(report: RunReport, runs: str, width: int) -> list[str]:
    parts = [
        finding_text(finding, width=width, runs=runs)
        for finding in report.findings[:FINDINGS_SHOWN]
    ]
    parts += [
        unreported_text(
            case, report.scenario_paths.get(case.scenario, case.scenario), report.seed, runs=runs
        )
        for case in report.unreported[:FINDINGS_SHOWN]
    ]
    left_out = len(report.findings) + len(report.unreported) - len(parts)
    if left_out:
        parts.append(f"  and {counted(left_out, 'more finding')}: see the report")
    return parts + _portability(report, runs, width)


def _portability(report: RunReport, runs: str, width: int) -> list[str]:
    parts = [
        finding_text(finding, width=width, runs=runs)
        for finding in report.portability[:FINDINGS_SHOWN]
    ]
    left_out = len(report.portability) - len(parts)
    if left_out:
        parts.append(f"  and {counted(left_out, 'more portability finding')}: see the report")
    return parts


SCENARIO_HEAD = ("scenario", "verdict", "cases", "boots", "recoveries", "events", "findings")


def scenario_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Return a row for each scenario, under `SCENARIO_HEAD`; nothing is escaped for Markdown."""
    rows: list[tuple[str, ...]] = []
    for scenario in report.scenarios:
        numbers = (scenario.cases, scenario.boots, scenario.recoveries, scenario.events)
        rows.append(
            (
                escape(scenario.scenario),
                scenario.verdict.value,
                *(f"{number:,}" for number in numbers),
                str(report.found(scenario)),
            )
        )
    rows += [(escape(name), "not run", "0", "0", "0", "0", "0") for name in report.not_run]
    return rows


def _scenarios(report: RunReport, width: int) -> list[str]:
    lines = table(SCENARIO_HEAD, scenario_rows(report), left=2)
    return lines + _reasons(report, width, why_inconclusive=False)


def _reasons(report: RunReport, width: int, *, why_inconclusive: bool) -> list[str]:
    """Return what is said of scenarios: why the run is inconclusive, or all else."""
    return [
        line
        for each in report.scenarios
        if each.reason and _is_why(report, each.verdict) is why_inconclusive
        for line in paragraph(f"{escape(each.scenario)}: {shorten(each.reason)}", width=width)
    ]


def _is_why(report: RunReport, verdict: Verdict) -> bool:
    return report.verdict is verdict is Verdict.INCONCLUSIVE


def _unopened(report: RunReport, width: int) -> list[str]:
    return [
        "\n".join([f"NOT OPENED  {escape(scenario.scenario)}", *lines])
        for scenario in report.scenarios
        if (lines := unopened_lines(scenario, width=width))
    ]


def crash_point_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Return a row for each kind of event: how many crashes fell before, within, after it."""
    counts: dict[str, Counter[str]] = {}
    for scenario in report.scenarios:
        for name, number in scenario.crash_points.items():
            if name in (INJECTED_FAULT, DAMAGED_AT_REST):
                continue
            placement, _, kind = name.partition(" ")
            counts.setdefault(kind, Counter())[placement] += number
    return [
        (escape(kind), *(f"{counts[kind][placement.value]:,}" for placement in Placement))
        for kind in sorted(counts)
    ]


CRASH_POINT_HEAD = ("crash points", *(placement.value for placement in Placement))


def _crash_points(report: RunReport) -> list[str]:
    rows = crash_point_rows(report)
    lines = table(CRASH_POINT_HEAD, rows) if rows else ["  no crash fell"]
    return [*lines, *(f"  {text}" for text in injected_texts(report))]


def injected_texts(report: RunReport) -> list[str]:
    """Return how often what was injected fell, as texts: on calls, around boots, into files."""
    calls, cases = (
        sum(each.crash_points.get(name, 0) for each in report.scenarios)
        for name in (INJECTED_FAULT, DAMAGED_AT_REST)
    )
    failed = [f"{counted(calls, 'call')} failed or moved a part, as injected"] if calls else []
    damaged = [f"in {counted(cases, 'case')} files were damaged at rest"] if cases else []
    return failed + _around_texts(report) + damaged


def _around_texts(report: RunReport) -> list[str]:
    """Return how many boots had another clock, or random bytes that repeat, as texts."""
    jumped: Counter[FaultOutcome] = Counter()
    repeated: Counter[FaultOutcome] = Counter()
    for row in (row for _, matrix in matrices(report) for row in matrix.boots):
        for name, outcomes in row.struck.items():
            (repeated if name == REPEATED_RANDOM else jumped).update(outcomes)
    texts = []
    if count := jumped.total():
        texts.append(f"in {counted(count, 'boot')} the wall clock had jumped, as injected")
    if count := repeated.total():
        idle = repeated[FaultOutcome.NO_EFFECT]
        rest = f"; in {idle:,} nobody asked for any, or no other had the same" if idle else ""
        texts.append(f"in {counted(count, 'boot')} random bytes repeated, as injected{rest}")
    return texts


IMAGE_HEAD = (
    "images after a power loss",
    "crash points",
    "of",
    "legal there",
    "built",
    "distinct",
    "judged",
)


def image_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Return a row for each scenario with power losses, under `IMAGE_HEAD`.

    Crash points that were expanded, of how many; images that are legal at those points;
    how many were built, recovered because no other had their content, and judged.
    """
    return [
        (
            escape(scenario.scenario),
            f"{images.positions:,}",
            f"{images.all_positions:,}",
            ("" if images.is_legal_counted else "over ") + _short_number(images.legal),
            f"{images.generated:,}",
            f"{images.distinct:,}",
            f"{images.judged:,}",
        )
        for scenario in report.scenarios
        if (images := scenario.images) is not None
    ]


def _short_number(number: int) -> str:
    return f"{number:,}" if number < 10**9 else f"{number:.1e}"


def _images(report: RunReport) -> list[str]:
    rows = image_rows(report)
    return table(IMAGE_HEAD, rows) if rows else []


def _invariants(report: RunReport, width: int) -> list[str]:
    judged = ", ".join(invariant.value for invariant in report.judged)
    lines = block("judged", judged or "no invariant", width=width)
    by_reason: dict[str, list[str]] = {}
    for invariant, reason in report.unjudged:
        by_reason.setdefault(reason, []).append(invariant.value)
    label = "not"
    for reason, names in by_reason.items():
        lines += block(label, f"{', '.join(names)}: {shorten(reason)}", width=width)
        label = ""
    varied, missing = varied_words(report)
    lines += block("varied", varied, width=width) if varied else []
    further = further_words(report)
    lines += block("further", further, width=width) if further else []
    label = "not"
    for text in missing:
        lines += block(label, shorten(text), width=width)
        label = ""
    return lines


def _end(
    report: RunReport, stopped: str, paths: tuple[str, str, str], runs: str, width: int
) -> list[str]:
    written, page, resume = paths
    found = len(report.findings) + len(report.unreported)
    return [
        f"{report.verdict.value.upper()}  {counted(found, 'finding') if found else 'no findings'}"
        f" in {totals(report)}",
        *_reasons(report, width, why_inconclusive=True),
        *_untested(report, width),
        command("stopped", stopped),
        command("seed", shell_word(report.seed)),
        *([command("plane", file_system_text(*plane_of(report)))] if report.plane else []),
        *([command("report", shell_path(written))] if written else []),
        *([command("open", shell_path(page))] if page else []),
        *([command("resume", f"walcrash run --resume {shell_path(resume)}")] if resume else []),
        command("again", again_command(report, runs)),
    ]


def _why_stopped(report: RunReport, seconds: float, budget_seconds: float | None) -> str:
    """Say why a run ended; where that was its time, also that some of it was left."""
    left = 0.0 if budget_seconds is None else budget_seconds - seconds
    if report.stopped is not StopReason.TIME_OVER or left < LEFT_SECONDS:
        return report.why_stopped
    if len(report.scenarios) > 1:
        return "the time budget's part of a scenario used up"
    return f"nothing else fits in the {left:.0f} s of the time budget that are left"


def _untested(report: RunReport, width: int) -> list[str]:
    return [
        line
        for sentence in untested_promises(report)
        for line in paragraph(f"not tested: {sentence}", width=width)
    ]


def plane_of(report: RunReport) -> tuple[str, str]:
    """Return the file system that images were made from, and its kernel's release."""
    name, _, kernel = report.plane.partition(" ")
    return name, kernel


def totals(report: RunReport) -> str:
    """Return what was covered: cases, boots, recoveries, events."""
    scenarios = report.scenarios
    return ", ".join(
        (
            counted(sum(scenario.cases for scenario in scenarios), "case"),
            counted(sum(scenario.boots for scenario in scenarios), "boot"),
            counted(sum(scenario.recoveries for scenario in scenarios), "recovery", "recoveries"),
            counted(sum(scenario.events for scenario in scenarios), "event"),
        )
    )


def again_command(report: RunReport, runs: str = DEFAULT_RUNS) -> str:
    """Return the command that runs the same campaign again."""
    words = [shell_word(word) for word in report.arguments]
    option = "" if runs == DEFAULT_RUNS else f" --runs {shell_path(runs)}"
    return " ".join(["walcrash run", *words, "--seed", shell_word(report.seed)]) + option
