"""Reach: what the operations of cases came to, whatever ended them.

Not here: which places crashes fell on (`cell`), what a workload should have reached and has not,
which a report says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from walcrash.values.event import EventKind
from walcrash.values.forms import SPARSE, Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the workload of one case, or of several, came to.

    A file of records is one that records went to, each behind the one before. The numbers but
    those in `calls`, `over_page_end`, `full` and `wraps` are each the most of any one boot or case.

    Attributes:
        calls: how many calls were acknowledged, by the key of `[workload.mix]`.
        boots: boots of a case.
        over_page_end: records that were written over a page end of their file.
        files: files of records that followed one another in a boot; 1 where none was followed, 0
            where no file was seen to be one.
        file_bytes: how far the records of one file went.
        full: puts that were refused for certain, of a length that their boot had taken before.
        wraps: how often the records of a boot went back to an earlier place of their file; left out
            where no case of the scenario, and none without a crash, had such a put.
        threads: threads and processes that changed files in a boot, or synced them.
        made: the kinds of events of all boots; empty where that is not known.
    """

    calls: Mapping[str, Count] = field(default_factory=dict)
    boots: Count = 0
    over_page_end: Count = 0
    files: Count = 0
    file_bytes: Count = 0
    full: Annotated[Count, SPARSE] = 0
    wraps: Annotated[Count, SPARSE] = 0
    threads: Annotated[Count, SPARSE] = 0
    made: Annotated[tuple[EventKind, ...], SPARSE] = ()

    @classmethod
    def of_all(cls, parts: Iterable["Reach"]) -> "Reach":
        """Return several as one."""
        every = list(parts)
        is_known = all(each.made for each in every if each.boots)
        made = {kind for each in every for kind in each.made} if is_known else set()
        calls: dict[str, int] = {}
        for each in every:
            for name, count in each.calls.items():
                calls[name] = calls.get(name, 0) + count
        return cls(
            calls=dict(sorted(calls.items())),
            boots=max((each.boots for each in every), default=0),
            over_page_end=sum(each.over_page_end for each in every),
            files=max((each.files for each in every), default=0),
            file_bytes=max((each.file_bytes for each in every), default=0),
            full=sum(each.full for each in every),
            wraps=sum(each.wraps for each in every),
            threads=max((each.threads for each in every), default=0),
            made=tuple(kind for kind in EventKind if kind in made),
        )


NOTHING_REACHED = Reach()
"""The reach of no case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReach:
    """What a scenario's workload reached.

    Attributes:
        cases: what its cases came to, those aside that are pinned or kept.
        controls: what its cases without a crash came to.
        is_fitted: whether the scenario states no workload.
    """

    cases: Reach
    controls: Reach
    is_fitted: Annotated[bool, SPARSE] = False
