"""Tears: where a write may be cut, given where it lies in its file and what tears it.

- A kill cuts a write at the ends of pages. Linux copies a buffered write into the page cache piece
  by piece, no piece over the end of a page, and looks for a fatal signal between two of them. So
  what a kill leaves ends at a multiple of 4,096 bytes of the file: 588 of 588 writes that were torn
  by kills on Linux 6.18 (ext4 and tmpfs) did.
- A power loss cuts a write at the ends of sectors, since a device writes a sector whole or not.
- At any other byte a write is cut where a file system has other rules: NFS, FUSE, other systems.

A contract says what a store relies on by `atomic_bytes`: what lies inside so many bytes, aligned in
the file, is written whole.

Not here: a source page that is not resident, at which a piece may end too; which of the cuts are
tried (`walcrash.disk.positions`, `walcrash.values.faults.kill`).

Source: Linux, `mm/filemap.c` (`generic_perform_write`) and `fs/iomap/buffered-io.c`
(`iomap_write_iter`): `fatal_signal_pending` between two pieces; the measurement is in
`harness/walcrash/docs/reference/models/kill.md`.
"""

from typing import Final

from walcrash.values.moments import SECTOR_BYTES

PAGE_BYTES: Final = 4096
"""The unit in which Linux copies a write into memory."""

ANY_BYTE: Final = 1
"""The `atomic_bytes` of a store that relies on nothing."""

ATOMIC_BYTES: Final = (ANY_BYTE, SECTOR_BYTES, PAGE_BYTES)
"""What a contract may rely on."""

HEADER_BYTES: Final = (1, 4, 8, 12, 16, 20, 24, 32, 40, 64)
"""Where fields of headers often end, from a record's first byte."""

HEAD_BYTES: Final = 8
"""A cut within so many bytes of a record's beginning lies in its header, or in its first field."""

CHECKSUM_BYTES: Final = (1, 4, 8)
"""Where checksums at the end often begin, from a record's last byte."""


def cuts(offset_bytes: int, length_bytes: int, unit_bytes: int) -> range:
    """Return where a write may be cut: how many of its bytes are kept, in order.

    Args:
        offset_bytes: where the write begins in its file.
        length_bytes: how long it is.
        unit_bytes: what is written whole, aligned in the file.
    """
    first = unit_bytes - offset_bytes % unit_bytes
    return range(first, max(first, length_bytes), unit_bytes)


def nearest_cut(offset_bytes: int, length_bytes: int, unit_bytes: int, wanted_bytes: int) -> int:
    """Return the cut that keeps about as many bytes as are wanted; 0 where there is none.

    Of two that are as near, the one that keeps less.
    """
    every = cuts(offset_bytes, length_bytes, unit_bytes)
    if not every:
        return 0
    before = every.start + (wanted_bytes - every.start) // unit_bytes * unit_bytes
    near = [kept for kept in (before, before + unit_bytes) if kept in every]
    ends = (every[0], every[-1])
    return min(near or ends, key=lambda kept: abs(kept - wanted_bytes))


def telling_cuts(length_bytes: int) -> list[int]:
    """Return where a cut shows most: in a header, in the middle, in a checksum at the end."""
    wanted = {
        *HEADER_BYTES,
        length_bytes // 2,
        *(length_bytes - each for each in CHECKSUM_BYTES),
    }
    return sorted(kept for kept in wanted if 0 < kept < length_bytes)


def kill_unit_bytes(atomic_bytes: int) -> int:
    """Return the unit in which a kill tears, for a contract's `atomic_bytes`."""
    return ANY_BYTE if atomic_bytes == ANY_BYTE else PAGE_BYTES


def sector_bytes(atomic_bytes: int) -> int:
    """Return the unit in which a device tears, for a contract's `atomic_bytes`."""
    return max(atomic_bytes, SECTOR_BYTES)


def checked_atomic_bytes(value: object) -> int:
    """Return what a contract may have as `atomic_bytes`.

    Raises:
        ValueError: it may not; the message says what it may.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value not in ATOMIC_BYTES:
        allowed = ", ".join(map(str, ATOMIC_BYTES))
        raise ValueError(f"`atomic_bytes` is one of {allowed}; found {value!r}")
    return value
