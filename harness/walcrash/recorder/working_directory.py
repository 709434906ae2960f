"""Working directories: where subjects keep their files while they are tested.

Each is made and removed by a process of its own, which is there before it, so that it goes even
when the process that uses it is killed at any moment.

Not here: what that process does (`keeper`), what is in the directory (`walcrash.case.sandbox`).
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from typing import Final

from walcrash.recorder import keeper
from walcrash.values.closeable import Closeable
from walcrash.values.errors import LIMITS_HINT, HarnessFault

_MEMORY_DIRECTORY: Final = "/dev/shm"  # noqa: S108 - tmpfs on every Linux; checked before use

# limits
_ROOM_BYTES: Final = 256 * 1024 * 1024
"""How much must be free in memory for the working directory to be there."""

_END_SECONDS: Final = 60.0
"""How long a keeper has to remove its directory."""


class WorkingDirectory(Closeable):
    """A directory that nobody else uses; use it with `with`: it does not outlive the block.

    Attributes:
        path: absolute, without symbolic links.
    """

    def __init__(self, *, parent: str | None = None) -> None:
        """Make it.

        Args:
            parent: where; None for `WALCRASH_WORK`, memory where there is room, or /tmp.

        Raises:
            HarnessFault: no directory can be made, or no process can be started.
        """
        parent = os.path.realpath(parent or _usual_parent())
        self.path = os.path.join(parent, f"walcrash-work-{secrets.token_hex(8)}")
        self._held: int | None = None
        self._keeper = _start_keeper(self.path)
        try:
            _wait_until_made(self._keeper, parent)
            # The keeper holds it, so nobody sweeps it away; and if the keeper is killed, this does.
            self._held = keeper.hold(self.path)
        except BaseException:
            self.close()
            raise

    @property
    def keeper_pid(self) -> int:
        """The process that removes it."""
        return self._keeper.pid

    def close(self) -> None:
        """Remove it with all that is in it."""
        assert self._keeper.stdin is not None
        with contextlib.suppress(OSError):
            self._keeper.stdin.close()
        try:
            self._keeper.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        # The keeper may have been killed before this process.
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _start_keeper(path: str) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            # Neither the user's variables nor their packages: it starts in a few milliseconds.
            [sys.executable, "-I", "-S", keeper.__file__, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as problem:
        raise HarnessFault(
            f"no process can be started to keep the working directory {path}: {problem.strerror}",
            hint=LIMITS_HINT,
        ) from None


def _wait_until_made(process: "subprocess.Popen[bytes]", parent: str) -> None:
    assert process.stdout is not None
    with process.stdout as answers:
        word = answers.read()
    if word == keeper.MADE:
        return
    why = os.strerror(int(word)) if word.isdigit() else "the process that makes it has died"
    raise HarnessFault(
        f"no working directory can be made in {parent}: {why}",
        hint="WALCRASH_WORK=/some/directory walcrash run",
    )


def _usual_parent() -> str:
    parent = os.environ.get("WALCRASH_WORK")
    if parent is None and _has_room(_MEMORY_DIRECTORY):
        parent = _MEMORY_DIRECTORY
    return parent or tempfile.gettempdir()


def _has_room(directory: str) -> bool:
    try:
        status = os.statvfs(directory)
    except OSError:
        return False
    return os.access(directory, os.W_OK) and status.f_bavail * status.f_frsize >= _ROOM_BYTES
