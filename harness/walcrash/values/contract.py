"""The contract: what a subject promises, and so what a verdict is about.

Most losses of real engines are documented settings, not bugs. The contract is stated by the
scenario (or by a built-in adapter for its own settings), never by the driver under test.

Source: `harness/walcrash/docs/reference/driver-protocol.md`, section `[contract]`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from walcrash.values.forms import As, Whole
from walcrash.values.limits import INTEGER_64
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.persistence import PersistenceModel as PersistenceModel
from walcrash.values.quick_enum import QuickEnum
from walcrash.values.tears import checked_atomic_bytes


class Acknowledges(Enum):
    """When a record is promised: when `append`, or when the next `sync`, has replied."""

    APPEND = "append"
    SYNC = "sync"


class Promise(QuickEnum):
    """What is there after a crash: all promised records, a prefix of the appended, or nothing."""

    ALL = "all"
    PREFIX = "prefix"
    NONE = "none"


class Damage(Enum):
    """Damage that recovery must notice: a torn write, or bytes that went bad at rest."""

    TORN = "torn"
    ROT = "rot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a subject promises.

    Attributes:
        acknowledges: when a record counts as acknowledged.
        kill: what is there after the process was killed.
        power: what is there after a power loss.
        model: the weakest persistence model that the power promise covers.
        detects: damage that recovery must notice.
        max_attempts: failed attempts after which an operation is permanently failed; None
            where the subject does not say, and then `failed` and `permanent_failed` are one.
        atomic_bytes: what lies inside so many bytes, aligned in the file, is relied upon to be
            written whole: 512 (a sector), 4096 (a page), or 1 for nothing.
    """

    acknowledges: Acknowledges = Acknowledges.APPEND
    kill: Promise = Promise.ALL
    power: Promise = Promise.ALL
    model: PersistenceModel = PersistenceModel.EXT4
    detects: frozenset[Damage] = frozenset()
    max_attempts: Annotated[int, Whole(1, INTEGER_64 - 1)] | None = None
    atomic_bytes: Annotated[int, As(int, int, checked_atomic_bytes)] = SECTOR_BYTES
