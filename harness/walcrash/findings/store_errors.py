"""What is said when a store of findings cannot be used: one sentence for each cause.

Not here: what a store is (`store`).

Source: https://sqlite.org/rescode.html.
"""

import errno
import shlex
import sqlite3
from pathlib import Path
from typing import Final

from walcrash.values.errors import HarnessFault, UsageError, WalcrashError

_PRIMARY: Final = 0xFF
"""An extended result code has the primary one in its lowest byte."""

_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_FORBIDDEN: Final = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN}
)
_FORBIDDING: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def store_error(path: Path, problem: sqlite3.Error | OSError | UnicodeError) -> WalcrashError:
    """Return what to raise for a store that cannot be used.

    Returns:
        A fault (3) where the disk, the file or another process is the cause; a usage error (2)
        where the place that was named may not be written.
    """
    file, directory = shlex.quote(str(path)), shlex.quote(str(path.parent))
    code = getattr(problem, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY
    number = problem.errno if isinstance(problem, OSError) else None
    if primary in _LOCKED:
        return HarnessFault(
            f"the findings in {path} are locked by another process, which did not let go of them",
            hint=f"wait for it; fuser -v {file} names it",
        )
    if primary == sqlite3.SQLITE_FULL or number in _FULL:
        return HarnessFault(
            f"the findings in {path} cannot be kept: the disk is full",
            hint=f"free some space (df {directory}), or name another directory with --runs",
        )
    if primary in _FORBIDDEN or number in _FORBIDDING:
        return UsageError(
            f"the findings in {path} may not be read and written: {problem}",
            hint=f"ls -l {file} shows whose it is; or name another directory with --runs",
        )
    if primary in _DAMAGED or _is_plain(problem):
        return HarnessFault(
            f"the findings in {path} are damaged, or the file is no store of findings: {problem}",
            hint=f"mv {file} {file}.damaged begins a new one; sqlite3 {file} .recover reads it",
        )
    return HarnessFault(
        f"the findings in {path} cannot be used: {problem}",
        hint=f"dmesg | tail shows whether the disk failed; df {directory}",
    )


def damaged(what: str) -> HarnessFault:
    """Return what to raise for a row of a store that holds what no walcrash has written."""
    return HarnessFault(
        f"a kept finding is damaged: its row has {what}",
        hint="move the store (walcrash.sqlite) away, and find its findings again: walcrash run",
    )


def _is_plain(problem: Exception) -> bool:
    """Whether it is what a check of ours found, or a table that is not there."""
    code = getattr(problem, "sqlite_errorcode", None)
    is_ours = isinstance(problem, sqlite3.Error | UnicodeError)
    return is_ours and code in (None, sqlite3.SQLITE_ERROR)
