"""Written: how far the size follows the blocks of a file that were written.

A file whose last blocks were lost to a failed sync may keep the size that it had before them,
though a later sync succeeds: XFS sets the size when a write has ended, and none of these has.

Not here: which sizes a model allows (`sizes`, `model_posix`).

Source: Linux, `fs/xfs/xfs_aops.c` (`xfs_end_ioend`); measured with `walcrash models failed-sync`.
"""

from collections.abc import Collection, Sequence

from walcrash.disk.extents import Extent, SizeChange
from walcrash.values.moments import sectors_of


def written_size(
    known: int,
    sizes: Sequence[SizeChange],
    extents: Sequence[Extent],
    lost: Collection[int],
    sector_bytes: int,
) -> int:
    """Return the size that was set last, or the end of a block written since, if later.

    Args:
        known: the size before all of these changes.
        sizes: changes of size, in order.
        extents: changes of content, in order.
        lost: the sectors that were not written.
        sector_bytes: the unit.
    """
    size = next((change.size for change in reversed(sizes) if change.is_explicit), known)
    for extent in extents:
        if extent.is_whole or extent.end <= size:
            continue
        sectors = sectors_of(extent.start, extent.end, sector_bytes)
        kept = next((sector for sector in reversed(sectors) if sector not in lost), None)
        if kept is not None:
            size = max(size, min(extent.end, (kept + 1) * sector_bytes))
    return size
