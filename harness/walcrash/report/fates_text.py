"""What the findings of planted bugs say became of their records, as text and JSON."""

from collections.abc import Iterable, Sequence
from typing import Final

from walcrash.report.fate_words import fate_advice, fate_sentences
from walcrash.report.finding_text import WIDTH
from walcrash.report.planted_page import Page, ResultForm, publish_planted
from walcrash.report.text import block, counted, escape
from walcrash.values.errors import ExitCode
from walcrash.values.fate_mark import fate_mark
from walcrash.values.finding import Finding
from walcrash.values.planted import FateVerdict, PlantedFate


def publish_fates(
    results: Iterable[PlantedFate], *, as_json: bool, page: Page | None = None
) -> ExitCode:
    """Publish what each finding says beside what is planted; see `publish_planted`.

    A sentence that is not the planted cause is a fault of the harness.
    """
    return publish_planted(results, _FORM, as_json=as_json, page=page)


def fates_text(results: Iterable[PlantedFate]) -> str:
    """Return a part for each finding, and how many are right, silent and wrong."""
    parts: list[str] = []
    verdicts: list[FateVerdict] = []
    missed = 0
    for result in results:
        for finding in result.findings:
            verdicts.append(result.verdict(finding))
            parts.append("\n".join(_finding(result, finding)))
        if not result.findings:
            missed += 1
            parts.append(f"MISSED  {result.planted.name}\n" + "\n".join(_cause(result)))
    counts = ", ".join(f"{verdicts.count(each)} {each.value}" for each in FateVerdict)
    not_found = f", {counted(missed, 'bug')} not found" if missed else ""
    is_right = verdicts and not missed and FateVerdict.WRONG not in verdicts
    total = counted(len(verdicts), "finding")
    parts.append(f"{'PASS' if is_right else 'FAIL'}  {total}: {counts}{not_found}")
    return "\n\n".join(parts)


def _finding(result: PlantedFate, finding: Finding) -> list[str]:
    verdict = result.verdict(finding)
    lines = [f"{verdict.value}  {result.planted.name} · {finding.worst.invariant.value}"]
    lines += _cause(result)
    for number, sentence in enumerate(fate_sentences(finding.fate)):
        lines += block("" if number else "said", sentence, width=WIDTH)
    advice = fate_advice(finding.fate)
    if advice:
        lines += block("repair", advice, width=WIDTH)
    if verdict is FateVerdict.WRONG:
        expected = " or ".join(result.planted.fates) or "nothing"
        lines += block("mark", f"{fate_mark(finding.fate)}; expected {expected}", width=WIDTH)
    return lines


def _cause(result: PlantedFate) -> list[str]:
    return block("planted", escape(result.cause), width=WIDTH)


def _to_json(result: PlantedFate) -> dict[str, object]:
    return {
        "name": result.planted.name,
        "cause": result.cause,
        "expected": list(result.planted.fates),
        "is_right": result.is_right,
        "findings": [
            {
                "invariant": finding.worst.invariant.value,
                "verdict": result.verdict(finding).value,
                "mark": fate_mark(finding.fate),
                "said": fate_sentences(finding.fate),
                "repair": fate_advice(finding.fate),
            }
            for finding in result.findings
        ],
    }


def _about(results: Sequence[PlantedFate]) -> list[str]:
    return [
        "Each planted bug is run as a campaign of its own cases with the seed `fates`; its "
        "findings are minimised, and shown here as `walcrash run` shows them.",
        "`planted` is the first sentence of the bug's module, and so the true cause; `said` and "
        "`repair` are what the finding says.",
        "`right` is a finding whose words are one of the marks that the bug states in "
        "`expected.toml`, `silent` one that says nothing of a record, `WRONG` any other.",
        "A finding is silent where its rule is about a state, an effect or an order of recovery, "
        "or where the events do not decide it.",
        f"Below are {counted(len(results), 'planted bug')}; the last line counts their findings.",
    ]


_FORM: Final[ResultForm[PlantedFate]] = ResultForm(
    progress=lambda each: (
        f"{each.planted.name}: {'as planted' if each.is_right else 'NOT AS PLANTED'}"
    ),
    is_right=lambda each: each.is_right,
    text=fates_text,
    to_json=_to_json,
    title="What findings say became of a record",
    about=_about,
)
