"""Judging a log that survived an incident, offline: read once, in flat memory, never changed.

The judgement is about what lies on the disk. That records are missing from the end of a sound
log, nobody can see in it.

Not here: walking each format (`vixw`, `reference`), what is shown (`report`).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from walcrash.tools.verify import reference as verify_reference
from walcrash.tools.verify import vixw as verify_vixw
from walcrash.tools.verify.open import opened_to_read
from walcrash.tools.verify.operations import FoundRecord, OperationTable
from walcrash.tools.verify.side_files import SideFiles, read_side_files
from walcrash.values.errors import UsageError
from walcrash.values.record import RecordType
from walcrash.values.verified import Flaw, FlawKind, LogFormat, LogRow, VerifiedLog
from walcrash.wal.chunks import ChunkedFile
from walcrash.wal.directory import LOG_NAME
from walcrash.wal.errors import DamagedLog, UnsupportedVersion
from walcrash.wal.layout import LOG_HEADER_BYTES, LOG_MAGIC, RECORD_HEADER_BYTES, LogHeader
from walcrash.wal.reader import LogReader
from walcrash.wal.vixw import HEADER_BYTES, START, VixwReader

# limits
FLAWS_KEPT: Final = 20
"""Flaws of each kind that are kept; all are counted."""

_BLIND_SPOTS: Final = {
    LogFormat.VIXW: verify_vixw.BLIND_SPOTS,
    LogFormat.REFERENCE: verify_reference.BLIND_SPOTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to judge.

    Attributes:
        path: the log; for the reference format also its directory.
        format: how to read it.
        checkpoint: a checkpoint to hold against it, where the format has no file for it.
        operations: most operations to list.
    """

    path: Path
    format: LogFormat
    checkpoint: int | None = None
    operations: int = 20


def verify_log(request: VerifyRequest, *, on_row: Callable[[LogRow], None]) -> VerifiedLog:
    """Read and judge a log; each record that can be read is handed to `on_row`, in order.

    Raises:
        UsageError: there is no such log, it cannot be read, or it is of another format.
        Inconclusive: it was changed meanwhile.
    """
    if request.format is LogFormat.VIXW:
        return _verify_vixw(request, on_row)
    if request.checkpoint is not None:
        raise UsageError(
            "the reference format has a checkpoint file of its own; `--checkpoint` is for vixw",
            hint="leave --checkpoint out",
        )
    return _verify_reference(request, on_row)


def _verify_vixw(request: VerifyRequest, on_row: Callable[[LogRow], None]) -> VerifiedLog:
    with ExitStack() as stack:
        fd = _entered(stack, request.path)
        reader = VixwReader(fd)
        if reader.file.read(0, len(LOG_MAGIC)) == LOG_MAGIC:
            raise _other_format(request.path, LogFormat.REFERENCE)
        sides = SideFiles(checkpoint=request.checkpoint)
        size = reader.file.size_bytes
        judging = _Judging(request, request.path, on_row, sides, first=0, end=size)
        judging.read(verify_vixw.walk_vixw(reader), stack)
        return judging.result(size)


def _verify_reference(request: VerifyRequest, on_row: Callable[[LogRow], None]) -> VerifiedLog:
    path = request.path
    directory = path if os.path.isdir(path) else path.parent
    is_store = os.path.isdir(path) or path.name == LOG_NAME
    sides = read_side_files(directory) if is_store else SideFiles()
    with ExitStack() as stack:
        path = directory / LOG_NAME if os.path.isdir(path) else path
        if not os.path.lexists(path) and sides.floor > 0:
            return _gone(request, path, sides)
        fd = _entered(stack, path)
        file = ChunkedFile(fd)
        head = file.read(0, LOG_HEADER_BYTES)
        if head.startswith(START):
            raise _other_format(path, LogFormat.VIXW)
        try:
            header = LogHeader.decode(head, path=str(path))
        except UnsupportedVersion as newer:
            raise UsageError(newer.message, hint=newer.hint) from newer
        except DamagedLog as bad:
            return _headless(request, path, sides, file, bad.message)
        reader = LogReader(fd, header, path=str(path))
        base = header.base_offset
        judging = _Judging(request, path, on_row, sides, first=base, end=reader.limit)
        judging.compacted_below = header.compacted_below
        judging.read(verify_reference.walk_reference(reader, file, sides.floor), stack)
        return judging.result(file.size_bytes)


def _entered(stack: ExitStack, path: Path) -> int:
    try:
        return stack.enter_context(opened_to_read(path))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}", hint=f"ls {path.parent}") from None


def _other_format(path: Path, found: LogFormat) -> UsageError:
    return UsageError(
        f"{path} starts as a log of the format {found.value} does",
        hint=f"walcrash verify {path} --format {found.value}",
    )


def _gone(request: VerifyRequest, path: Path, sides: SideFiles) -> VerifiedLog:
    message = f"{path} is gone, though records up to {sides.floor} were applied"
    judging = _Judging(request, path, lambda _: None, sides, first=0, end=0)
    judging.note(Flaw(kind=FlawKind.DAMAGE, is_damage=True, message=message))
    return judging.result(0)


def _headless(
    request: VerifyRequest, path: Path, sides: SideFiles, file: ChunkedFile, message: str
) -> VerifiedLog:
    """Return the judgement of a file whose header says nothing, so that no offset is known."""
    position, data = verify_vixw.around(file, 0)
    judging = _Judging(request, path, lambda _: None, sides, first=0, end=0)
    judging.note(
        Flaw(
            kind=FlawKind.DAMAGE,
            is_damage=True,
            message=f"{message}. Without its header no record of it can be read",
            length_bytes=file.size_bytes,
            position=position,
            data=data,
        )
    )
    return judging.result(file.size_bytes)


@dataclass(slots=True)
class _Boundaries:
    """Which of some offsets is one at which a record starts or ends."""

    wanted: frozenset[int]
    met: set[int] = field(default_factory=set)

    def see(self, offset: int) -> None:
        if offset in self.wanted:
            self.met.add(offset)


class _Judging:
    """One pass over a log."""

    def __init__(
        self,
        request: VerifyRequest,
        path: Path,
        on_row: Callable[[LogRow], None],
        sides: SideFiles,
        *,
        first: int,
        end: int,
    ) -> None:
        self._request = request
        self._path = path
        self._on_row = on_row
        self._sides = sides
        self._first = self._good = first
        self._end = end
        self._has_gap = False
        self._boundaries = _Boundaries(
            frozenset(o for o in (sides.checkpoint, sides.applied) if o is not None)
        )
        self._counts: Counter[RecordType] = Counter()
        self._flaw_counts: Counter[FlawKind] = Counter()
        self._damage_count = 0
        self._flaws: list[Flaw] = []
        self._table: OperationTable | None = None
        self.compacted_below = 0
        for flaw in sides.flaws:
            self.note(flaw)

    def read(self, found: Iterator[FoundRecord | Flaw], stack: ExitStack) -> None:
        """Take in all that a walk yields."""
        self._table = stack.enter_context(OperationTable.opened())
        self._boundaries.see(self._first)
        for item in found:
            if isinstance(item, Flaw):
                self._has_gap = self._has_gap or item.kind in _GAPS
                self.note(item)
            else:
                self._take(item, self._table)
        self._check_side(self._sides.checkpoint, FlawKind.CHECKPOINT, "the checkpoint")
        self._check_side(self._sides.applied, FlawKind.STATE, "the state file's offset")

    def note(self, flaw: Flaw) -> None:
        """Count a flaw, and keep it if it is one of the first of its kind."""
        self._flaw_counts[flaw.kind] += 1
        self._damage_count += flaw.is_damage
        if self._flaw_counts[flaw.kind] <= FLAWS_KEPT:
            self._flaws.append(flaw)

    def result(self, size_bytes: int) -> VerifiedLog:
        """Return all that was found."""
        table = self._table
        return VerifiedLog(
            path=str(self._path),
            format=self._request.format,
            size_bytes=size_bytes,
            record_counts={kind: self._counts[kind] for kind in RecordType},
            first_offset=self._first,
            last_good_offset=self._good,
            end_offset=self._end,
            checkpoint=self._sides.checkpoint,
            applied=self._sides.applied,
            flaws=tuple(self._flaws),
            flaw_counts=dict(self._flaw_counts),
            damage_count=self._damage_count,
            operation_counts=table.counts() if table else {},
            operations=table.unfinished(self._request.operations) if table else (),
            blind_spots=_BLIND_SPOTS[self._request.format],
        )

    def _take(self, found: FoundRecord, table: OperationTable) -> None:
        row = found.row
        self._counts[row.type] += 1
        end = row.offset + self._header_bytes + row.id_bytes + row.payload_bytes + row.error_bytes
        self._boundaries.see(row.offset)
        self._boundaries.see(end)
        if not self._has_gap:
            self._good = end
        self._on_row(row)
        if not table.take(found):
            self.note(self._without_put(row))

    @property
    def _header_bytes(self) -> int:
        is_vixw = self._request.format is LogFormat.VIXW
        return HEADER_BYTES if is_vixw else RECORD_HEADER_BYTES

    def _without_put(self, row: LogRow) -> Flaw:
        is_vixw = self._request.format is LogFormat.VIXW
        if is_vixw:
            why = "its PutOperation is lost, or one of the two ids was changed"
        elif self._has_gap:
            why = "its PutOperation lies in what is damaged, or was never there"
        elif self.compacted_below:
            why = "its PutOperation was compacted away, or was never there"
        else:
            why = "the log is whole before it, so that its PutOperation was never there"
        return Flaw(
            kind=FlawKind.MARK_WITHOUT_PUT,
            is_damage=is_vixw,
            message=f"{row.type.value} {row.id} at {row.offset} has no PutOperation: {why}",
            offset=row.offset,
        )

    def _check_side(self, offset: int | None, kind: FlawKind, what: str) -> None:
        """Hold an offset against the log; -1 is what Vix.cpp has for a log without a record."""
        count = sum(self._counts.values())
        if offset is None or (offset == -1 and not count) or (offset == 0 and self._first == 0):
            return
        problem = ""
        if offset > self._end:
            problem = f"ahead of the log, which ends at {self._end}"
        elif -1 < offset < max(self._first, self.compacted_below):
            problem = f"below {max(self._first, self.compacted_below)}, where the log was compacted"
        elif offset == -1:
            problem = (
                "what replay returns for a log without a record, and this one has "
                f"{count:,}; no replay starts there"
            )
        elif offset not in self._boundaries.met:
            problem = "no offset at which a record starts or ends"
        if offset == 0 and problem:
            problem = f"0, though the log was compacted below {self.compacted_below}"
        if problem:
            self.note(Flaw(kind=kind, is_damage=True, message=f"{what} is {offset}: {problem}"))


_GAPS: Final = (FlawKind.TORN_TAIL, FlawKind.DAMAGE)
