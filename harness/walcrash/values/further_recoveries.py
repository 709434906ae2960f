"""Further recoveries: how often images were recovered again, elsewhere and after work.

Each image that a crash leaves is recovered once. Further recoveries of it are made where something
about it is new, and of some others (`walcrash.case.novelty`).

Not here: which recoveries there are (`history.RecoveryName`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from walcrash.values.forms import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherRecoveries:
    """The further recoveries of images, by what `RecoveryName` calls them.

    Attributes:
        made: those that were made.
        left_out: those that a rule that was asked for could have been judged by, and that were not
            made since nothing about the image was new.
        later_boots: boots that cases went on with behind those of their scenario.
    """

    made: Mapping[str, Count] = field(default_factory=dict)
    left_out: Mapping[str, Count] = field(default_factory=dict)
    later_boots: Count = 0

    @classmethod
    def sum(cls, totals: Iterable["FurtherRecoveries"]) -> "FurtherRecoveries":
        """Return several totals as one."""
        every = list(totals)
        return cls(
            made=_added(each.made for each in every),
            left_out=_added(each.left_out for each in every),
            later_boots=sum(each.later_boots for each in every),
        )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


NO_FURTHER_RECOVERIES = FurtherRecoveries()
"""The totals of nothing."""
