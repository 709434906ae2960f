"""What is made once for all workers of a run of the tests, behind a lock.

What is made is for reading: a test that changes it copies it first.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

UNCUT_TAIL = ("uncut-tail.toml", "uncut_tail.py", "planted_base.py")
"""A planted scenario with its subject, both of which a test may change in its copy."""


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """Return a directory that the first worker to ask for it has filled.

    One that could not be filled is tried again by the next who asks.
    """
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    directory, is_made = root / name, root / f"{name}.made"
    with open(root / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            make(directory)
            is_made.touch()
    return directory
