"""Damage at rest: bytes of an image that went bad after they had been written.

Not here: which damage is drawn and how it changes an image (`walcrash.disk.rot`), what a subject
has to notice of it (`walcrash.oracle.silent_rot`).

Source: Bairavasundaram et al., "An Analysis of Data Corruption in the Storage Stack", FAST 2008:
bit corruption, lost and misdirected writes, torn sectors; Ganesan et al., FAST 2017.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from walcrash.values.forms import SPARSE, Count, FileName


class DamageKind(Enum):
    """What went bad; the value is its name in scenarios."""

    BIT = "bit"
    ZEROS = "zeros"
    STALE = "stale"
    SWAPPED = "swapped"
    MISDIRECTED = "misdirected"
    CUT = "cut"
    REMOVED = "removed"
    OLDER = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageAtRest:
    """One damage to one file.

    Attributes:
        kind: what went bad.
        path: the file.
        offset: the first byte; for `cut` the length that is left.
        length: how many bytes; 0 where the kind says it.
        bit: for `bit` which bit of the byte, from the lowest.
        other_offset: for `swapped` and `misdirected` where the other sector is.
        version: for `stale` and `older` which earlier content of the file, from 0.
    """

    kind: DamageKind
    path: FileName
    offset: Annotated[Count, SPARSE] = 0
    length: Annotated[Count, SPARSE] = 0
    bit: Annotated[Count, SPARSE] = 0
    other_offset: Annotated[Count, SPARSE] = 0
    version: Annotated[Count, SPARSE] = 0

    def __str__(self) -> str:
        """Return the form that reports use: `bit 3 of byte 41 of wal.log is flipped`."""
        last = self.offset + self.length - 1
        span = f"bytes {self.offset}-{last} of {self.path}"
        match self.kind:
            case DamageKind.BIT:
                return f"bit {self.bit} of byte {self.offset} of {self.path} is flipped"
            case DamageKind.ZEROS:
                return f"{span} are zeros"
            case DamageKind.STALE:
                return f"{span} are what they were earlier"
            case DamageKind.SWAPPED:
                return f"{span} have changed places with those at {self.other_offset}"
            case DamageKind.MISDIRECTED:
                return f"{span} are those at {self.other_offset}"
            case DamageKind.CUT:
                return f"{self.path} is cut to {self.offset} bytes"
            case DamageKind.REMOVED:
                return f"{self.path} is removed"
            case DamageKind.OLDER:
                return f"{self.path} is what it was earlier"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Author:
    """The call that wrote bytes: the boot, from 1, and the position among its calls, from 0."""

    boot: Count
    call: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotted:
    """What was damaged before a recovery.

    Attributes:
        damage: the damage.
        authors: the calls that had written the bytes that are others now, the first one first;
            empty where that is not known.
    """

    damage: DamageAtRest
    authors: tuple[Author, ...] = ()
