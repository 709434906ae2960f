"""What a case has that a campaign has drawn, beside what is stored of it.

The case that comes of it names all that was found by this, and runs without it.

Not here: how such a case is drawn (`walcrash.workload.draw`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from walcrash.case.alignment import Alignment
from walcrash.case.search_plan import SearchPlan
from walcrash.values.case import BootPlan, Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """How a drawn case may change while it runs, and what more is judged of it.

    Attributes:
        alignment: how far payloads may grow; the run's own case has them as they were. A kill that
            could not be moved into its write is tried as a byte tear as well.
        search: which other crash states of its traces are judged; the run's own case ends with
            the one that failed.
        later: gives the boots that it goes on with where it passes, for the case as it ran: what
            was put into it takes ids and times. The run's own case has those that lead to a
            failure.
    """

    alignment: Alignment
    search: SearchPlan
    later: Callable[[Case], tuple[BootPlan, ...]] = lambda _: ()
