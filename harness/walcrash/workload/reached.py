"""What the operations of a case reached, from its boots' histories and traces.

Not here: what a file of records is (`placed`), what of it is said (`report.unreached`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise, takewhile

from walcrash.values.event import EventKind
from walcrash.values.history import BootHistory, Outcome
from walcrash.values.reach import Reach
from walcrash.values.record import RecordType
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.operations import mix_of
from walcrash.workload.placed import Placed, Trace, followed, placed_records
from walcrash.workload.profile import thread_count


def reach_of(boots: Sequence[tuple[Trace, BootHistory]]) -> Reach:
    """Return what a case reached: its boots in order, each with its trace and its history."""
    placed = [placed_records(trace) for trace, _ in boots]
    calls: Counter[str] = Counter()
    for _, history in boots:
        for call in history.calls:
            kind = mix_of(call.operation)
            if kind is not None and call.outcome is Outcome.ACKNOWLEDGED:
                calls[kind.value] += 1
    kinds = {event.kind for (_, events), _ in boots for event in events}
    return Reach(
        calls=dict(sorted(calls.items())),
        boots=len(boots),
        over_page_end=sum(_is_over_page_end(each) for boot in placed for each in boot),
        files=max(map(_files, placed), default=0),
        file_bytes=max((each.end for boot in placed for each in boot), default=0),
        full=_full(history for _, history in boots),
        wraps=sum(map(_wraps, placed)),
        made=tuple(kind for kind in EventKind if kind in kinds),
        threads=max((thread_count(events) for (_, events), _ in boots), default=0),
    )


def _is_over_page_end(placed: Placed) -> bool:
    return placed.begin // PAGE_BYTES < (placed.end - 1) // PAGE_BYTES


def _files(boot: Sequence[Placed]) -> int:
    """Return how many files of records followed one another; 0 where none shows as one.

    A file of records is one in which each put lies behind the one before.
    """
    files = 1 + sum(1 for _ in followed(boot))
    if files > 1:
        return files
    puts = [each for each in boot if each.type is RecordType.PUT]
    ends: dict[int, int] = {}
    for each in puts:
        if each.begin < ends.get(each.file, 0):
            return 0
        ends[each.file] = each.end
    return 1 if len(ends) == 1 and len(puts) > 1 else 0


def _full(boots: Iterable[BootHistory]) -> int:
    """Return how many puts were refused for certain, of a length that their boot took before.

    A log that met an error may refuse what it will, and one that takes nothing from its recovery on
    need not be full.
    """
    return sum(map(puts_without_room, takewhile(lambda each: not each.errors, boots)))


def puts_without_room(boot: BootHistory) -> int:
    """Return how many puts a boot refused for certain, of a length that it took before."""
    count = 0
    lengths: set[int] = set()
    for call in boot.calls:
        record = call.operation.record
        if record is None or record.type is not RecordType.PUT:
            continue
        if call.outcome is Outcome.ACKNOWLEDGED:
            lengths.add(len(record.payload))
        elif call.outcome is Outcome.REFUSED_DEFINITE:
            count += len(record.payload) in lengths
    return count


def _wraps(boot: Sequence[Placed]) -> int:
    """Return how often a record begins before the one that went to the same file before it."""
    return sum(a.file == b.file and b.begin < a.begin for a, b in pairwise(boot))
