"""Findings: failing cases of one scenario with the same cause, as one."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from walcrash.values.case import Landing
from walcrash.values.cause import Cause
from walcrash.values.contract import PersistenceModel
from walcrash.values.fate import Fate
from walcrash.values.forms import SPARSE, Count, EncodableText
from walcrash.values.io_error import IoError
from walcrash.values.sighting import Sighting
from walcrash.values.slow_io import SlowIo
from walcrash.values.verdict import HasViolations, Invariant, Violation

STORE_NAME: Final = "walcrash.sqlite"
"""The file in a directory of runs that keeps the findings of all of them."""


class FindingState(Enum):
    """What became of a finding from run to run, by its kept case."""

    NEW = "new"
    AGAIN = "again"
    FIXED = "fixed"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class FindingChange:
    """What became of one finding of a scenario.

    `is_seen` if a case of this run showed it; `is_portability` as in `Finding`.
    """

    id: str
    scenario: str
    invariant: Invariant
    state: FindingState
    is_seen: bool = True
    is_portability: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed:
    """Findings that were kept, and of which a run says nothing: no case of its own showed them.

    Attributes:
        left_out: those whose kept cases were not run, since there are too many.
        silent: those whose kept cases say nothing any more: inconclusive, or not to be run.
        late: those whose kept cases were not run, since the time was over.
    """

    left_out: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(HasViolations):
    """One kind of failure in one scenario, with the smallest case that shows it.

    Attributes:
        id: `F-` and hexadecimal digits that depend on the scenario, the subject and the cause, so
            that a bug keeps its id from run to run.
        scenario: the scenario's name.
        scenario_path: the scenario's file as it was named on the command line.
        master_seed: the campaign's seed.
        case_index: the simplest case of the campaign that showed it: fewest boots, then fewest
            operations, then the lowest index. The smallest case was made from it.
        violations: what the smallest case broke, most severe first; the first names the finding.
        landings: where its crashes landed, one for each boot that was killed.
        model: the strictest persistence model that shows it.
        operations: how many operations the smallest case calls, opens and closes not counted.
        operations_before: how many the campaign's own case called.
        tries: how many simpler cases were run on the way.
        is_minimal: whether all was tried that can take a boot, an operation, a fault or a part of
            a crash away; else the budget for it ran out first, or the campaign's own case did not
            fail again.
        rules: the rules that its cases broke first, most severe first, where these are several: the
            record that they lost was missed by one or the other. Else empty.
        most_tries: how many simpler cases would have been run at most; 0 where that is not known.
        is_late: whether a time budget was over before the smallest case was known to be that.
        seen: in how many cases of this campaign.
        cases: out of how many.
        replays: how often it was replayed in fresh processes.
        replays_alike: how many of those broke the same invariant.
        is_portability: only a model weaker than the contract's shows it, or a tear that the
            contract does not ask for, so the promise is kept and the finding does not count
            against the subject.
        is_torn_inside: it is a matter of portability since it needs a write that is torn inside
            what the contract relies on to be written whole.
        is_pinned: its case is pinned in the scenario file, and `case_index` is of the campaign
            that found it first.
        is_before_promise: no record had been acknowledged in any of the cases: what breaks is a
            half-made store.
        is_plain: its smallest case has no crash: every boot, and every recovery of what the last
            one left, ended with `close`. `seen` and `cases` count the control cases as well.
        is_clock_back: in its smallest case the wall clock goes back after the last boot, before new
            records are appended to what that left; with a steady clock it does not fail.
        cause: what its smallest case has in common with those of other seeds: the invariant, the
            kind of fault, and where it struck or what it took. None in findings of versions that
            kept it as a text or did not tell causes apart.
        groups: the groups of failing cases that came to this cause, as in `CaseJudged`.
        origin: the command line behind `walcrash`, without the seed, that shows it again where
            `run` does not, such as that of a probe; else empty.
        fate: what the events of the smallest case say about what it broke first; None where they
            decide nothing.
        sighting: what came of trying it on a real file system; None where nobody asked.
        error: the first error that was injected into its smallest case; None where it needs none.
        slow: the slow call that tells most of its smallest case; None where it needs none.
        around: which of its boots had another wall clock, or random bytes that repeat, as reports
            say it.
        kept: known or back where no case of the campaign showed it, and its case that an earlier
            one kept failed once more; `seen` to `replays_alike` are of that one. Else None.
    """

    id: EncodableText
    scenario: EncodableText
    scenario_path: str
    master_seed: EncodableText
    case_index: Count
    violations: tuple[Violation, ...]
    landings: tuple[Landing, ...]
    model: PersistenceModel
    operations: Count
    seen: Count
    cases: Count
    replays: Count
    replays_alike: Count
    operations_before: Count = 0
    tries: Count = 0
    is_minimal: bool = False
    is_portability: bool = False
    is_torn_inside: bool = False
    is_pinned: bool = False
    is_before_promise: bool = False
    cause: Cause | None = None
    groups: tuple[str, ...] = ()
    origin: str = ""
    fate: Fate | None = None
    is_plain: Annotated[bool, SPARSE] = False
    is_clock_back: Annotated[bool, SPARSE] = False
    kept: Annotated[FindingState | None, SPARSE] = None
    sighting: Annotated[Sighting | None, SPARSE] = None
    rules: Annotated[tuple[Invariant, ...], SPARSE] = ()
    most_tries: Annotated[Count, SPARSE] = 0
    is_late: Annotated[bool, SPARSE] = False
    error: Annotated[IoError | None, SPARSE] = None
    slow: Annotated[SlowIo | None, SPARSE] = None
    around: Annotated[tuple[EncodableText, ...], SPARSE] = ()

    @property
    def telling_landings(self) -> tuple[Landing, ...]:
        """The crashes up to the boot that showed it; those of later boots say nothing of it."""
        name, _, number = self.worst.where.partition(" ")
        if name != "boot" or not number.isdecimal():
            return self.landings
        return tuple(each for each in self.landings if each.boot <= int(number))

    @property
    def is_stable(self) -> bool:
        """Whether every replay broke the same invariant."""
        return self.replays == self.replays_alike
