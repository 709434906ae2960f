"""Planted subjects: what each must be accused of, and what a self-test saw.

A planted subject has one known bug, and one invariant is expected to find it. A right subject
looks suspicious and must never be accused.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

from walcrash.values.codec import Codec
from walcrash.values.contract import PersistenceModel
from walcrash.values.fate_mark import fate_mark
from walcrash.values.finding import Finding
from walcrash.values.forms import SPARSE
from walcrash.values.persistence import stricter_than, strictest_of
from walcrash.values.verdict import Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What is expected of one planted subject.

    Attributes:
        name: the scenario's name.
        invariant: the one that must find it; None for a right subject.
        needs: what it takes to show the bug; empty for a right subject.
        within_cases: the most cases to the first finding on any seed; for a right subject, how
            many cases are run on each seed.
        path: its scenario's file.
        model: the strictest persistence model that shows the bug; `KILL` if no power loss is
            needed. None for a right subject.
        minimal_operations: the most operations of the smallest case that shows the bug; None
            where that is not stated.
        is_plain: whether the bug shows without any crash.
        fates: what a finding may say became of its record, as `fate_mark` writes it: where the
            bug leaves the record, or who takes it. None allows no word.
    """

    name: str
    invariant: Invariant | None
    needs: str
    within_cases: int
    path: Path
    model: PersistenceModel | None = None
    minimal_operations: int | None = None
    is_plain: bool = False
    fates: tuple[str, ...] = ()


class FateVerdict(Enum):
    """Whether what a finding says is the planted cause."""

    RIGHT = "right"
    SILENT = "silent"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFate:
    """What the findings of one planted bug say became of its record.

    Attributes:
        planted: the bug.
        cause: the first sentence of its module, which says what is wrong.
        findings: those of one campaign, the notes on portability aside.
    """

    planted: Planted
    cause: str
    findings: tuple[Finding, ...]

    def verdict(self, finding: Finding) -> FateVerdict:
        """Return whether one of them is right."""
        mark = fate_mark(finding.fate)
        if not mark:
            return FateVerdict.SILENT
        return FateVerdict.RIGHT if mark in self.planted.fates else FateVerdict.WRONG

    @property
    def is_right(self) -> bool:
        """Whether the bug was found and every finding says its cause, or nothing."""
        verdicts = {self.verdict(finding) for finding in self.findings}
        return bool(verdicts) and FateVerdict.WRONG not in verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFinding:
    """A finding of a planted bug: its id, and the first invariant that its case broke."""

    id: str
    invariant: Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedCauses:
    """What the failing cases of one planted bug come to, on several seeds.

    Attributes:
        name: the bug.
        seeds: the findings of each seed, the notes on portability aside; none where the cases of a
            seed did not show the bug.
        commit: what was run; empty where that is not known.
        seconds: the time budget of each seed; None where it was a number of cases.
    """

    name: str
    seeds: tuple[tuple[SeenFinding, ...], ...]
    commit: str = ""
    seconds: Annotated[float | None, SPARSE] = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all findings, those of the most seeds first."""
        counts = Counter(finding.id for findings in self.seeds for finding in findings)
        return tuple(sorted(counts, key=lambda each: (-counts[each], each)))

    @property
    def seen(self) -> int:
        """On how many seeds the bug was found."""
        return sum(bool(findings) for findings in self.seeds)

    @property
    def is_one(self) -> bool:
        """Whether the bug was found, and was one finding wherever it was."""
        return self.seen > 0 and all(len(findings) <= 1 for findings in self.seeds)


PLANTED_CAUSES: Final = Codec(
    hint="name a file that `walcrash selftest --causes --json` has written", is_open=True
)
"""How `PlantedCauses` are read and written. What is written beside their fields is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedRun:
    """One planted subject on one seed.

    Attributes:
        seed: the master seed.
        found_by: the first violation's invariant in the first failing case; None if none failed.
        cases: cases up to and with the first failing one, or all that were run.
        images: disk images that were judged in these cases.
        model: the strictest model that showed it at the place where it was found.
        seconds: how long it took, the control cases included.
        problem: why no case could be run, if none was.
        is_plain: whether it showed without any crash.
    """

    seed: str
    found_by: Invariant | None
    cases: int
    images: int
    model: PersistenceModel | None
    seconds: float
    problem: str = ""
    is_plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedResult:
    """One planted subject on all seeds."""

    planted: Planted
    runs: tuple[PlantedRun, ...]

    @property
    def is_as_expected(self) -> bool:
        """Whether every seed found the expected invariant first, and by what the bug needs."""
        return all(
            run.found_by is self.planted.invariant
            and run.is_plain == self.planted.is_plain
            and not run.problem
            and not self.is_stricter(run)
            for run in self.runs
        )

    def is_stricter(self, run: PlantedRun) -> bool:
        """Whether a run showed the bug in a stricter model than the one stated."""
        if run.model is None or self.planted.model is None:
            return False
        return run.model in stricter_than(self.planted.model)

    @property
    def strictest(self) -> PersistenceModel | None:
        """The strictest model that showed the bug on any seed."""
        models = [run.model for run in self.runs if run.model is not None]
        return strictest_of(models) if models else None
