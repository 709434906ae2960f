"""Whether a file is where a store of findings is kept, and is one that can be a store.

What stands there and is no regular file is not an empty store: to say that nothing is kept there
would hide the findings of a name that was mistyped or a link that leads nowhere.

Not here: what the file holds (`store`), and what SQLite says of it (`store_errors`).

Source: https://sqlite.org/tempfiles.html (the rollback journal has the database's name).
"""

import os
import shlex
import stat
from pathlib import Path
from typing import Final

from walcrash.values.errors import UsageError

_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link that leads to no file"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def is_there(path: Path) -> bool:
    """Whether there is a file for a store; an empty file is one that has not been written yet.

    Raises:
        UsageError: what is there, or in the place of its directory or its journal, cannot be one.
    """
    runs = path.parent
    kind = _kind(runs)
    if kind not in ("", "a directory"):
        raise UsageError(
            f"runs are kept in {runs}, which cannot be written to: it is {kind}",
            hint="name another directory with --runs DIR",
        )
    # SQLite rolls back by it, so it is looked at before SQLite is.
    for file, is_of in ((path, "the findings are kept in"), (_journal(path), "the journal of")):
        kind = _kind(file)
        if kind not in ("", "a file"):
            named = f"{is_of} {file}" if file == path else f"{is_of} {path} is {file}"
            raise UsageError(
                f"{named}, which is {kind}",
                hint=f"ls -ld {shlex.quote(str(file))} shows it; move it away, or name another "
                "directory with --runs DIR",
            )
    return _kind(path) == "a file"


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _kind(path: Path) -> str:
    """Return what stands at a path, links followed; empty for nothing."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            return ""
    if stat.S_ISREG(mode):
        return "a file"
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "something else")
