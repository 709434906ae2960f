"""A full working directory: what a subject does without space is no verdict on it.

An error that was injected says nothing of the disk, and neither do a subject's words about it.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from typing import Final

from walcrash.recorder.recording import Recording
from walcrash.values.errors import HarnessFault
from walcrash.values.history import BootHistory, History
from walcrash.values.recovery import RecoveryFailure

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)
_WORDS: Final = tuple(os.strerror(number).casefold() for number in (errno.ENOSPC, errno.EDQUOT))

HINT: Final = "WALCRASH_WORK=/some/directory/with/space walcrash run"


def refuse_full_directory(
    recordings: Iterable[Recording], history: History, directory: str
) -> None:
    """Refuse a case with calls that failed since the directory's disk is full.

    Raises:
        HarnessFault: there is one.
    """
    errors = [error for recording in recordings for error in recording.errors()]
    injected = {is_injected for number, is_injected in errors if number in _NO_SPACE}
    # Recoveries are not watched: what a subject says is all that is known of their calls.
    has_said = any(word in text.casefold() for text in _texts(history) for word in _WORDS)
    if False in injected or (has_said and True not in injected):
        raise HarnessFault(
            f"there is no space left in the working directory {directory}, so nothing can be said "
            "about the subject",
            hint=HINT,
        )


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
