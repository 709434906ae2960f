"""Validation: what real engines are documented to keep, and what a probe finds that they keep.

A row is one setting of one subject. It is weaker than documented if a probe breaks a promise
that its authors make: then somebody is wrong, and it is not published on trust. It is stronger
if a documented loss was not shown in so many cases.

Not here: probing (`tools.validate`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from walcrash.values.contract import Acknowledges, PersistenceModel, Promise
from walcrash.values.finding import Finding
from walcrash.values.persistence import is_power_loss, strict_to_weak
from walcrash.values.probe import Probe, ProbedCrash
from walcrash.values.verdict import Verdict

COLUMNS = strict_to_weak()
"""A kill, and a power loss under each model, from strict to weak."""


class Agreement(Enum):
    """How what was found stands to what is documented."""

    AGREES = "agrees"
    WEAKER = "weaker"
    STRONGER = "stronger"
    OPEN = "open"
    MISSING = "not installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """What is known of one setting of one subject before anything is tried.

    Attributes:
        subject: as `walcrash probe` takes it.
        acknowledges: when a record counts as promised.
        keeps: for a kill and for a power loss under each model, what is kept. What is kept under
            `posix` is held against it only where it is said: it is a matter of portability.
        says: what its authors say, in a few words.
        because: why something is not kept, from reading the trace; empty where all is.
        is_short: whether it is in the short table.
        cases: fewest cases for one promise, where its loss is rare.
        most_cases: most cases for one promise, where a case is slow; 0 for as many as asked for.
        most_images: the same for the images of one case.
    """

    subject: str
    acknowledges: Acknowledges
    keeps: Mapping[PersistenceModel, Promise]
    says: str
    because: str = ""
    is_short: bool = False
    cases: int = 0
    most_cases: int = 0
    most_images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedRow:
    """One row: what is documented, and what was found; `missing` says what is not installed."""

    documented: Documented
    probe: Probe | None
    missing: str = ""

    def kept(self, model: PersistenceModel) -> Promise | None:
        """Return what was kept in one column; None if that is open."""
        if self.probe is None:
            return None
        crash = ProbedCrash.POWER if is_power_loss(model) else ProbedCrash.KILL
        return self.probe.kept(self.documented.acknowledges, crash, model)

    @property
    def agreement(self) -> Agreement:
        """How the row as a whole stands: its worst column."""
        if self.probe is None:
            return Agreement.MISSING
        order = list(Promise)
        pairs = [(self.kept(model), known) for model, known in self.documented.keeps.items()]
        if any(kept and order.index(kept) > order.index(known) for kept, known in pairs):
            return Agreement.WEAKER
        if any(kept is None for kept, _ in pairs):
            return Agreement.OPEN
        is_same = all(kept is known for kept, known in pairs)
        return Agreement.AGREES if is_same else Agreement.STRONGER

    @property
    def finding(self) -> Finding | None:
        """The first finding of the probe, which is in the strictest model that shows one."""
        promises = () if self.probe is None else self.probe.promises
        asked = [each for each in promises if each.acknowledges is self.documented.acknowledges]
        return next((each.finding for each in asked if each.finding is not None), None)

    @property
    def images(self) -> int:
        """How many images of power losses were judged."""
        return sum(each.images for each in self.probe.promises) if self.probe else 0

    @property
    def cases(self) -> int:
        """How many cases were judged."""
        return sum(each.cases for each in self.probe.promises) if self.probe else 0


def verdict_of(rows: tuple[ValidatedRow, ...]) -> Verdict:
    """Fail if a row is weaker than documented; pass only if every row agrees."""
    agreements = {row.agreement for row in rows}
    if Agreement.WEAKER in agreements:
        return Verdict.FAIL
    return Verdict.PASS if agreements == {Agreement.AGREES} else Verdict.INCONCLUSIVE
