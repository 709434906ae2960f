"""Where ext4's journal lies on its device, for a file system that puts data into it.

There the same bytes reach the device twice: in the journal, and in their own place.

Not here: what becomes of writes to either (`data_writes`).

Source: `debugfs(8)`, `stat <8>`: inode 8 is the journal's.
"""

import re
import subprocess
from typing import Final

from walcrash.blocks.file_systems import FileSystemVariant
from walcrash.values.errors import HarnessFault

_EXTENT: Final = re.compile(r"\((\d+)(?:-(\d+))?\):(\d+)")


def journal_range(variant: FileSystemVariant, device: str) -> tuple[int, int]:
    """Return where the journal begins and where it ends, in bytes; what is between is not data's.

    Raises:
        HarnessFault: `debugfs` does not say; the message has what it said.
    """
    asked = subprocess.run(
        ["debugfs", "-R", "stat <8>", device],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    said = asked.stdout.decode("utf-8", "replace")
    blocks = [
        (int(place), int(place) + int(last or first) - int(first) + 1)
        for first, last, place in _EXTENT.findall(said.partition("EXTENTS:")[2])
    ]
    if asked.returncode or not blocks:
        problem = said.strip() or asked.stderr.decode("utf-8", "replace").strip()
        raise HarnessFault(f"debugfs does not say where the journal of {device} is: {problem}")
    size = variant.block_bytes
    return min(start for start, _ in blocks) * size, max(end for _, end in blocks) * size
