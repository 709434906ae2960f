"""The cut disk: shows the real tree that a file system makes of the device that a cut left.

The device is a loop device on a file in memory. It is filled anew for each cut, since a mount
writes to it: read-only as it is, the file system recovers first, which takes half the time of a
mount that can be written to. The cut's own blocks are never written to, so one recording serves
all its cuts.

Not here: which cuts there are (`cuts`), reading the tree that is mounted.
"""

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from typing import Final

from walcrash.blocks.cuts import Blocks
from walcrash.blocks.file_systems import FileSystemVariant
from walcrash.blocks.kernel import bind_loop, forget_cached, mount, unmount

_BLOCK_BYTES: Final = 4096

_MOST_PIECES: Final = 512
"""Blocks in one `pwritev`; the kernel takes 1,024."""


class NotMountable(Exception):
    """The file system refuses to mount what the cut left; the message says how."""


class CutDisk:
    """One device for one cut after the other; made by `cut_disk`."""

    def __init__(self, variant: FileSystemVariant, fd: int, loop: int, path: str, target: str):
        self._variant = variant
        self._fd = fd
        self._loop = loop
        self._path = path
        self._target = target

    @contextlib.contextmanager
    def shown(self, blocks: Blocks) -> Iterator[str]:
        """Have the file system on these blocks mounted for a while; yield where it is.

        Raises:
            NotMountable: it refuses; then the cut has left no tree at all.
        """
        self.fill(blocks)
        with self.mounted() as target:
            yield target

    @contextlib.contextmanager
    def mounted(self) -> Iterator[str]:
        """Have what is on the device mounted for a while; yield where it is.

        Raises:
            NotMountable: the file system refuses.
        """
        try:
            mount(
                self._path,
                self._target,
                self._variant.kind,
                self._variant.options,
                is_read_only=True,
            )
        except OSError as problem:
            raise NotMountable(str(problem.strerror)) from None
        try:
            yield self._target
        finally:
            unmount(self._target)

    def fill(self, blocks: Blocks) -> None:
        """Have these blocks on the device, and zeros everywhere else."""
        os.ftruncate(self._fd, 0)
        os.ftruncate(self._fd, self._variant.size_bytes)
        for start, pieces in _runs(blocks):
            written = os.pwritev(self._fd, pieces, start * _BLOCK_BYTES)
            assert written == len(pieces) * _BLOCK_BYTES, "a file in memory is written whole"
        forget_cached(self._loop)


def _runs(blocks: Blocks) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the runs of blocks without a gap: where each starts, and its blocks."""
    numbers = sorted(blocks)
    first = 0
    for last in count():
        if last == len(numbers):
            return
        is_end = last + 1 == len(numbers) or numbers[last + 1] != numbers[last] + 1
        if is_end or last + 1 - first == _MOST_PIECES:
            yield numbers[first], [blocks[number][0] for number in numbers[first : last + 1]]
            first = last + 1


@contextlib.contextmanager
def cut_disk(variant: FileSystemVariant, directory: str) -> Iterator[CutDisk]:
    """Have a cut disk for a while.

    Args:
        variant: the file system.
        directory: an empty one in memory, for its file and its mount point.

    Raises:
        OSError: there is no loop device.
    """
    target = f"{directory}/mounted"
    os.mkdir(target)
    path = f"{directory}/blocks"
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, variant.size_bytes)
        loop, device = bind_loop(path)
        try:
            yield CutDisk(variant, fd, loop, device, target)
        finally:
            os.close(loop)
    finally:
        os.close(fd)
