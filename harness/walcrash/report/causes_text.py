"""How many findings one planted bug comes to, and under how many ids, as text and JSON."""

import json
from collections.abc import Iterable
from typing import Final

from walcrash.report.output import publish, talk
from walcrash.report.text import counted, table
from walcrash.values.errors import ExitCode
from walcrash.values.planted import PlantedCauses

# limits
_IDS_SHOWN: Final = 3
"""Ids of one bug that are shown."""


def publish_causes(results: Iterable[PlantedCauses], *, as_json: bool) -> ExitCode:
    """Tell of each planted bug as it ends, print the table, return the exit code.

    A bug that is two findings on a seed, or that no seed showed, is a fault of the harness.
    """
    taken = []
    for result in results:
        taken.append(result)
        if not as_json:
            talk(f"{result.planted.name}: {'one finding' if result.is_one else 'NOT ONE FINDING'}")
    publish(json.dumps([_to_json(r) for r in taken], indent=2) if as_json else causes_text(taken))
    is_right = bool(taken) and all(result.is_one for result in taken)
    return ExitCode.PASSED if is_right else ExitCode.HARNESS_FAULT


def causes_text(results: Iterable[PlantedCauses]) -> str:
    """Return a row for each bug, and how many are one finding, and one id."""
    every = list(results)
    rows = [_row(result) for result in every]
    head = ["planted bug", "invariants", "findings on each seed", "ids", "id"]
    right = [result for result in every if result.is_one]
    same = [result for result in right if len(result.ids) == 1]
    seeds = len(every[0].runs) if every else 0
    verdict = "PASS" if every and len(right) == len(every) else "FAIL"
    total = (
        f"{verdict}  {len(right)} of {counted(len(every), 'planted bug')} are one finding, "
        f"{len(same)} with one id, on {counted(seeds, 'seed')}"
    )
    return "\n".join([*table(head, rows, left=5), "", total])


def _row(result: PlantedCauses) -> list[str]:
    rules = {finding.worst.invariant.value for each in result.runs for finding in each}
    ids = result.ids
    more = [f"and {len(ids) - _IDS_SHOWN} more"] if len(ids) > _IDS_SHOWN else []
    return [
        result.planted.name,
        ", ".join(sorted(rules)) or "-",
        " ".join(str(len(each)) for each in result.runs),
        str(len(ids)),
        " ".join([*ids[:_IDS_SHOWN], *more]),
    ]


def _to_json(result: PlantedCauses) -> dict[str, object]:
    return {
        "name": result.planted.name,
        "is_one": result.is_one,
        "ids": list(result.ids),
        "seeds": [
            [{"id": finding.id, "invariant": finding.worst.invariant.value} for finding in findings]
            for findings in result.runs
        ],
    }
