"""Blocks of one file: which of its pending changes take a whole one, and what is durable in it.

Not here: the changes themselves (`file_history`).
"""

from walcrash.disk.extents import Extent
from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import Moment, before


def covers_block(file: FileHistory, extent: Extent, block: int) -> bool:
    """Whether a change of the file's map takes a whole block.

    A hole that ends behind the size takes the block in which the size ends, and a tail that
    is moved takes all of its own.
    """
    start = block * file.block_bytes
    if not extent.start <= start < extent.end:
        return False
    if start + file.block_bytes <= extent.end or extent.data is not None:
        return True
    return not extent.keeps_blocks and extent.end > file.size_at(before(extent.event))


def is_empty_durably(file: FileHistory, block: int) -> bool:
    """Whether nothing but zeros is durable in a block, so that it may not be allocated."""
    content = file.base[block * file.block_bytes : (block + 1) * file.block_bytes]
    return content.count(0) == len(content)


def is_written(file: FileHistory, block: int, since: Moment) -> bool:
    """Whether anything was written to a block after a moment."""
    start, end = block * file.block_bytes, (block + 1) * file.block_bytes
    return any(
        extent.start < end and start < extent.end and before(extent.event) >= since
        for extent in file.extents
        if not extent.is_whole
    )
