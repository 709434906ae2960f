"""Drawn workloads: calls that a seed chooses, with what programs seldom put side by side.

Not here: the calls (`steps`).
"""

import os
from typing import Final

from walcrash.tools.models.steps import KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, Step
from walcrash.values.image import DirectoryEntry, Entry, FileEntry
from walcrash.values.seed import Prng

_NAMES: Final = ("a", "b", "c", "d/a", "d/b", "e")
_LENGTHS: Final = (1, 100, 512, 700, 4095, 4096, 4097, 9000, 20_000)
_OFFSETS: Final = (0, 0, 1, 511, 512, 1000, 4095, 4096, 5000, 12_288, 60_000)
_SLOTS: Final = 3

# limits
FEWEST_STEPS: Final = 6
MOST_STEPS: Final = 26

BASE: Final[dict[str, Entry]] = {
    "a": FileEntry(b"o" * 5000, 0o644),
    "b": FileEntry(b"p" * 700, 0o644),
    "d": DirectoryEntry(0o755),
    "d/a": FileEntry(b"q" * 13_000, 0o600),
}
"""The files that are there and durable at the start."""

_WEIGHTS: Final = {
    "open": 9, "open-empty": 2, "open-nameless": 1, "name": 1, "write": 9, "append": 12,
    "write-through": 3, "truncate": 4, "allocate": 4, "store": 3, "msync": 2, "close": 4,
    "fsync": 6, "fdatasync": 6, "sync-directory": 4, "sync": 1, "rename": 7, "link": 2,
    "symlink": 1, "unlink": 4, "mkdir": 2, "rmdir": 1, "chmod": 1, "pause": 6,
}  # fmt: skip


def draw_steps(prng: Prng) -> tuple[Step, ...]:
    """Return the steps of one workload."""
    kinds, weights = tuple(_WEIGHTS), tuple(_WEIGHTS.values())
    count = prng.between(FEWEST_STEPS, MOST_STEPS)
    steps = [("open", slot, prng.choice(_NAMES)) for slot in range(_SLOTS)]
    drawn = [_draw(prng, prng.weighted(kinds, weights), number) for number in range(count)]
    return (*steps, *drawn)


def _draw(prng: Prng, kind: str, number: int) -> Step:
    slot, letter = prng.below(_SLOTS), ord("A") + number % 26
    length, offset = prng.choice(_LENGTHS), prng.choice(_OFFSETS)
    path, other = prng.choice(_NAMES), prng.choice(_NAMES)
    mode = prng.choice((0, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE))
    drawn: dict[str, Step] = {
        "open": ("open", slot, path),
        "open-empty": ("open", slot, path, os.O_TRUNC),
        "open-nameless": ("open-nameless", slot),
        "name": ("name", slot, path),
        "write": ("write", slot, offset, length, letter),
        "append": ("append", slot, length, letter),
        "write-through": ("write-through", slot, offset, length, letter),
        "truncate": ("truncate", slot, prng.choice((0, 0, 1, 100, offset, length))),
        "allocate": ("allocate", slot, mode, offset, length),
        "store": ("store", slot, offset, length, letter),
        "msync": ("msync", slot, offset, length),
        "sync-directory": ("sync-directory", prng.choice((".", ".", "d"))),
        "sync": ("sync",),
        "rename": ("rename", path, other),
        "link": ("link", path, other),
        "symlink": ("symlink", "a", path),
        "unlink": ("unlink", path),
        "mkdir": ("mkdir", prng.choice(("e", "d/d"))),
        "rmdir": ("rmdir", prng.choice(("e", "d/d"))),
        "chmod": ("chmod", path, prng.choice((0o600, 0o640, 0o400))),
        "pause": ("pause", prng.choice((1, 5, 12))),
    }
    return drawn.get(kind, (kind, slot))
