"""What a driver answers after one flipped bit: a refusal, `undecodable`, or what it believes.

Any answer is allowed where the contract does not have `rot` in `detects`, so one that believes what
it reads is noted and fails nothing, also where that makes a line which is none. What always fails
is no answer at all.

Not here: every place and kind of damage (`walcrash.disk.rot`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, version 1, Failures.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from walcrash.subjects import driver_replies as replies
from walcrash.subjects.adapter import SubjectGone
from walcrash.subjects.contract_words import Noted
from walcrash.subjects.messages import MalformedOutput
from walcrash.values.record import Record, Undecodable
from walcrash.values.recovery import FailureKind

# limits
DAMAGED_FILES: Final = 8
"""Most files that are damaged, in the order of their names."""

DAMAGED_BYTES: Final = 1 << 20
"""Longest file that is damaged."""

PLACES: Final = 4
"""Bytes of one file that are damaged, each in its turn, evenly from its first quarter on."""

Ask = Callable[[Path], Sequence[dict[str, Any]]]
"""Opens a driver on a directory and returns the lines of `open` if it refused, else of a replay."""


def silent_damage(directory: Path, appended: Sequence[Record], ask: Ask) -> str:
    """Damage a closed store in one bit after the other; return what was believed, in words.

    Args:
        directory: the store; it is copied beside itself.
        appended: what it holds.
        ask: as its type says.

    Returns:
        The first damage that came back as a record, or that hid one before others; empty if
        none did.

    Raises:
        SubjectGone: there was no answer.
    """
    for path, at in _places(directory):
        copy = directory.parent / f"{directory.name}-damaged"
        shutil.copytree(directory, copy, symlinks=True)
        try:
            data = bytearray((copy / path).read_bytes())
            data[at] ^= 1
            (copy / path).write_bytes(data)
            believed = _believed(appended, _asked(copy, ask))
        except MalformedOutput as problem:
            believed = str(problem)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        if believed:
            size = (directory / path).stat().st_size
            return f"with bit 0 of byte {at} of {path} ({size} bytes) flipped {believed}"
    return ""


def judge_believed(believed: str, *, detects_rot: bool | None) -> None:
    """Hold what was believed of damage against a contract.

    Args:
        believed: what `silent_damage` returned.
        detects_rot: whether the contract has `rot` in `detects`; None where none is known.

    Raises:
        AssertionError: it breaks the contract.
        Noted: it does not, or nobody knows.
    """
    if not believed:
        return
    assert not detects_rot, f'{believed}; the contract has "rot" in `detects`'
    if detects_rot is None:
        raise Noted(f'{believed}: state no "rot" in `detects`, or find out why')
    raise Noted(f'{believed}; the contract has no "rot" in `detects`, so this breaks no promise')


def _places(directory: Path) -> Iterator[tuple[Path, int]]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in files[:DAMAGED_FILES]:
        size = path.stat().st_size
        if 0 < size <= DAMAGED_BYTES:
            places = dict.fromkeys(size * turn // (PLACES + 1) for turn in range(1, PLACES + 1))
            yield from ((path.relative_to(directory), at) for at in places)


def _asked(directory: Path, ask: Ask) -> Sequence[dict[str, Any]]:
    try:
        return ask(directory)
    except SubjectGone as problem:
        if problem.kind is FailureKind.MEMORY_FAULT:
            return ({"ok": True, "died": str(problem)},)
        if problem.kind is FailureKind.DIED:
            return ({"ok": False, "error": str(problem)},)
        raise


def _believed(appended: Sequence[Record], lines: Sequence[dict[str, Any]]) -> str:
    """Return which record is wrong or left out in silence; empty where damage was told of."""
    if not replies.read_ok(lines[-1], "`replay`"):
        return ""
    if "died" in lines[-1]:
        return str(lines[-1]["died"])
    entries = [replies.read_entry(line, "`replay`")[1] for line in lines[:-1]]
    for entry in entries:
        if not isinstance(entry, Undecodable) and entry not in appended:
            return f"its replay shows `{entry!s:.60}` as it was never appended"
    shown = [entry for entry in entries if not isinstance(entry, Undecodable)]
    is_told = len(shown) < len(entries)
    if is_told or len(shown) >= len(appended) - 1:
        return ""
    if shown != list(appended[: len(shown)]):
        return "its replay leaves out a record before others that it shows"
    # The last record may be torn, as far as anybody can know; one bit hits no more than one.
    return f"its replay ends after {len(shown)} of {len(appended)} records without a word"
