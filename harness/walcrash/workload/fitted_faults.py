"""Faults of a fitted campaign: which of its scenario's a case has, and which that none states.

Damage at rest and errors hide what a crash alone would show, so where a scenario without a workload
has them beside crashes, one case of three has the crashes alone.

A contract is to hold however long a call takes and whatever the time is, so a scenario that states
no workload and injects nothing itself has both in some of its cases, beside what ends their boots:
of each `FITTED_DECK` three have slow syncs and one has slow writes, where a control boot had two
threads or processes that changed files or synced them, and one has other wall clocks. All other
cases are drawn as without these.

From the drawn call on every sync, or write, of its boot is slow: what a thread does wrong while one
is under way shows behind the next one too, whose records are then not durable yet. While a write is
slow, a sync that does not wait for it is over before it.

Not here: errors and random bytes that repeat, which are for a scenario to ask for.

Source: `harness/walcrash/docs/explanation/decisions/0087-fitted-campaigns-have-slow-syncs.md`;
`harness/walcrash/docs/explanation/decisions/0102-busy-boots-while-syncs-are-slow.md`.
"""

from typing import Final

from walcrash.values.faults import Ending, FaultCall, FaultKind, FaultPlan, class_of
from walcrash.values.scenario import FITTED_DECK, Scenario
from walcrash.workload.profile import Profile

SLOW_CASES: Final = frozenset({4, 9, 14})
"""Which cases of each `FITTED_DECK` have slow syncs, from 0: the first four judge few states, and
the fourth of each eight goes on with later boots."""

SLOW_WRITE_CASE: Final = 7
"""Which case of each `FITTED_DECK` has slow writes, from 0."""

CLOCK_CASE: Final = 13
"""Which case of each `FITTED_DECK` has other clocks, from 0."""

CRASHES_ALONE_ONE_IN: Final = 3
"""The last of so many cases has nothing injected where crashes are asked for as well."""

SLOW_SYNCS: Final = FaultPlan(kind=FaultKind.SLOW, times=None)
SLOW_WRITES: Final = FaultPlan(kind=FaultKind.SLOW, times=None, calls=(FaultCall.WRITE,))
OTHER_CLOCKS: Final = FaultPlan(kind=FaultKind.CLOCK)


def stated_faults(scenario: Scenario, index: int) -> tuple[FaultPlan, ...]:
    """Return the faults of its scenario that case `index` may have."""
    faults = scenario.faults
    ends = tuple(plan for plan in faults if isinstance(class_of(plan), Ending))
    is_stated = not scenario.workload.is_fitted or any(plan.in_turn for plan in faults)
    is_alone = (index + 1) % CRASHES_ALONE_ONE_IN == 0
    return ends if is_alone and ends and not is_stated else faults


def fitted_faults(scenario: Scenario, profile: Profile, index: int) -> tuple[FaultPlan, ...]:
    """Return what is injected into a case beside the faults of its scenario.

    Args:
        scenario: it.
        profile: what the control cases showed.
        index: of the case.
    """
    if not scenario.fits_faults:
        return ()
    at = index % FITTED_DECK
    if at in SLOW_CASES and profile.has_threads:
        return (SLOW_SYNCS,)
    if at == SLOW_WRITE_CASE and profile.has_threads:
        return (SLOW_WRITES,)
    return (OTHER_CLOCKS,) if at == CLOCK_CASE else ()
