"""What lies beneath the pending writes: what a sector that is lost would show in their place.

Most logs write where nothing was, and a loss shows zeros there, or a shorter file. What is written
over bytes of before shows those: a record of an earlier life of a file, a page of a database. Such
places are few in a trace, and a reader is misled by them more easily than by zeros.

Not here: which losses are legal (`models`), what an image shows of one
(`walcrash.case.loss_shape`).
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final

from walcrash.disk.file_history import FileHistory
from walcrash.disk.pending import Pending

# limits
FILES: Final = 4
"""Most files with pending changes that count, those that have them for the shortest time."""

WRITES: Final = 16
"""Most pending writes of a file that count, the latest."""

RUNS: Final = 6
"""Most runs of one file that are told apart."""

NOTHING: Final = "-"
"""Behind the end of the durable file."""

ZEROS: Final = "z"
"""Zeros."""

OLD: Final = "o"
"""Other bytes than were written."""

CHANGED_MAP: Final = "m"
"""What a truncation or a hole has taken away."""

Beneath = frozenset[str]
"""For each file with pending changes what lies beneath them, in the order of the file."""


def beneath(pending: Pending) -> Beneath:
    """Return what the loss of pending writes would show, at the position where a trace stands."""
    return frozenset(
        "".join(kind for kind, _ in islice(groupby(_of_file(file)), RUNS))
        for file in pending.dirty_files()[-FILES:]
    )


def _of_file(file: FileHistory) -> Iterator[str]:
    for extent in sorted(file.extents[-WRITES:], key=lambda each: each.start):
        if extent.data is None:
            yield CHANGED_MAP
            continue
        under = bytes(file.base[extent.start : min(extent.end, file.base_size)])
        if under and under != extent.data[: len(under)]:
            yield OLD if under.strip(b"\0") else ZEROS
        if extent.end > file.base_size:
            yield NOTHING
