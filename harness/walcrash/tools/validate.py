"""Validation: every documented setting of the shipped subjects is probed, row by row.

The rows are in `scenarios/engines/validation.toml`: what the authors of an engine say that it
keeps, where that is said, and why something is not kept.

Not here: probing one subject (`probe`), the table (`report.validation_text`).
"""

import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from walcrash.findings.subject_words import read_subject
from walcrash.scenario.file import shipped_directory
from walcrash.tools.probe import ProbePlan, run_probe
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.errors import ScenarioError, UsageError
from walcrash.values.persistence import is_portability
from walcrash.values.validation import COLUMNS, Documented, ValidatedRow

TABLE: Final = "validation.toml"

# limits
CASES: Final = 24
"""Cases for one promise by default."""

IMAGES: Final = 60
"""Most images of one case by default."""

SHORT_CASES: Final = 8
"""Cases for one promise in the short table."""

MINIMISING_TRIES: Final = 40
"""Simpler cases that are run for one group of failing cases: a table shows few words."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPlan:
    """What is to be validated.

    Attributes:
        names: rows whose subject begins with one of these; none for all.
        is_short: only the rows of the short table.
        master_seed: an integer in decimal digits, or any text.
        runs: the directory that keeps findings.
        cases: cases for one promise.
        images: most images of one case with a power loss.
        jobs: how many processes run cases.
    """

    names: tuple[str, ...]
    is_short: bool
    master_seed: str
    runs: Path
    cases: int = CASES
    images: int = IMAGES
    jobs: int = 1


def read_documented(path: Path) -> list[Documented]:
    """Return the rows of a table, in its order.

    Raises:
        OSError: the file cannot be read.
        KeyError, ValueError: it does not say what it must.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Documented(
            subject=row["subject"],
            acknowledges=Acknowledges(row.get("acknowledges", Acknowledges.APPEND.value)),
            keeps={
                model: Promise(row[model.value])
                for model in COLUMNS
                if model.value in row or not is_portability(model, promised=Contract().model)
            },
            says=row["says"],
            because=row.get("because", ""),
            is_short=row.get("short", False),
            cases=row.get("cases", 0),
            most_cases=row.get("most_cases", 0),
            most_images=row.get("most_images", 0),
        )
        for row in table["row"]
    ]


def choose_rows(names: Sequence[str], *, is_short: bool) -> list[Documented]:
    """Return the rows that are asked for.

    Raises:
        UsageError: a name is the beginning of no row's subject, or of none in the short table.
    """
    rows = read_documented(shipped_directory() / "engines" / TABLE)
    for name in names:
        if not any(_is_named(row, name) for row in rows):
            subjects = (row.subject.split(",")[0] for row in rows)
            known = ", ".join(dict.fromkeys(Path(each).stem for each in subjects))
            raise UsageError(
                f"there is no row for `{name}`; there are rows for {known}",
                hint="walcrash validate sqlite",
            )
        if is_short and not any(row.is_short and _is_named(row, name) for row in rows):
            raise UsageError(
                f"the short table has no row for `{name}`; it is in the whole table",
                hint=f"walcrash validate {shlex.quote(name)}",
            )
    named = [row for row in rows if not names or any(_is_named(row, name) for name in names)]
    return [row for row in named if row.is_short or not is_short]


def run_validation(plan: ValidationPlan, *, say: Say) -> Iterator[ValidatedRow]:
    """Probe row after row; yield each when it is done.

    Raises:
        UsageError: a name is the beginning of no row's subject.
        Inconclusive: a subject is broken without a crash, or interception is missing.
        Interrupted: somebody asked to stop.
        HarnessFault: the harness could not do its work.
    """
    for row in choose_rows(plan.names, is_short=plan.is_short):
        say(row.subject)
        yield _validate(row, plan)


def _validate(row: Documented, plan: ValidationPlan) -> ValidatedRow:
    scenario = read_subject(_words(row.subject))
    if scenario.contract is not None:
        # How records are acknowledged is the row's word.
        contract = replace(scenario.contract, acknowledges=row.acknowledges)
        scenario = replace(scenario, contract=contract)
    probe = ProbePlan(
        scenario=scenario,
        master_seed=plan.master_seed,
        runs=plan.runs,
        cases=at_most(max(plan.cases, row.cases), row.most_cases),
        images=at_most(plan.images, row.most_images),
        jobs=plan.jobs,
        minimising_tries=MINIMISING_TRIES,
        acknowledges=(row.acknowledges,),
        # What the authors document is about crashes.
        has_faults=False,
    )
    try:
        return ValidatedRow(documented=row, probe=run_probe(probe, say=lambda _: None))
    except ScenarioError as problem:
        # What ships is right, so the machine lacks something.
        return ValidatedRow(documented=row, probe=None, missing=problem.message)


def at_most(asked: int, most: int) -> int:
    """Return how many of something there are to be; `most` is 0 where it is not bounded."""
    return min(asked, most) if most else asked


def _words(subject: str) -> str:
    """Return the subject's words; a scenario's file is in the table's directory."""
    if subject.endswith(".toml"):
        return str(shipped_directory() / "engines" / subject)
    return subject


def _is_named(row: Documented, name: str) -> bool:
    if row.subject.endswith(".toml"):
        return Path(row.subject).stem.startswith(name)
    return row.subject == name or row.subject.startswith(f"{name},")
