"""A full working directory: what a subject does without space is no verdict on it.

That there is no space is seen on the file system, or said by the kernel: by a watched call that
failed with ENOSPC or EDQUOT, where that was not injected. A subject's own words are no evidence: a
log of fixed room may use the kernel's, and so may a recovery that takes a torn tail for used room.
They are a reason to look.

A case that filled the disk is inconclusive, and the next one begins with an empty directory. Where
that has no room either, the disk is not the subject's doing.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from walcrash.recorder.recording import Recording
from walcrash.recorder.tree import clear
from walcrash.values.errors import HarnessFault
from walcrash.values.history import BootHistory, History
from walcrash.values.limits import BYTES_PER_CASE
from walcrash.values.recovery import RecoveryFailure

# limits
ROOM_BYTES: Final = 16 << 20
"""Free space below which a disk counts as full: what recoveries write is not watched."""

PROBE_BYTES: Final = 1 << 16
"""How much is written to see whether a quota or a limit leaves less than the disk has free."""

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)
_WORDS: Final = tuple(os.strerror(number).casefold() for number in (errno.ENOSPC, errno.EDQUOT))

HINT: Final = "WALCRASH_WORK=/some/directory/with/space walcrash run"


def emptied_if_full(recordings: Iterable[Recording], history: History, directory: str) -> str:
    """Return what `space_doubt` does; where there was no space, the directory is empty behind it.

    Raises:
        HarnessFault: there is none then either.
    """
    doubt = space_doubt(recordings, history, directory)
    if doubt:
        clear(directory)
        refuse_full_directory(directory)
    return doubt


def space_doubt(recordings: Iterable[Recording], history: History, directory: str) -> str:
    """Return why a case says nothing, since there was no space; empty where there was.

    Args:
        recordings: the boots under watch.
        history: what they and the recoveries said.
        directory: the subject's.
    """
    errors = [error for recording in recordings for error in recording.errors()]
    injected = {is_injected for number, is_injected in errors if number in _NO_SPACE}
    is_told = False in injected
    # Recoveries are not watched: the file system says whether their words can be true.
    has_said = any(word in text.casefold() for text in _texts(history) for word in _WORDS)
    if not is_told and not (has_said and not has_room(directory)):
        return ""
    return f"there was no space left in the working directory {directory}"


def refuse_full_directory(directory: str) -> None:
    """Refuse to go on with an empty directory on a disk without room.

    Raises:
        HarnessFault: it has none.
    """
    if not has_room(directory):
        raise HarnessFault(
            f"there is no space left in the working directory {directory}: less than "
            f"{ROOM_BYTES >> 20} MiB are free with it empty, so nothing can be said about the "
            "subject",
            hint=HINT,
        )


def has_room(directory: str) -> bool:
    """Whether the file system of a directory has room, as itself says and a write shows."""
    beside = Path(directory).parent
    facts = os.statvfs(beside)
    if facts.f_bavail * facts.f_frsize < ROOM_BYTES:
        return False
    try:
        with tempfile.TemporaryFile(dir=beside) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as problem:
        return problem.errno not in _NO_SPACE
    return True


def _texts(history: History) -> Iterator[str]:
    for boot in history.boots:
        yield from _texts_of_boot(boot)
    every = history.recoveries
    yield from (call.error for call in every.continued)
    for shown in (every.first, every.perturbed, every.again, every.after, every.uninterrupted):
        if isinstance(shown, RecoveryFailure):
            yield shown.message


def _texts_of_boot(boot: BootHistory) -> Iterator[str]:
    yield from (call.error for call in boot.calls)
    if isinstance(boot.recovery, RecoveryFailure):
        yield boot.recovery.message


def too_large(boots: int, written_bytes: int) -> str:
    """Return why a case says nothing whose first boots wrote more than is kept of one."""
    return (
        f"up to boot {boots} it wrote {written_bytes >> 20:,} MiB, and of a case that is kept in "
        f"memory up to {BYTES_PER_CASE >> 20:,} MiB; fewer `boots` or shorter `payload_bytes` are "
        "within that"
    )
