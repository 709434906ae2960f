"""What a case that was drawn is searched for beyond its own crash.

Not here: the searches (`kill_search`, `power_loss`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from walcrash.case.frontier import SearchOrder
from walcrash.values.faults import FaultKind, FaultPlan
from walcrash.values.scenario import Scenario
from walcrash.workload.ramp import ramped

# limits
KILL_STATES: Final = 12
"""States that exact kills would have left elsewhere in its traces, judged in one case."""

BRANCH_SHARE: Final = 4
"""Of so many states of a case one is judged behind another state of an earlier boot."""

IMAGES_OF_A_BRANCH: Final = 6
"""Images that are judged behind one of these states, before another one is gone on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """Which crash states of a case's traces are judged.

    Attributes:
        kills: where the scenario allows exact kills; empty for nowhere.
        kill_states: how many states of kills are judged.
        order: in which order states are judged.
    """

    kills: tuple[FaultPlan, ...] = ()
    kill_states: int = KILL_STATES
    order: SearchOrder = SearchOrder.NOVEL

    @classmethod
    def of(cls, scenario: Scenario, index: int, *, order: SearchOrder = SearchOrder.NOVEL) -> Self:
        """Return what case `index` of a scenario is searched for."""
        kills = tuple(plan for plan in scenario.faults if plan.kind is FaultKind.KILL)
        return cls(kills=kills, kill_states=ramped(KILL_STATES, index), order=order)

    def kills_in(self, boot: int, *, is_last: bool) -> Sequence[FaultPlan]:
        """Return the plans of the kills that may fall into a boot, counted from 0."""
        return [plan for plan in self.kills if plan.boots.selects(boot=boot, is_last=is_last)]
