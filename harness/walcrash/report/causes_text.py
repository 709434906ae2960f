"""How many findings one planted bug comes to, and under how many ids, as text, JSON and a page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from walcrash.report.planted_page import Page, ResultForm, publish_planted
from walcrash.report.text import counted, table
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.planted import PLANTED_CAUSES, PlantedCauses

# limits
_IDS_SHOWN: Final = 3
"""Ids of one bug that are shown."""


def publish_causes(
    results: Iterable[PlantedCauses], *, as_json: bool, page: Page | None = None
) -> ExitCode:
    """Publish what planted bugs come to; see `publish_planted`.

    A bug that is two findings on a seed, or that no seed showed, is a fault of the harness.
    """
    return publish_planted(results, _FORM, as_json=as_json, page=page)


def read_causes(paths: Sequence[str]) -> list[PlantedCauses]:
    """Return what earlier runs wrote with `--json`; of a bug that several have, the last counts.

    Raises:
        UsageError: a file cannot be read, or is another one.
    """
    found: dict[tuple[str, float | None], PlantedCauses] = {}
    for path in paths:
        try:
            text = Path(path).read_bytes()
        except OSError as problem:
            raise UsageError(
                f"{path} cannot be read: {problem.strerror}", hint=PLANTED_CAUSES.hint
            ) from None
        for form in PLANTED_CAUSES.from_text(tuple[PlantedCauses, ...], text, path):
            found[form.name, form.seconds] = form
    return list(found.values())


def causes_text(results: Iterable[PlantedCauses]) -> str:
    """Return a row for each bug, and how many are one finding, and one id.

    Runs with another time budget have a table of their own.
    """
    every = list(results)
    budgets = list(dict.fromkeys(result.seconds for result in every))
    tables = [_table([r for r in every if r.seconds == budget]) for budget in budgets or [None]]
    same = _same_ids(every) if len(budgets) > 1 else []
    return "\n\n".join([*tables, *same])


def _table(results: Sequence[PlantedCauses]) -> str:
    rows = [_row(result) for result in results]
    head = ["planted bug", "invariants", "findings on each seed", "ids", "id"]
    right = [result for result in results if result.is_one]
    same = [result for result in right if len(result.ids) == 1]
    counts = sorted({len(result.seeds) for result in results})
    seeds = " or ".join(map(str, counts[:-1])) + (" or " if counts[1:] else "")
    seconds = results[0].seconds if results else None
    verdict = "PASS" if results and len(right) == len(results) else "FAIL"
    total = (
        f"{verdict}  {len(right)} of {counted(len(results), 'planted bug')} are one finding, "
        f"{len(same)} with one id, on {seeds}{counted(counts[-1] if counts else 0, 'seed')}"
        + ("" if seconds is None else f" of {seconds:g} seconds")
    )
    return "\n".join([*table(head, rows, left=5), "", total])


def _same_ids(results: Sequence[PlantedCauses]) -> list[str]:
    """Return for how many bugs all budgets came to one id."""
    times = Counter(result.name for result in results)
    several = [name for name, count in times.items() if count > 1]
    ids = {
        name: {each for result in results if result.name == name for each in result.ids}
        for name in several
    }
    same = [name for name in several if len(ids[name]) == 1]
    return [f"{len(same)} of the {counted(len(several), 'bug')} in several tables have one id"]


def _row(result: PlantedCauses) -> list[str]:
    rules = {finding.invariant.value for each in result.seeds for finding in each}
    ids = result.ids
    more = [f"and {len(ids) - _IDS_SHOWN} more"] if len(ids) > _IDS_SHOWN else []
    return [
        result.name,
        ", ".join(sorted(rules)) or "-",
        " ".join(str(len(each)) for each in result.seeds),
        str(len(ids)),
        " ".join([*ids[:_IDS_SHOWN], *more]),
    ]


def _to_json(result: PlantedCauses) -> Mapping[str, object]:
    told = {"is_one": result.is_one, "ids": list(result.ids)}
    return {**PLANTED_CAUSES.to_json(result), **told}


def _about(results: Sequence[PlantedCauses]) -> list[str]:
    commits = Counter(result.commit or "an unknown commit" for result in results)
    parts = ", ".join(f"{count:,} at {commit}" for commit, count in commits.items())
    return [
        "Each planted bug is a campaign of its own on each of the seeds 0, 1, ..., of 12 cases or "
        "half of what the bug states, or of the time that is said below its table.",
        "Its findings are minimised and joined as `walcrash run` shows them: one bug is one "
        "finding, under one id on every seed.",
        "A seed that shows nothing has 0 findings.",
        *([f"It was run in parts, a row each: {parts}."] if len(commits) > 1 else []),
    ]


_FORM: Final[ResultForm[PlantedCauses]] = ResultForm(
    progress=lambda each: f"{each.name}: {'one finding' if each.is_one else 'NOT ONE FINDING'}",
    is_right=lambda each: each.is_one,
    text=causes_text,
    to_json=_to_json,
    title="What one planted bug comes to",
    about=_about,
)
