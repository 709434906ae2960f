"""The fault matrix: which calls were struck by which fault, and what came of each.

A row is one kind of call: what was called, on which kind of file, during which operation. Its
columns are faults: an error by its name, a short transfer, a full disk, a call that is slow. A cell
says how often the fault fell there, by what became of it. What a whole boot has around it has rows
of its own, the first boot and later ones, with a column for each kind of jump of the clock; and so
has damage at rest, one for each kind of file.

Opens of files that are there, reads and closes are in no trace, so a row of these is known only
where one was struck.

Not here: how a case is read into rows (`walcrash.case.fault_rows`), layout (`report`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated, Final, TypeVar

from walcrash.values.damage import DamageKind
from walcrash.values.event import EventKind
from walcrash.values.faults.calls import ERRORS, TRANSFERS, ErrorName, FaultCall
from walcrash.values.faults.clock_jump import JUMP_NAMES
from walcrash.values.faults.quota import TAKES_ROOM
from walcrash.values.faults.slow_call import SLOW_CALLS
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.forms import SPARSE, Count, FileName, Row
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.role import has_random, role_glob

SHORT: Final = "short"
"""The column of transfers that moved a part."""

FULL_DISK: Final = "full disk"
"""The column of calls that had no room, or room for a part."""

SLOW: Final = "slow"
"""The column of calls that took long."""

REPEATED_RANDOM: Final = "repeated random"
"""The column of boots whose random bytes repeat."""


class FaultOutcome(Enum):
    """What became of the operation into which a fault fell, of a whole boot, or of damage at rest.

    - `refused`: it said so, and a later operation of its boot was acknowledged, or none was asked.
    - `reopened`: it said so, and so did all that was asked later in its boot; the next opening
      took it up again.
    - `ended`: the process ended.
    - `retried`: the call was made again and did what was asked; acknowledged, nothing was broken.
    - `kept`: acknowledged without another try, and nothing was broken.
    - `cut off`: a crash ended the boot before the operation's reply.
    - `waited`: nothing went on during a slow call: all other threads waited for it, or there are
      none.
    - `no effect`: random bytes that repeat and that nobody asked for, or of which no other boot had
      the same.
    - `wrong`: a rule was broken that holds without the fault.
    - `hung`: it came to no end.
    - `reported`: what was damaged was refused, or ended the process.
    - `unharmed`: what was damaged shows the same records as before.
    - `shorter`: it shows other records than before, where nothing that is left proves the damage.
    - `not judged`: nothing was judged of it, or what broke a rule may be another thing in the case.
    """

    REFUSED = "refused"
    REOPENED = "reopened"
    ENDED = "ended"
    RETRIED = "retried"
    KEPT = "kept"
    CUT_OFF = "cut off"
    WAITED = "waited"
    NO_EFFECT = "no effect"
    REPORTED = "reported"
    UNHARMED = "unharmed"
    SHORTER = "shorter"
    WRONG = "wrong"
    HUNG = "hung"
    UNJUDGED = "not judged"


Outcomes = Mapping[FaultOutcome, Count]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow(Row):
    """One kind of call, with the faults that fell on it.

    Attributes:
        operation: what the workload was doing; None where nothing was asked yet.
        record: the type of the record, where that was an append.
        call: the kind of call; `fdatasync` is `fsync`, and `rmdir` is `unlink`.
        role: the name that it acted on, as `role_of` gives it.
        made: how many such calls the recorded boots made, those that were struck included.
        struck: for each fault that fell there, what became of it, with how often.
        never: faults that the scenario asks for and the kernel can give there, and that fell on
            none of them.
    """

    operation: OperationKind | None
    record: RecordType | None
    call: EventKind
    role: FileName
    made: Count = 0
    struck: Mapping[str, Outcomes] = field(default_factory=dict)
    never: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, str, str, str]:
        """What tells it from other rows, in the order of rows."""
        operation = "" if self.operation is None else self.operation.value
        record = "" if self.record is None else self.record.value
        return CALL_KINDS.index(self.call), self.role, operation, record

    @property
    def possible(self) -> tuple[str, ...]:
        """The faults that the kernel can give there, in the order of columns."""
        return faults_of(self.call)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootRow(Row):
    """Boots that had another wall clock, or random bytes that repeat.

    Attributes:
        is_later: whether another boot came before.
        made: how many such boots were recorded, those without such a fault included.
        struck: for each jump of the clock (`clock days behind`), and for `repeated random`, what
            became of the boots, with how often.
        never: what was asked for and no such boot had.
    """

    is_later: bool
    made: Count = 0
    struck: Mapping[str, Outcomes] = field(default_factory=dict)
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageRow(Row):
    """One kind of file that was damaged at rest.

    Attributes:
        role: its name, as `role_of` gives it.
        struck: for each kind of damage what became of it, with how often.
        never: kinds that were asked for and that no image had.
    """

    role: FileName
    struck: Mapping[str, Outcomes] = field(default_factory=dict)
    never: tuple[str, ...] = ()


AnyRow = CallRow | BootRow | DamageRow
"""A row of any part of the matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentFault(Row):
    """A fault of a scenario that no call fits which its cases made.

    Attributes:
        kind: as the scenario has it.
        files, calls, operations: those keys of it that keep it from every call; the others are
            empty.
    """

    kind: str
    files: str = ""
    calls: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    @property
    def keys(self) -> str:
        """The keys as a scenario has them: `calls = ["rename"]`."""
        stated = {"files": self.files, "calls": self.calls, "operations": self.operations}
        return ", ".join(f"{key} = {json.dumps(value)}" for key, value in stated.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultMatrix:
    """What injected faults and damage at rest fell on, and what came of it.

    Attributes:
        calls: the rows of calls, in the order of `CallRow.place`.
        boots: the rows of whole boots, the first boot before later ones.
        damaged: the rows of damage at rest, by the name of the file.
        absent: the faults that no call fits.
        renamed: the names that files got by a rename or a link, as `role_of` gives them; of a
            case, and not of a scenario.
    """

    calls: Annotated[tuple[CallRow, ...], SPARSE] = ()
    boots: Annotated[tuple[BootRow, ...], SPARSE] = ()
    damaged: Annotated[tuple[DamageRow, ...], SPARSE] = ()
    absent: Annotated[tuple[AbsentFault, ...], SPARSE] = ()
    renamed: Annotated[tuple[FileName, ...], SPARSE] = ()

    @classmethod
    def sum(cls, parts: Iterable["FaultMatrix"]) -> "FaultMatrix":
        """Return several as one: counts add up, and what one of them struck was reached."""
        every = list(parts)
        calls: dict[tuple[int, str, str, str], CallRow] = {}
        folded = _folds({row.role for part in every for row in part.calls})
        for one in (row for part in every for row in part.calls):
            row = replace(one, role=folded[one.role]) if one.role in folded else one
            known = calls.get(row.place)
            calls[row.place] = row if known is None else _together(known, row)
        boots: dict[bool, BootRow] = {}
        for boot in (boot for part in every for boot in part.boots):
            seen = boots.get(boot.is_later)
            boots[boot.is_later] = boot if seen is None else _together(seen, boot)
        damaged: dict[str, DamageRow] = {}
        for each in (each for part in every for each in part.damaged):
            before = damaged.get(each.role, DamageRow(role=each.role))
            struck = added((before.struck, each.struck))
            never = tuple(in_order({*before.never, *each.never} - struck.keys()))
            damaged[each.role] = DamageRow(role=each.role, struck=struck, never=never)
        return cls(
            calls=tuple(row for _, row in sorted(calls.items())),
            boots=tuple(row for _, row in sorted(boots.items())),
            damaged=tuple(row for _, row in sorted(damaged.items())),
            absent=tuple(
                each for each in every[0].absent if all(each in part.absent for part in every)
            )
            if every
            else (),
            renamed=tuple(sorted({role for part in every for role in part.renamed})),
        )

    @property
    def rows(self) -> list[AnyRow]:
        """All rows, those of calls first, those of damage at rest last."""
        return [*self.calls, *self.boots, *self.damaged]

    @property
    def cells(self) -> list[tuple[Mapping[str, Outcomes], tuple[str, ...]]]:
        """For each row the cells that were reached, and those that were not."""
        return [(row.struck, row.never) for row in self.rows]

    @property
    def reached(self) -> int:
        """How many cells a fault fell on."""
        return sum(len(struck) for struck, _ in self.cells)

    @property
    def never(self) -> int:
        """How many cells were asked for and not reached."""
        return sum(len(never) for _, never in self.cells)

    @property
    def outcomes(self) -> Counter[FaultOutcome]:
        """How often each outcome came of all faults."""
        total: Counter[FaultOutcome] = Counter()
        for struck, _ in self.cells:
            for found in struck.values():
                total.update(found)
        return total


NO_FAULTS: Final = FaultMatrix()
"""The matrix of a case into which nothing was injected."""


def added(parts: Iterable[Mapping[str, Outcomes]]) -> dict[str, Outcomes]:
    """Return the outcomes of several as one, in the order of columns and of outcomes."""
    total: dict[str, Counter[FaultOutcome]] = {}
    for part in parts:
        for column, outcomes in part.items():
            total.setdefault(column, Counter()).update(outcomes)
    return {
        column: {each: total[column][each] for each in FaultOutcome if total[column][each]}
        for column in in_order(total)
    }


def in_order(columns: Iterable[str]) -> list[str]:
    """Return columns in the order in which they are shown."""
    return sorted(set(columns), key=_rank)


def faults_of(call: EventKind) -> tuple[str, ...]:
    """Return the faults that the kernel can give for a call, in the order of columns."""
    names = [error.value for error in ERRORS[_CALLS[call]]] if call in _CALLS else []
    if _CALLS.get(call) is FaultCall.FSYNC:
        names += [each.column(ErrorName.EIO.value) for each in _ODD_SYNCS]
    names += [SHORT] if _CALLS.get(call) in TRANSFERS else []
    names += [FULL_DISK] if call in TAKES_ROOM else []
    return tuple([*names, SLOW] if _CALLS.get(call) in SLOW_CALLS else names)


def call_kind(kind: EventKind) -> EventKind:
    """Return the kind under which a call has its row."""
    return _SAME.get(kind, kind)


def _folds(roles: set[str]) -> dict[str, str]:
    """Return the roles that are another one with `*`: six random letters can look like a word."""
    drawn = [role for role in roles if has_random(role)]
    return {
        role: other
        for other in sorted(drawn)
        for role in roles - set(drawn)
        if fnmatchcase(role, role_glob(other))
    }


_R = TypeVar("_R", CallRow, BootRow)


def _together(one: _R, other: _R) -> _R:
    struck = added((one.struck, other.struck))
    never = tuple(in_order({*one.never, *other.never} - struck.keys()))
    return replace(one, made=one.made + other.made, struck=struck, never=never)


def _rank(column: str) -> tuple[int, str]:
    """Return what orders columns: errors as the table of calls names them, then the rest."""
    return (COLUMNS.index(column) if column in COLUMNS else len(COLUMNS), column)


_SAME: Final = {EventKind.FDATASYNC: EventKind.FSYNC, EventKind.RMDIR: EventKind.UNLINK}

_CALLS: Final[Mapping[EventKind, FaultCall]] = {
    call_kind(kind): call for call in FaultCall for kind in call.kinds
}

CALL_KINDS: Final = tuple(EventKind)
"""The kinds of calls, in the order of rows."""

_ODD_SYNCS: Final = tuple(each for each in SyncFailure if each is not SyncFailure.KEPT)
"""How a sync fails where a scenario asks for it."""

COLUMNS: Final = (
    *dict.fromkeys(error.value for errors in ERRORS.values() for error in errors),
    *(each.column(ErrorName.EIO.value) for each in _ODD_SYNCS),
    SHORT,
    FULL_DISK,
    SLOW,
    *JUMP_NAMES,
    REPEATED_RANDOM,
    *(kind.value for kind in DamageKind),
)
"""All columns, in the order in which they are shown."""
