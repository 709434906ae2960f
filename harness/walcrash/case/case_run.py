"""What a run of one case is after, and what it gave.

Not here: running it (`one_run`, `runner`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from walcrash.case.alignment import Alignment
from walcrash.case.coverage import Coverage
from walcrash.case.search_target import PowerTarget
from walcrash.case.watched_boot import WatchedBoot
from walcrash.values.case import Case, Landing
from walcrash.values.case_file import StoredCase
from walcrash.values.cell import NOTHING_SEARCHED, SearchTotals
from walcrash.values.contract import PersistenceModel
from walcrash.values.fault_matrix import NO_FAULTS, FaultMatrix
from walcrash.values.forms import SPARSE
from walcrash.values.further_recoveries import NO_FURTHER_RECOVERIES, FurtherRecoveries
from walcrash.values.history import History
from walcrash.values.image import Image
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.verdict import Invariant, Judgement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTargets:
    """What a run is after: an invariant that breaks first, and where power is to be lost.

    Where `target_invariant` is None, any failure is sought. `power` has a target for each boot,
    from 1, whose image is sought and not named. With `alignment` payloads may grow, so that kills
    within writes stay there. `is_shown_first` says that the first recovery of an image shows the
    invariant, so that others are made of an image only where that one fails.
    """

    target_invariant: Invariant | None
    alignment: Alignment | None = None
    power: Mapping[int, PowerTarget] = field(default_factory=dict)
    is_shown_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """What running one case gave.

    Attributes:
        case: the case; where an image was drawn, the one that was judged last is named in it.
        boots: in order.
        history: what was judged.
        judgement: the oracle's.
        recoveries: how many recoveries there were, those of later boots included.
        doubt: why a case without violations does not count as passed; empty if it does.
        model: the strictest persistence model that shows a violation.
        coverage: what was judged after a power loss, else None.
        portability_failure: where the contract's model shows nothing: a failure under a weaker one,
            or one that needs a write torn at any byte.
        image: what the last crash left, where every recovery had a process of its own or an
            invariant broke; else None.
        atomic_bytes: what was written whole, as in the contract that it ran under.
        search: what was judged of the crash states that its traces hold.
        further: how images were recovered beside the first time, and how often not.
        damaged: what came of damage at rest, image by image.
    """

    case: Case
    boots: tuple[WatchedBoot, ...]
    history: History
    judgement: Judgement
    recoveries: int
    doubt: str
    model: PersistenceModel = PersistenceModel.KILL
    coverage: Coverage | None = None
    portability_failure: "CaseRun | None" = None
    image: Image | None = None
    atomic_bytes: Annotated[int, SPARSE] = SECTOR_BYTES
    search: Annotated[SearchTotals, SPARSE] = NOTHING_SEARCHED
    further: Annotated[FurtherRecoveries, SPARSE] = NO_FURTHER_RECOVERIES
    damaged: Annotated[FaultMatrix, SPARSE] = NO_FAULTS

    @property
    def verdict(self) -> Verdict:
        """The judgement's verdict, or inconclusive where there is a doubt and no violation."""
        if self.doubt and self.judgement.verdict is Verdict.PASS:
            return Verdict.INCONCLUSIVE
        return self.judgement.verdict

    @property
    def landings(self) -> tuple[Landing, ...]:
        """Where the crashes landed, in the order of the boots."""
        return tuple(boot.landing for boot in self.boots if boot.landing is not None)

    @property
    def settled(self) -> tuple[Landing, ...]:
        """The same; of kills that leave the same, where the first of them lands."""
        settled = (boot.settled for boot in self.boots)
        return tuple(each for each in settled if each is not None)


def torn_as(stored: StoredCase, run: CaseRun) -> StoredCase:
    """Return a stored case with the tears of a run of it."""
    contract = replace(stored.contract, atomic_bytes=run.atomic_bytes)
    return replace(stored, contract=contract)
