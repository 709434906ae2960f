"""Freed blocks that are another file's before the freeing is durable.

ext4 with `data=writeback` gives freed blocks away at once; with `data=ordered` only once the
freeing is committed. Until then a power loss brings the old file back, with anything in them. No
persistence model says so (`explanation/decisions/0056`): such sectors are told apart here.

Not here: blocks of a file that the trace had forgotten by then.

Source: Linux, `fs/ext4/mballoc.c` (`ext4_free_blocks`: `ext4_should_writeback_data`).
"""

from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem


def may_be_reused(pending: FileSystem, file: FileHistory, sector: int) -> bool:
    """Whether a sector's block was freed, by a cut, a hole or a removal that is not durable."""
    if pending.names.has_lost_all(file.number):
        return True
    start = file.block_of(sector) * file.block_bytes
    return any(
        extent.is_whole
        and extent.data is None
        and not extent.keeps_blocks
        and extent.start <= start
        and start + file.block_bytes <= extent.end
        for extent in file.past_of(sector)
    )
