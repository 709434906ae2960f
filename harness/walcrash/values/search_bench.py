"""What a measurement of the search saw: how soon bugs are found, how fast states are judged.

Not here: measuring (`walcrash.tools.bench.search`), showing it (`walcrash.report.search_text`).
"""

import statistics
from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.codec import Codec
from walcrash.values.forms import SPARSE, Count, Row

BENCH_FORMAT: Final = 1
"""Version of the JSON form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFinding(Row):
    """One subject on one seed, until its first failing case.

    Attributes:
        seed: the master seed.
        is_found: whether a case failed.
        cases: cases up to and with that, or all that were run.
        states: crash states that were judged in them until one failed, or in all.
        cpu_seconds: processor time of the job and of all that it started, preparation included.
        seconds: by the clock, preparation included.
    """

    seed: str
    is_found: bool
    cases: Count
    states: Count
    cpu_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtSubject:
    """One subject that is wrong, or promises more than it keeps, on all seeds.

    Attributes:
        name: of a planted bug, or the words of an engine's setting.
        needs: what shows it.
        runs: one for each seed.
        missing: why there are none; empty where there are.
    """

    name: str
    needs: str
    runs: tuple[FirstFinding, ...]
    missing: Annotated[str, SPARSE] = ""

    @property
    def found(self) -> tuple[FirstFinding, ...]:
        """The runs that found it."""
        return tuple(run for run in self.runs if run.is_found)

    def states(self) -> tuple[float, float] | None:
        """Return median and maximum of the judged states; None where nothing was found."""
        numbers = [run.states for run in self.found]
        return (statistics.median(numbers), max(numbers)) if numbers else None

    def cpu_seconds(self) -> tuple[float, float] | None:
        """Return median and maximum of the processor time; None where nothing was found."""
        numbers = [run.cpu_seconds for run in self.found]
        return (statistics.median(numbers), max(numbers)) if numbers else None

    def seconds(self) -> tuple[float, float] | None:
        """Return median and maximum by the clock; None where nothing was found."""
        numbers = [run.seconds for run in self.found]
        return (statistics.median(numbers), max(numbers)) if numbers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRate:
    """How many states of one right subject are judged.

    Attributes:
        name: the subject.
        judged: states that were judged.
        states: of how many kinds they were; where a case tells no kinds, images that differ.
        cpu_seconds: processor time of the job and of all that it started, for the cases alone.
        seconds: by the clock.
        missing: why it was not measured; empty where it was.
    """

    name: str
    judged: Count = 0
    states: Count = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    missing: Annotated[str, SPARSE] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBench:
    """One run of the measurement.

    Attributes:
        format: of the JSON form.
        command: what made it.
        machine: where it ran, a name and a value each.
        seeds: how many seeds each bug was sought on.
        bugs: the planted bugs.
        uniform: the same bugs with the states of a case in random order.
        rates: of right subjects.
        settings: engines' settings that are documented to keep less than all.
    """

    format: int = BENCH_FORMAT
    command: str
    machine: tuple[tuple[str, str], ...]
    seeds: Count
    bugs: tuple[SoughtSubject, ...] = ()
    uniform: tuple[SoughtSubject, ...] = ()
    rates: tuple[StateRate, ...] = ()
    settings: tuple[SoughtSubject, ...] = ()


SEARCH_BENCH: Final = Codec(hint="name a file that `walcrash bench search --json` has written")
"""How it is written and read."""
