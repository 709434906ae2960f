"""A comparison of two subjects as text and JSON: verdicts, where they part, what each costs."""

import json

from walcrash.report.finding_text import WIDTH, plain_lines
from walcrash.report.output import publish
from walcrash.report.text import (
    block,
    command,
    counted,
    escape,
    paragraph,
    shell_word,
    shorten,
    table,
)
from walcrash.values.compare import ComparedCase, Side, SubjectComparison
from walcrash.values.errors import ExitCode
from walcrash.values.log import LOG
from walcrash.values.verdict import Verdict

FORMAT = 1
"""Version of the JSON."""

# limits
PARTED_SHOWN = 20
"""Most parted cases that the text shows; the JSON has all of them."""

_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASSED,
    Verdict.FAIL: ExitCode.FINDINGS,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


def publish_comparison(comparison: SubjectComparison, *, as_json: bool) -> ExitCode:
    """Print a comparison and return the exit code: whether one of the two failed."""
    found = json.dumps(comparison_json(comparison), indent=2) if as_json else ""
    publish(found or comparison_text(comparison))
    return _EXIT_CODES[comparison.verdict]


def comparison_json(comparison: SubjectComparison) -> dict[str, object]:
    """Return a comparison as JSON, with a version."""
    return {"format": FORMAT, "verdict": comparison.verdict.value, **LOG.to_json(comparison)}


def comparison_text(comparison: SubjectComparison, *, width: int = WIDTH) -> str:
    """Return a comparison in several parts, without a newline at the end."""
    parts = [
        _names(comparison, width),
        *_plain(comparison, width),
        *([] if comparison.is_plain else _compared(comparison, width)),
        _end(comparison, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _names(comparison: SubjectComparison, width: int) -> list[str]:
    lines = block("A", escape(comparison.names[0]), width=width)
    lines += block("B", escape(comparison.names[1]), width=width)
    if comparison.left_out:
        text = f"{', '.join(comparison.left_out)}: only one of them has it, so nothing needs it"
        lines += block("left out", text, width=width)
    return lines


def _plain(comparison: SubjectComparison, width: int) -> list[list[str]]:
    """Return what each breaks without any crash, with the command that makes a finding of it."""
    seed = f"--seed {shell_word(comparison.seed)}"
    parts = []
    for side, violation, words in zip("AB", comparison.plain, comparison.words, strict=True):
        if violation is not None:
            head = f"FAIL  {side} without any crash · {violation.invariant.value} · plain"
            command_ = "run" if words.endswith(".toml") else "probe"
            kept_by = f"walcrash {command_} {shell_word(words)} {seed}"
            parts.append(plain_lines(head, violation, kept_by, width))
    return parts


def _compared(comparison: SubjectComparison, width: int) -> list[list[str]]:
    return [_verdicts(comparison), _parted(comparison, width), _costs(comparison)]


def _verdicts(comparison: SubjectComparison) -> list[str]:
    rows = []
    sides = [[getattr(case, name) for case in comparison.cases] for name in ("first", "second")]
    for verdict in Verdict:
        counts = [sum(side.verdict is verdict for side in each) for each in sides]
        rows.append((f"{verdict.value}", *(f"{count:,}" for count in counts)))
    rows.append(("images judged", *(f"{sum(side.images for side in each):,}" for each in sides)))
    return table(("cases", "A", "B"), rows)


def _parted(comparison: SubjectComparison, width: int) -> list[str]:
    parted = comparison.parted
    if not parted:
        return paragraph("their verdicts part nowhere", width=width)
    head = f"their verdicts part in {len(parted)} of {counted(len(comparison.cases), 'case')}"
    rows = [
        (str(case.index), _verdict(case.first), _verdict(case.second), shorten(_message(case), 70))
        for case in parted[:PARTED_SHOWN]
    ]
    lines = [*paragraph(head, width=width), *table(("case", "A", "B", "because"), rows, left=4)]
    if len(parted) > PARTED_SHOWN:
        lines.append(f"  and {len(parted) - PARTED_SHOWN} more; --json has them all")
    first, second = comparison.words
    words = f"walcrash compare {shell_word(first)} {shell_word(second)}"
    alone = f"{words} --seed {shell_word(comparison.seed)} --case {parted[0].index}"
    return [*lines, command("alone", alone)]


def _verdict(side: Side) -> str:
    return f"{side.verdict.value} · {side.broken[0].value}" if side.broken else side.verdict.value


def _message(case: ComparedCase) -> str:
    return case.second.message or case.first.message


def _costs(comparison: SubjectComparison) -> list[str]:
    first, second = comparison.costs
    rows = [
        (name, f"{getattr(first, key):,}", f"{getattr(second, key):,}", _ratio(first, second, key))
        for name, key in (
            ("operations", "operations"),
            ("calls", "calls"),
            ("bytes written", "written_bytes"),
            ("syncs", "syncs"),
        )
    ]
    return table(("cost, no crash", "A", "B", "B / A"), rows)


def _ratio(first: object, second: object, key: str) -> str:
    divisor = getattr(first, key)
    return f"{getattr(second, key) / divisor:.2f}" if divisor else "-"


def _end(comparison: SubjectComparison, width: int) -> list[str]:
    words = {
        Verdict.PASS: "PASS  both kept their contracts in every case",
        Verdict.FAIL: "FAIL  wrong without any crash, so that no case was compared"
        if comparison.is_plain
        else "FAIL  one of them broke its contract",
        Verdict.INCONCLUSIVE: "INCONCLUSIVE  not every case was judged",
    }
    lines = []
    if comparison.is_cut_short:
        lines += block("stopped", "time budget used up", width=width)
    lines.append(command("seed", shell_word(comparison.seed)))
    return [*lines, "", words[comparison.verdict]]
