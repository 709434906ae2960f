"""The self-test as text and JSON: a row for each planted subject."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from walcrash.report.planted_page import Page, ResultForm, publish_planted
from walcrash.report.text import counted, table
from walcrash.values.errors import ExitCode
from walcrash.values.planted import PlantedResult, PlantedRun


def publish_selftest(
    results: Iterable[PlantedResult], *, as_json: bool, page: Page | None = None
) -> ExitCode:
    """Publish what the self-test saw; see `publish_planted`.

    A bug that was missed, or a right subject that was accused, is a fault of the harness.
    """
    return publish_planted(results, _FORM, as_json=as_json, page=page)


def _text(results: Sequence[PlantedResult]) -> str:
    bugs = [result for result in results if result.planted.invariant is not None]
    right = [result for result in results if result.planted.invariant is None]
    parts = []
    if bugs:
        rows = [_bug_row(result) for result in bugs]
        head = ["planted bug", "target", "model", "found", "first case", "images", "seconds"]
        parts.append("\n".join(table(head, rows, left=4)))
    if right:
        rows = [_right_row(result) for result in right]
        parts.append("\n".join(table(["right subject", "accused", "cases", "seconds"], rows)))
    wrong = [result for result in results if not result.is_as_expected]
    for result in wrong:
        parts.append("\n".join(_complaints(result)))
    seeds = len(results[0].runs) if results else 0
    verdict = "FAIL" if wrong else "PASS"
    parts.append(
        f"{verdict}  {len(bugs) - sum(r in wrong for r in bugs)} of "
        f"{counted(len(bugs), 'planted bug')} found by their target invariant, "
        f"{sum(r in wrong for r in right)} of {counted(len(right), 'right subject')} accused, "
        f"on {counted(seeds, 'seed')}"
    )
    return "\n\n".join(parts)


def _bug_row(result: PlantedResult) -> list[str]:
    planted = result.planted
    assert planted.invariant is not None
    hits = [run for run in result.runs if run.found_by is planted.invariant]
    return [
        planted.name,
        planted.invariant.value,
        "plain" if planted.is_plain else result.strictest.value if result.strictest else "-",
        f"{len(hits)} of {len(result.runs)}",
        _spread([run.cases for run in hits]),
        _spread([run.images for run in hits]) if any(run.images for run in hits) else "",
        _seconds(result.runs),
    ]


def _right_row(result: PlantedResult) -> list[str]:
    accused = sum(run.found_by is not None or bool(run.problem) for run in result.runs)
    return [
        result.planted.name,
        f"{accused} of {len(result.runs)}",
        f"{sum(run.cases for run in result.runs):,}",
        _seconds(result.runs),
    ]


def _spread(numbers: list[int]) -> str:
    """Return the least, the median and the most, such as `1 / 2 / 5`."""
    if not numbers:
        return "-"
    return f"{min(numbers)} / {statistics.median_low(numbers)} / {max(numbers)}"


def _seconds(runs: tuple[PlantedRun, ...]) -> str:
    return f"{max(run.seconds for run in runs):.1f}"


def _complaints(result: PlantedResult) -> list[str]:
    planted = result.planted
    expected = planted.invariant.value if planted.invariant else "nothing"
    lines = []
    for run in result.runs:
        found = run.problem or (run.found_by.value if run.found_by else "nothing")
        if result.is_stricter(run) and run.model is not None:
            found += f" already in the model {run.model.value}"
        if run.is_plain != planted.is_plain:
            found += ", without any crash" if run.is_plain else ", with a crash only"
        if found != expected:
            lines.append(
                f"  {planted.name}, seed {run.seed}: expected {expected}, found {found}, "
                f"{counted(run.cases, 'case')}"
            )
    return lines


def _to_json(result: PlantedResult) -> dict[str, object]:
    planted = result.planted
    return {
        "name": planted.name,
        "invariant": planted.invariant.value if planted.invariant else None,
        "needs": planted.needs,
        "within_cases": planted.within_cases,
        "model": planted.model.value if planted.model else None,
        "strictest_seen": result.strictest.value if result.strictest else None,
        "as_expected": result.is_as_expected,
        "runs": [
            {
                "seed": run.seed,
                "found_by": run.found_by.value if run.found_by else None,
                "cases": run.cases,
                "images": run.images,
                "model": run.model.value if run.model else None,
                "seconds": round(run.seconds, 3),
                "problem": run.problem,
                "is_plain": run.is_plain,
            }
            for run in result.runs
        ],
    }


def _about(results: Sequence[PlantedResult]) -> list[str]:
    bugs = sum(result.planted.invariant is not None for result in results)
    return [
        f"It has {counted(bugs, 'bug')} that a kill, a power loss, a call that fails or is slow, "
        "or damage at rest shows, or that need no crash, and "
        f"{counted(len(results) - bugs, 'right subject')}.",
        "[search.md](search.md) has the states until the first finding, [causes.md](causes.md) "
        "the findings that one bug comes to, [fates.md](fates.md) what they say.",
        "",
        "`model` is the strictest persistence model in which a bug was seen: `kill` needs no power "
        "loss, `plain` no crash: its first case is 0, a control.",
        "`first case` and `images` are the least, the median and the most over the seeds: cases up "
        "to the first that failed, and disk images that were judged in them.",
        "`seconds` is the slowest seed, its three control cases included; they say little on a "
        "machine with a load.",
    ]


_BUGS: Final = "../scenarios/planted"

_FORM: Final[ResultForm[PlantedResult]] = ResultForm(
    progress=lambda each: (
        f"{each.planted.name}: {'as expected' if each.is_as_expected else 'NOT AS EXPECTED'}"
    ),
    is_right=lambda each: each.is_as_expected,
    text=_text,
    to_json=_to_json,
    title="The planted bugs",
    about=_about,
    below=(
        "What each subject gets wrong, and how it is repaired, is in its file: "
        f"[scenarios/planted]({_BUGS}/README.md), [power]({_BUGS}/power/README.md), "
        f"[error]({_BUGS}/error/README.md), [rot]({_BUGS}/rot/README.md), "
        f"[plain]({_BUGS}/plain/README.md).",
    ),
)
