"""Planted subjects: what each must be accused of, and what a self-test saw.

A planted subject has one known bug, and one invariant is meant to find it. A right subject
looks suspicious and must never be accused.
"""

from dataclasses import dataclass

from harness.values.verdict import Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What is expected of one planted subject.

    Attributes:
        name: the scenario's name.
        invariant: the one that must find it; None for a right subject.
        needs: what it takes to show the bug; empty for a right subject.
        within_cases: the most cases to the first finding on any seed; for a right subject, how
            many cases are run on each seed.
    """

    name: str
    invariant: Invariant | None
    needs: str
    within_cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedRun:
    """One planted subject on one seed.

    Attributes:
        seed: the master seed.
        found_by: the first violation's invariant in the first failing case; None if none failed.
        cases: cases up to and with the first failing one, or all that were run.
        seconds: how long it took, the control cases included.
        problem: why no case could be run, if none was.
    """

    seed: str
    found_by: Invariant | None
    cases: int
    seconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedResult:
    """One planted subject on all seeds."""

    planted: Planted
    runs: tuple[PlantedRun, ...]

    @property
    def is_as_expected(self) -> bool:
        """Whether every seed found what was meant, and nothing else was ever found first."""
        return all(run.found_by is self.planted.invariant and not run.problem for run in self.runs)
