"""What is said of a log that was judged offline: as text, or as JSON with a version.

Rows are printed while the log is read, so that its length does not matter. Text ends with the
verdict, since it is known only then.

Not here: the judging (`tools.verify.verify`); the JSON form in words
(`harness/walcrash/docs/reference/verify.md`).
"""

import json
import shutil
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from walcrash.report.output import publish, wants_color
from walcrash.report.text import block, counted, escape, shorten
from walcrash.values.errors import ExitCode
from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.values.verified import Flaw, FlawKind, LogOperation, LogRow, VerifiedLog

VERSION: Final = 1
"""Of the JSON form."""

# limits
ROWS_AT_EACH_END: Final = 10
"""Records that are shown from the start and from the end of a long log."""

ROWS_AT_ONCE: Final = 500
"""Rows that are printed in one write."""

ID_CHARACTERS: Final = 60
"""Longest id in a table."""

NARROWEST: Final = 60
"""Columns that are used even on a narrower terminal."""

_LABEL_WIDTH: Final = 18
_HEX_LINE: Final = 16
_ROW: Final = "  {:>9}  {:>13}  {:<12}  {:>14}  {:>8}  {:>6}  {:>14}  {}"
_HEAD: Final = _ROW.format(
    "record", "offset", "type", "ts_ms", "payload", "error", "next_retry_ms", "id"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RowRange:
    """Which records are shown, by number from 1; `last` None is to the end."""

    first: int = 1
    last: int | None = None


class VerifyPrinter:
    """Prints rows as they come, and the rest at the end."""

    def __init__(self, rows: RowRange | None, *, as_json: bool, color: bool) -> None:
        """Make a printer.

        Args:
            rows: which records to show; None shows the first and the last.
            as_json: JSON in place of text.
            color: whether colours are wanted.
        """
        self._rows = rows
        self._as_json = as_json
        self._color = color
        self._lines: list[str] = []
        self._last: deque[LogRow] = deque(maxlen=ROWS_AT_EACH_END)
        self._is_started = False
        self._total = 0
        self._shown = 0

    def row(self, row: LogRow) -> None:
        """Take one record of the log."""
        self._total += 1
        if self._rows is None:
            if row.number <= ROWS_AT_EACH_END:
                self._show(row)
            else:
                self._last.append(row)
        elif row.number >= self._rows.first and (
            self._rows.last is None or row.number <= self._rows.last
        ):
            self._show(row)

    def finish(self, verified: VerifiedLog) -> ExitCode:
        """Print the rest, and return the exit code."""
        left_out = self._total - self._shown - len(self._last)
        if self._rows is None and left_out and not self._as_json:
            self._line(f"  ... {counted(left_out, 'record')} in between; --records all shows them")
        for row in self._last:
            self._show(row)
        if self._as_json:
            self._start()
            self._flush()
            publish(f"\n],\n{json.dumps(verified_json(verified), indent=1)[2:]}")
        else:
            self._flush()
            width = max(NARROWEST, shutil.get_terminal_size((100, 0)).columns)
            publish(verified_text(verified, width=width), color=self._color)
        return ExitCode.PASSED if verified.is_sound else ExitCode.FINDINGS

    def _show(self, row: LogRow) -> None:
        self._shown += 1
        self._start()
        if self._as_json:
            comma = "" if self._shown == 1 else ",\n"
            self._line(comma + json.dumps(row_json(row)))
        else:
            self._line(_row_text(row))

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        head = f'{{\n "format": "walcrash-verify",\n "version": {VERSION},\n "rows": [\n'
        self._line(head if self._as_json else _HEAD)

    def _line(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._lines:
            publish(("" if self._as_json else "\n").join(self._lines), end=self._end)
        self._lines.clear()

    @property
    def _end(self) -> str:
        return "" if self._as_json else "\n"


def make_printer(rows: RowRange | None, *, as_json: bool) -> VerifyPrinter:
    """Return a printer for stdout as it is."""
    import os
    import sys

    return VerifyPrinter(rows, as_json=as_json, color=wants_color(sys.stdout, os.environ))


def verified_json(verified: VerifiedLog) -> dict[str, object]:
    """Return all but the rows."""
    return {
        "path": verified.path,
        "log_format": verified.format.value,
        "size_bytes": verified.size_bytes,
        "verdict": "pass" if verified.is_sound else "fail",
        "records": {kind.value: number for kind, number in verified.record_counts.items()},
        "first_offset": verified.first_offset,
        "last_good_offset": verified.last_good_offset,
        "end_offset": verified.end_offset,
        "checkpoint": verified.checkpoint,
        "applied": verified.applied,
        "damage_count": verified.damage_count,
        "flaw_counts": {kind.value: verified.flaw_counts.get(kind, 0) for kind in FlawKind},
        "flaws": [_flaw_json(flaw) for flaw in verified.flaws],
        "operation_counts": {
            status.value: verified.operation_counts.get(status, 0) for status in _STATUSES
        },
        "operations": [_operation_json(operation) for operation in verified.operations],
        "blind_spots": list(verified.blind_spots),
    }


def row_json(row: LogRow) -> dict[str, object]:
    """Return one record."""
    return {
        "number": row.number,
        "offset": row.offset,
        "type": row.type.value,
        "id": row.id,
        "ts_ms": row.ts_ms,
        "id_bytes": row.id_bytes,
        "payload_bytes": row.payload_bytes,
        "error_bytes": row.error_bytes,
        "next_retry_at_ms": row.next_retry_at_ms,
    }


def verified_text(verified: VerifiedLog, *, width: int) -> str:
    """Return all but the rows; the verdict is the last line."""
    lines = ["", *_log_lines(verified, width)]
    for flaw in verified.flaws:
        lines += ["", *_flaw_lines(flaw, width)]
    for kind, number in verified.flaw_counts.items():
        kept = sum(flaw.kind is kind for flaw in verified.flaws)
        if number > kept:
            lines += block(
                kind.value, f"{number - kept:,} more", width=width, label_width=_LABEL_WIDTH
            )
    lines += ["", *_operation_lines(verified, width)]
    for index, spot in enumerate(verified.blind_spots):
        label = "" if index else "cannot be seen"
        lines += block(label, spot, width=width, label_width=_LABEL_WIDTH)
    return "\n".join([*lines, "", _conclusion(verified)])


_STATUSES: Final = (OperationStatus.PENDING, OperationStatus.FAILED, OperationStatus.DONE)


def _log_lines(verified: VerifiedLog, width: int) -> list[str]:
    total = sum(verified.record_counts.values())
    kinds = ", ".join(
        f"{verified.record_counts.get(kind, 0):,} {kind.value}" for kind in RecordType
    )
    size = f"{verified.size_bytes:,} bytes, {counted(total, 'record')}: {kinds}"
    pairs = [
        ("log", f"{escape(verified.path)} ({verified.format.value}), {size}"),
        ("last good offset", f"{verified.last_good_offset} of {verified.end_offset}"),
    ]
    if verified.checkpoint is not None:
        pairs.append(("checkpoint", str(verified.checkpoint)))
    if verified.applied is not None:
        pairs.append(("state reflects", str(verified.applied)))
    return [
        line
        for label, text in pairs
        for line in block(label, text, width=width, label_width=_LABEL_WIDTH)
    ]


def _flaw_lines(flaw: Flaw, width: int) -> list[str]:
    text = shorten(flaw.message)
    if flaw.data and flaw.offset is not None and flaw.offset != flaw.at:
        text += f" (> is byte {flaw.at} of the file)"
    lines = block(flaw.kind.value, text, width=width, label_width=_LABEL_WIDTH)
    for start in range(0, len(flaw.data), _HEX_LINE):
        position = flaw.position + start
        data = flaw.data[start : start + _HEX_LINE]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
        mark = ">" if position <= flaw.at < position + _HEX_LINE else " "
        lines.append(f"  {mark} {position:>12}  {data.hex(' '):<47}  {shown}")
    return lines


def _operation_lines(verified: VerifiedLog, width: int) -> list[str]:
    counts = ", ".join(
        f"{verified.operation_counts.get(status, 0):,} {status.value}" for status in _STATUSES
    )
    lines = block("operations", counts, width=width, label_width=_LABEL_WIDTH)
    for operation in verified.operations:
        lines += block(
            f"  {operation.status.value}",
            _operation_text(operation),
            width=width,
            label_width=_LABEL_WIDTH,
        )
    unfinished = _unfinished(verified.operation_counts)
    if unfinished > len(verified.operations):
        more = f"{counted(unfinished - len(verified.operations), 'more', 'more')} not done; "
        lines += block(
            "", f"{more}--operations {unfinished} shows them", width=width, label_width=_LABEL_WIDTH
        )
    return lines


def _unfinished(counts: Mapping[OperationStatus, int]) -> int:
    return sum(number for status, number in counts.items() if status is not OperationStatus.DONE)


def _operation_text(operation: LogOperation) -> str:
    text = f"{shorten(operation.id, ID_CHARACTERS)}, put at {operation.put_offset}"
    if operation.status is not OperationStatus.FAILED:
        return f"{text}, {_moment(operation.ts_ms)}"
    retry = operation.next_retry_at_ms
    when = f"next try {_moment(retry)}" if retry else "no next try"
    attempts = counted(operation.attempts, "failed attempt")
    return f"{text}, {attempts}, {when}: {shorten(operation.error, ID_CHARACTERS)}"


def _moment(ms: int) -> str:
    """Return a time as people read it, and as the log has it."""
    try:
        shown = (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
    except OverflowError:
        return f"{ms} ms"
    return f"{shown.replace('+00:00', 'Z')} ({ms} ms)"


def _row_text(row: LogRow) -> str:
    return _ROW.format(
        row.number,
        row.offset,
        row.type.value,
        row.ts_ms,
        row.payload_bytes,
        row.error_bytes,
        row.next_retry_at_ms or "-",
        shorten(row.id, ID_CHARACTERS),
    )


def _conclusion(verified: VerifiedLog) -> str:
    if not verified.is_sound:
        return (
            f"FAIL  {counted(verified.damage_count, 'flaw')} that no crash leaves in a right log; "
            f"sound up to {verified.last_good_offset}"
        )
    torn = verified.flaw_counts.get(FlawKind.TORN_TAIL, 0)
    if torn:
        return f"PASS  sound up to {verified.last_good_offset}; behind it a torn tail"
    return f"PASS  sound up to its end at {verified.end_offset}"


def _flaw_json(flaw: Flaw) -> dict[str, object]:
    return {
        "kind": flaw.kind.value,
        "is_damage": flaw.is_damage,
        "message": flaw.message,
        "offset": flaw.offset,
        "length_bytes": flaw.length_bytes,
        "next_offset": flaw.next_offset,
        "position": flaw.at,
        "bytes_position": flaw.position,
        "bytes": flaw.data.hex(),
    }


def _operation_json(operation: LogOperation) -> dict[str, object]:
    return {
        "id": operation.id,
        "status": operation.status.value,
        "put_offset": operation.put_offset,
        "ts_ms": operation.ts_ms,
        "attempts": operation.attempts,
        "error": operation.error,
        "next_retry_at_ms": operation.next_retry_at_ms,
    }
