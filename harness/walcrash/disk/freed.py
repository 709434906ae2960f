"""Freed blocks: what other files held that were removed or replaced earlier in the trace.

A file system may allocate their blocks to a file that grows. If its size is durable before its
content, they show what they held before: for a log those are the worst stale bytes, since old
records are whole and have the right checksums. So a block is taken from the place in the old
file where it fits: the same offset, in the file that was freed last and has anything there.

Not here: what was freed before the image that the trace begins with; blocks that were punched
out or truncated, which their own file may show again anyway.
"""

from collections import deque
from typing import Final

from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import Moment

# limits
MOST_FREED_FILES: Final = 4
"""Files of which the content is kept after they are gone."""

_EVER: Final[Moment] = 1 << 100


class Freed:
    """The files that were freed last."""

    __slots__ = ("_files",)

    def __init__(self) -> None:
        self._files: deque[tuple[FileHistory, int | None]] = deque(maxlen=MOST_FREED_FILES)

    def add(self, file: FileHistory, replaced_by: int | None) -> None:
        """Note that no name leads to a file any more, and which file took the last one."""
        self._files.append((file, replaced_by))

    def sector(self, asking: FileHistory, sector: int) -> bytes | None:
        """Return what a sector of another file held at the same place; None if none did."""
        for file, replaced_by in reversed(self._files):
            # With the content that it has replaced, the new file would look like the old one.
            if asking is not file and asking.number != replaced_by:
                content = file.sector(sector, _EVER)
                if any(content):
                    return content
        return None
