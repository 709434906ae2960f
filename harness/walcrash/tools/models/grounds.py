"""Grounds on which a tree is not judged: what a model leaves out, shown by the recording itself.

Two are known. With `data=writeback` freed blocks are another file's before the freeing is durable.
On btrfs a sync returns 0 while another process's sync of the same file still has to write the log:
a fault of the kernel, that no program can do anything about.

A tree is not judged only where the file system is known for it, the recording shows the case, and
the model allows all else of the tree; everything else is a refusal.

Not here: holding trees against models (`check`).

Source: `harness/walcrash/docs/explanation/decisions/0056-trees-that-are-not-judged.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from walcrash.blocks.file_systems import VARIANTS
from walcrash.disk.membership import MayBeAnything
from walcrash.disk.reused import may_be_reused
from walcrash.values.event import Event, EventKind
from walcrash.values.real_tree import RealRun

REUSED: Final = "a freed block is another file's before the freeing is durable (data=writeback)"
EARLY: Final = (
    "a sync returned while another process's sync of the same file was under way (btrfs), and is "
    "not on the disk"
)

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


def unfinished(event: Event) -> Event:
    """Return a call as one that has promised nothing yet."""
    if event.kind in SYNCS:
        # As one that was refused before it began: nothing is durable by it.
        return replace(event, kind=EventKind.SYNC_RANGE)
    return replace(event, is_synchronous=False)
