"""Where the records of a boot were written, as far as its trace shows that.

- A record's file is the one that got the most bytes in its call; of those that got as much as its
  payload has, one whose kind of name has the records of most calls. So a table that a call writes
  beside its record, when the log has got long, is none. A record of which less was written than its
  payload has (it is compressed, or written later) says nothing.
- A file is followed by a next one where the record after it goes, in the same boot, to another
  file that ends before both would fit; so a file that is written anew as a whole is none. Nor is
  one that a compaction or a checkpoint between the two has begun.

Not here: what follows from that for a workload (`fit`, `reached`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from walcrash.recorder.recording import EventRow
from walcrash.values.case import BootPlan
from walcrash.values.cause import name_pattern
from walcrash.values.event import Event, EventKind
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType

Trace = tuple[BootPlan, Sequence[Event | EventRow]]
"""A boot's plan and its events."""

# limits
RECORDS_OF_A_FILE: Final = 2
"""Fewest records of a file that a next one follows."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a record was written, and how long it is; what it holds is not kept.

    Attributes:
        type: of the record.
        payload_bytes: how long its payload is.
        name_bytes: how long its texts are; see `named_bytes`.
        file: the file that has it, by its number in the trace.
        begin: the first byte that was written there, as its offset in the file.
        end: the offset behind the last one.
        written: how many bytes were written there.
        is_new_file: whether the file was made in the same boot.
        section: how many calls of `apply` and `compact` came before in its boot: they may begin a
            file, however long the one before is.
    """

    type: RecordType
    payload_bytes: int
    name_bytes: int
    file: int
    begin: int
    end: int
    written: int
    is_new_file: bool
    section: int


def placed_records(boot: Trace) -> list[Placed]:
    """Return where the records of a boot were written, as far as that shows, in order."""
    plan, events = boot
    spans: dict[int, dict[int, tuple[int, int, int]]] = {}
    made: set[int] = set()
    paths: dict[int, str] = {}
    for event in events:
        if event.kind is EventKind.CREATE and event.result >= 0:
            made.add(event.file)
        if event.kind is not EventKind.WRITE or event.result <= 0:
            continue
        paths[event.file] = event.path
        of_call = spans.setdefault(event.call, {})
        begin, end, written = of_call.get(event.file, (event.offset, 0, 0))
        of_call[event.file] = (
            min(begin, event.offset),
            max(end, event.offset + event.result),
            written + event.result,
        )
    kinds = {file: name_pattern(path) for file, path in paths.items()}
    records = [each.record for each in plan.operations]
    own = Counter(
        kinds[_longest(files)]
        for call, files in spans.items()
        if 0 <= call < len(records) and records[call] is not None
    )
    placed, section = [], 0
    for call, operation in enumerate(plan.operations):
        section += operation.kind in (OperationKind.APPLY, OperationKind.COMPACT)
        record, files = operation.record, spans.get(call)
        if record is None or not files:
            continue
        full = {file: span for file, span in files.items() if span[2] >= len(record.payload)}
        if not full:
            continue
        most = max(own[kinds[file]] for file in full)
        file = _longest({each: span for each, span in full.items() if own[kinds[each]] == most})
        sizes = len(record.payload), named_bytes(record)
        placed.append(Placed(record.type, *sizes, file, *files[file], file in made, section))
    return placed


def _longest(spans: Mapping[int, tuple[int, int, int]]) -> int:
    """Return the file that got the most bytes; of several the first one."""
    return max(spans.items(), key=lambda each: (each[1][2], -each[0]))[0]


def followed(boot: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Yield the last record of each file that a next one follows, and the first one in that.

    A file of one record is none of a row of files: a journal of one transaction, or what is to be
    renamed.
    """
    counts = Counter(each.file for each in boot[:1])
    for before, after in pairwise(boot):
        is_by_length = before.section == after.section
        is_next = (
            is_by_length and not counts[after.file] and counts[before.file] >= RECORDS_OF_A_FILE
        )
        counts[after.file] += 1
        if is_next and after.end < before.end + after.payload_bytes:
            yield before, after


def named_bytes(record: Record) -> int:
    """Return how long a record's texts are as UTF-8, bytes."""
    texts = (record.id, record.error)
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
