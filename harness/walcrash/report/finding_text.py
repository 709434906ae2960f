"""A finding as text: what broke, where the crash fell, and the line that shows it again.

Lines are wrapped, except commands, which are there to be pasted. Text that came from the subject
is escaped.

Not here: the steps of the case, which `explain_text` shows.
"""

from walcrash.report.fate_words import fate_advice, fate_sentences
from walcrash.report.sighting_text import sighting_text
from walcrash.report.text import (
    block,
    command,
    counted,
    escape,
    paragraph,
    shell_path,
    shell_word,
    shorten,
)
from walcrash.values.case import Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.fate import Fate
from walcrash.values.finding import Finding, FindingState
from walcrash.values.log import CaseJudged
from walcrash.values.verdict import Invariant, Violation

# limits
WIDTH = 100
"""Columns of a report that goes to no terminal."""

NARROWEST = 40
"""Columns below which lines are no longer made shorter."""

ALSO_SHOWN = 5
"""How many of a case's other violations are shown."""

PORTABILITY = (
    "The promise is kept under the contract's persistence model; this shows only under a weaker "
    "one, so it matters where the log is to run on other file systems."
)

TORN_INSIDE = (
    "The promise is kept where writes are torn at the ends of pages and sectors, as by Linux and "
    "disks, as far as the payloads of this workload can move them into its records; this needs a "
    "write torn inside a page: NFS, FUSE, other systems."
)

HALF_MADE = (
    "A half-made store: no record had been acknowledged in any case that shows this, so nothing "
    "that was promised is lost."
)

CLOCK_BACK = (
    "Clock: it needs a wall clock that goes back. It went back by 25 hours after the last boot, "
    "before new records were appended to what that had left."
)

PLAIN = (
    "Plain: it needs no crash. Every boot, and every recovery of what the last one left, ended "
    "with `close`."
)

_NOT_SHOWN = "no case of this run showed it, and the case that was kept"
KNOWN = {
    FindingState.AGAIN: f"It is known: {_NOT_SHOWN} fails again.",
    FindingState.BACK: f"It is back: {_NOT_SHOWN} had passed and fails again.",
}
"""What is said of a finding that only its kept case showed."""

NO_CRASH = "none"

DEFAULT_RUNS = "reports/runs"
"""Where findings are kept unless somebody says otherwise."""


def finding_text(
    finding: Finding,
    *,
    width: int = WIDTH,
    runs: str = DEFAULT_RUNS,
    is_read: bool = False,
    replay: str = "",
) -> str:
    """Return a finding in several lines, without a newline at the end.

    Args:
        finding: what was found.
        width: columns to wrap at.
        runs: the directory that keeps it; named in the commands where it is not the default.
        is_read: whether its story follows, so that the command for reading it is left out.
        replay: the command that replays it, where it is not kept but in a bundle.
    """
    width = max(width, NARROWEST)
    first = finding.worst
    word = "NOTE" if finding.is_portability else "FAIL"
    lines = [
        f"{word}  {escape(finding.scenario)} · {first.invariant.value} · {escape(finding.id)}"
        + (" · plain" if finding.is_plain else ""),
        *(paragraph(PLAIN, width=width) if finding.is_plain else ()),
        *(paragraph(CLOCK_BACK, width=width) if finding.is_clock_back else ()),
        *(paragraph(_portability(finding), width=width) if finding.is_portability else ()),
        *(paragraph(HALF_MADE, width=width) if finding.is_before_promise else ()),
        *(paragraph(KNOWN[finding.kept], width=width) if finding.kept in KNOWN else ()),
        *paragraph(shorten(first.message), width=width),
        "",
        *_error(finding, width),
        *_slow(finding, width),
        *_crash(finding, width),
        *shown_lines(first, width),
        *_also(finding.violations[1:], width),
        *became_lines(finding.fate, width),
        *block("history", _history(finding), width=width),
        *real_lines(finding, width),
        "",
        command("replay", replay or replay_command(finding.id, runs=runs)),
        command("origin", finding_origin(finding, runs=runs)),
        *([] if is_read else [command("read", explain_command(finding.id, runs=runs))]),
    ]
    return "\n".join(lines)


def _portability(finding: Finding) -> str:
    return TORN_INSIDE if finding.is_torn_inside else PORTABILITY


def _error(finding: Finding, width: int) -> list[str]:
    """Return the call that was made to fail, where the finding needs one."""
    return [] if finding.error is None else block("error", shorten(str(finding.error)), width=width)


def _slow(finding: Finding, width: int) -> list[str]:
    """Return the slow call, and what boots had around them, where the finding has any."""
    lines: list[str] = []
    if finding.slow is not None:
        lines += block("slow", shorten(str(finding.slow)), width=width)
    for text in finding.around:
        lines += block("around", shorten(text), width=width)
    return lines


def _crash(finding: Finding, width: int) -> list[str]:
    if finding.is_plain or (finding.error is not None and not finding.landings):
        return block("crash", NO_CRASH, width=width)
    if not finding.landings:
        is_rot = finding.worst.invariant is Invariant.SILENT_ROT
        text = "none recorded; files were damaged at rest" if is_rot else "none recorded"
        return block("crash", text, width=width)
    lines: list[str] = []
    for landing in finding.telling_landings:
        lines += landing_lines(landing, finding.model, width, is_first=not lines)
    return lines


def model_of_crash(landing: Landing, model: PersistenceModel) -> PersistenceModel:
    """Return the strictest model of one crash; `model` is that of all crashes of its finding."""
    if not landing.is_power_loss:
        return PersistenceModel.KILL
    return landing.model or model


def landing_lines(
    landing: Landing, model: PersistenceModel, width: int, *, is_first: bool
) -> list[str]:
    """Return where a crash fell, and what a power loss took.

    `model` is that of the finding: the images of its power losses may have stricter ones.
    """
    text = f"{shorten(str(landing))}   ({model_of_crash(landing, model).value})"
    lines = block("crash" if is_first else "then", text, width=width)
    if landing.is_power_loss:
        lines += block("power", shorten(landing.loss), width=width)
    return lines


def shown_lines(violation: Violation, width: int) -> list[str]:
    """Return what showed a violation, what would have been right and what was found."""
    lines = block("then", f"{shorten(violation.where)} showed it", width=width)
    if violation.allowed:
        lines += block("allowed", shorten(violation.allowed), width=width)
    if violation.found:
        lines += block("found", shorten(violation.found), width=width)
    return lines


def plain_lines(head: str, violation: Violation, kept_by: str, width: int) -> list[str]:
    """Return what a subject breaks without any crash, where that is not kept.

    Args:
        head: the first line.
        violation: what it breaks.
        kept_by: the command that keeps it, with an id and its smallest case.
        width: columns to wrap at.
    """
    return [
        head,
        *paragraph(PLAIN, width=width),
        *paragraph(shorten(violation.message), width=width),
        "",
        *block("crash", NO_CRASH, width=width),
        *shown_lines(violation, width),
        command("minimise", kept_by),
    ]


def _also(others: tuple[Violation, ...], width: int) -> list[str]:
    lines: list[str] = []
    for other in others[:ALSO_SHOWN]:
        text = f"{other.invariant.value} ({shorten(other.where)}): {shorten(other.message)}"
        lines += block("also", text, width=width)
    if len(others) > ALSO_SHOWN:
        lines += block("", f"and {len(others) - ALSO_SHOWN} more", width=width)
    return lines


def became_lines(fate: Fate | None, width: int) -> list[str]:
    """Return what became of what was lost, and what repairs it; nothing where it is not known."""
    lines: list[str] = []
    for sentence in fate_sentences(fate):
        lines += block("" if lines else "fate", sentence, width=width)
    advice = fate_advice(fate)
    return [*lines, *(block("repair", advice, width=width) if advice else ())]


def real_lines(finding: Finding, width: int) -> list[str]:
    """Return what a real file system made of a finding; nothing where nobody asked."""
    if finding.sighting is None:
        return []
    return block("real", sighting_text(finding.sighting), width=width)


def _history(finding: Finding) -> str:
    return f"{minimised(finding)}; {seen(finding)}{_as_rules(finding)}; {replays(finding)}"


def seen(finding: Finding) -> str:
    """Return how often it was seen: what needs no crash is sought in cases without one as well."""
    times = "once" if finding.seen == 1 else f"{finding.seen:,} times"
    plain = ", those without a crash included" if finding.is_plain else ""
    return f"seen {times} in {counted(finding.cases, 'case')}{plain}"


def _as_rules(finding: Finding) -> str:
    """Return the rules that missed what was lost, where these are several."""
    return f", as {', '.join(rule.value for rule in finding.rules)}" if finding.rules else ""


def minimised(finding: Finding) -> str:
    """Return how small the case got: `9 operations, minimised to 3 in 41 tries`.

    Where as many are left, boots, faults and payloads may be smaller all the same.
    """
    if not finding.tries:
        text = counted(finding.operations, "operation")
        return f"{text}, not minimised, since its time was over" if finding.is_late else text
    before = counted(finding.operations_before, "operation")
    is_smaller = finding.operations < finding.operations_before
    did = f"minimised to {finding.operations}" if is_smaller else "none left out"
    tries = counted(finding.tries, "try", "tries")
    if not finding.is_minimal and finding.most_tries > finding.tries:
        tries = f"{finding.tries:,} of at most {finding.most_tries:,} tries"
    text = f"{before}, {did} in {tries}"
    if finding.is_minimal:
        return text
    if finding.is_late:
        return f"{text}, then its time was over"
    return f"{text}, the most work that is spent on one"


def replays(finding: Finding) -> str:
    """Return how often the finding repeated: `replayed 5 of 5`, or that it is unstable."""
    if finding.replays == 0:
        return "not replayed"
    if finding.is_stable:
        return f"replayed {finding.replays_alike} of {finding.replays}"
    return f"UNSTABLE, {finding.replays_alike} of {finding.replays} replays alike"


def replay_command(finding_id: str, *, runs: str = DEFAULT_RUNS) -> str:
    """Return the command that replays a stored finding."""
    return f"walcrash replay {shell_word(finding_id)}{_runs_option(runs)}"


def explain_command(finding_id: str, *, runs: str = DEFAULT_RUNS) -> str:
    """Return the command that shows a stored finding's story."""
    return f"walcrash explain {shell_word(finding_id)}{_runs_option(runs)}"


def finding_origin(finding: Finding, *, runs: str = DEFAULT_RUNS) -> str:
    """Return the command that shows a finding again as its campaign did."""
    seed = finding.master_seed
    if finding.origin:
        return f"walcrash {escape(finding.origin)} --seed {shell_word(seed)}{_runs_option(runs)}"
    index = None if finding.is_pinned else finding.case_index
    return origin_command(finding.scenario_path, seed, index, runs=runs)


def origin_command(
    path: str, seed: str, case_index: int | None, *, runs: str = DEFAULT_RUNS
) -> str:
    """Return the command that runs one case of a campaign alone, or all of it for None."""
    one = "" if case_index is None else f" --case {case_index}"
    return f"walcrash run {shell_path(path)} --seed {shell_word(seed)}{one}{_runs_option(runs)}"


def _runs_option(runs: str) -> str:
    return "" if runs == DEFAULT_RUNS else f" --runs {shell_path(runs)}"


def unreported_text(case: CaseJudged, path: str, seed: str, *, runs: str = DEFAULT_RUNS) -> str:
    """Return the short form of a finding whose replays never came: the run ended first."""
    broken = ", ".join(invariant.value for invariant in case.invariants)
    index = None if case.pinned else case.case
    return "\n".join(
        [
            f"FAIL  {escape(case.scenario)} · {broken} · {escape(case.finding)}",
            "  the run ended before this was replayed",
            "",
            command("origin", origin_command(path, seed, index, runs=runs)),
        ]
    )
