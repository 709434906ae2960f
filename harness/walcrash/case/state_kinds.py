"""Kinds of crash states: what tells one that a search has judged from one that shows something new.

The content of an image is never the same in two cases, since their records differ. A kind is where
the crash fell, what was kept, and what the recovery showed of it beside what had been promised.

Not here: in which order kinds are tried (`frontier`).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from walcrash.values.cell import Cell, SearchTotals
from walcrash.values.history import BootHistory, Outcome
from walcrash.values.image_choice import Policy
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.seed import derive_seed

# limits
MOST_APART: Final = 4
"""By how many records more or fewer than acknowledged a recovery counts as another kind."""

_DIGITS: Final = 12


class SearchedStates:
    """The states that the search of one case has judged so far."""

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._cells: Counter[Cell] = Counter()
        self._possible: set[Cell] = set()
        self._equal: set[Cell] = set()
        self.is_exhausted = False

    def add(
        self, cell: Cell, policy: Policy, history: BootHistory, first: Recovery | RecoveryFailure
    ) -> None:
        """Count one state.

        Args:
            cell: where its crash fell.
            policy: what of the pending changes was kept.
            history: its last boot's.
            first: what its first recovery showed.
        """
        self._kinds.append(_kind(cell, policy, history, first))
        self._cells[cell] += 1

    def add_possible(self, cells: Iterable[Cell]) -> None:
        """Note cells of which there are states that may be judged."""
        self._possible.update(cells)

    def add_equal(self, cell: Cell) -> None:
        """Note that a state was not judged, since an equal one was, where that had fallen."""
        self._equal.add(cell)

    def totals(self) -> SearchTotals:
        """Return what was judged."""
        unreached = self._possible - self._cells.keys() - self._equal
        return SearchTotals(
            states=tuple(self._kinds),
            cells=tuple(self._cells.items()),
            is_exhausted=self.is_exhausted,
            unreached=tuple(sorted(unreached, key=repr)),
        )


def _kind(
    cell: Cell, policy: Policy, history: BootHistory, first: Recovery | RecoveryFailure
) -> str:
    facts = (
        "" if cell.operation is None else cell.operation.value,
        "" if cell.record is None else cell.record.value,
        cell.kind.value,
        cell.role,
        cell.placement.value,
        cell.boot.value,
        int(cell.is_power_loss),
        policy.value,
        _shown(history, first),
    )
    return f"{derive_seed(*facts):016x}"[:_DIGITS]


def _shown(history: BootHistory, first: Recovery | RecoveryFailure) -> str:
    """Return how a recovery relates to what its boot had begun with and acknowledged."""
    if isinstance(first, RecoveryFailure):
        return first.kind.value
    before = history.recovery
    known = len(before.records) if isinstance(before, Recovery) else 0
    known += sum(
        call.outcome is Outcome.ACKNOWLEDGED and call.operation.record is not None
        for call in history.calls
    )
    return str(max(-MOST_APART, min(MOST_APART, len(first.records) - known)))
