"""Grounds on which a tree is not judged: what a model leaves out, shown by the recording itself.

Three are known. With `data=writeback` freed blocks are another file's before the freeing is
durable. On btrfs a sync returns 0 while another process's sync of the same file still has to write
the log: a fault of the kernel, that no program can do anything about. And what a mapped page held
between two comparisons is in no trace, but on the disk where the kernel wrote the page just then.

A tree is not judged only where the file system is known for it, the recording shows the case, and
the model allows all else of the tree; everything else is a refusal.

Not here: holding trees against models (`check`).

Source: `harness/walcrash/docs/explanation/decisions/0056-trees-that-are-not-judged.md`;
`harness/walcrash/docs/explanation/interception.md`, how stores through a mapping are seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from walcrash.blocks.file_systems import VARIANTS
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.membership import MayBeAnything
from walcrash.disk.reused import may_be_reused
from walcrash.values.event import Event, EventKind
from walcrash.values.real_tree import RealRun
from walcrash.values.tears import PAGE_BYTES

REUSED: Final = "a freed block is another file's before the freeing is durable (data=writeback)"
EARLY: Final = (
    "a sync returned while another process's sync of the same file was under way (btrfs), and is "
    "not on the disk"
)

STORED: Final = "a mapped page was written back between two times that the recorder read it"

SYNCS: Final = frozenset(
    {EventKind.FSYNC, EventKind.FDATASYNC, EventKind.SYNC_ALL, EventKind.MSYNC}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A reason not to judge a tree, and what the tree has to be an image of all the same.

    Attributes:
        reason: why it is not judged.
        run: the run as it is to be held against the model.
        may_be_anything: which sectors are not looked at; None for none.
    """

    reason: str
    run: RealRun
    may_be_anything: MayBeAnything | None = None


def grounds_of(run: RealRun) -> Iterator[Ground]:
    """Yield the grounds that a run may have."""
    stored = _stored_pages(run)
    if stored:
        yield Ground(reason=STORED, run=run, may_be_anything=_of_pages(run, stored))
    variant = VARIANTS.get(run.file_system)
    if variant is None:
        return
    if variant.reuses_freed_blocks:
        yield Ground(reason=REUSED, run=run, may_be_anything=may_be_reused)
    if variant.syncs_return_early and run.overlapped:
        early = frozenset(run.overlapped)
        events = tuple(
            unfinished(event) if number in early else event
            for number, event in enumerate(run.events)
        )
        yield Ground(reason=EARLY, run=replace(run, events=events))


def _stored_pages(run: RealRun) -> dict[str, set[int]]:
    """Return the pages that were stored to through a mapping at any time, by the file's path."""
    stored: dict[str, set[int]] = {}
    for event in run.events:
        if event.is_stored and event.result > 0:
            last = (event.offset + event.result - 1) // PAGE_BYTES
            pages = range(event.offset // PAGE_BYTES, last + 1)
            stored.setdefault(event.path, set()).update(pages)
    return stored


def _of_pages(run: RealRun, stored: Mapping[str, set[int]]) -> MayBeAnything:
    """Return what says whether a sector is in one of these pages, and its file has been mapped."""
    mapped: dict[str, int] = {}
    for number, event in enumerate(run.events):
        if event.kind is EventKind.MAP:
            mapped.setdefault(event.path, number)

    def is_stored(pending: FileSystem, file: FileHistory, sector: int) -> bool:
        page = sector * pending.sector_bytes // PAGE_BYTES
        return any(
            page in pages
            and mapped.get(path, pending.next_event) < pending.next_event
            and pending.names.find(path) == file.number
            for path, pages in stored.items()
        )

    return is_stored


def unfinished(event: Event) -> Event:
    """Return a call as one that has promised nothing yet."""
    if event.kind in SYNCS:
        # As one that was refused before it began: nothing is durable by it.
        return replace(event, kind=EventKind.SYNC_RANGE)
    return replace(event, is_synchronous=False)
