"""A failed sync: what a real file system did after one, as values.

Not here: how it is measured (`tools.models.failed_syncs`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSync:
    """What one file system did where writes of data failed with EIO under an fsync.

    A file of three old blocks has its first one overwritten and a fourth one appended, and no
    write of data reaches the device until the third sync has returned. Then its third block is
    overwritten too, and synced.
    Another file of three old blocks has a fourth one appended in vain; when the device works again,
    that block is written once more, and synced.

    Attributes:
        file_system: the file system and its variant.
        kernel: the release that was running.
        first: what the sync said whose writes failed: `0`, or the name of the error.
        memory: what the file reads as then, block by block.
        second: what one more sync of the same descriptor said, with nothing changed.
        other: what a sync said of a descriptor that was opened after that.
        later: what the sync said of what was written when the device worked again.
        dropped: what the file reads as then, once its pages have left memory.
        lost: what it is after a power loss right after that sync.
        worn_lost: what it is after a power loss when 8 MB of another file were synced besides.
        again: what the sync said of the block of the other file that was written once more.
        again_lost: what the other file is after a power loss right after that sync.
    """

    file_system: str
    kernel: str
    first: str
    memory: tuple[str, ...]
    second: str
    other: str
    later: str
    dropped: tuple[str, ...]
    lost: tuple[str, ...]
    worn_lost: tuple[str, ...]
    again: str
    again_lost: tuple[str, ...]
