"""That there is no space is seen on the file system, or said by the kernel; words are neither."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up_subject import SHOWN

from walcrash.case import full_directory
from walcrash.case.full_directory import has_room, refuse_full_directory, space_doubt
from walcrash.recorder.recording import Recording, WatchEnd, named_rows
from walcrash.values.errors import HarnessFault
from walcrash.values.event import INJECTED, EventKind
from walcrash.values.history import History, Recoveries
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure

SAYS_FULL = RecoveryFailure(FailureKind.REFUSED, "OSError: No space left on device")


def recording(*results: int, flags: int = 0) -> Recording:
    rows = [
        (EventKind.WRITE, 0, "wal", "", 0, 0, 9, b"", flags, False, result, 0, -1)
        for result in results
    ]
    return Recording(
        rows=named_rows(rows),
        end=WatchEnd.EXITED,
        crash=None,
        unmodelled=(),
        outside=(),
        children=0,
    )


def history(first: Recovery | RecoveryFailure = SHOWN) -> History:
    return History((), Recoveries(first=first))


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the file system say that it is full."""

    def full() -> None:
        none_free = SimpleNamespace(f_bavail=0, f_frsize=4096)
        monkeypatch.setattr(full_directory.os, "statvfs", lambda _: none_free)

    return full


def test_the_words_of_a_subject_are_no_evidence(tmp_path: Path) -> None:
    assert space_doubt([recording()], history(SAYS_FULL), str(tmp_path)) == ""


def test_the_words_of_a_subject_are_a_reason_to_look(
    tmp_path: Path, fill: Callable[[], None]
) -> None:
    fill()
    assert "no space left" in space_doubt([recording()], history(SAYS_FULL), str(tmp_path))
    assert space_doubt([recording()], history(), str(tmp_path)) == ""


def test_a_call_that_the_kernel_failed_is_evidence_and_an_injected_one_is_none(
    tmp_path: Path,
) -> None:
    full = recording(-errno.ENOSPC)
    assert "no space left" in space_doubt([full], history(), str(tmp_path))
    injected = recording(-errno.ENOSPC, flags=INJECTED)
    assert space_doubt([injected], history(SAYS_FULL), str(tmp_path)) == ""


def test_a_write_shows_what_a_quota_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_room(str(tmp_path))

    def over_quota(_: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(full_directory.os, "fsync", over_quota)
    assert not has_room(str(tmp_path))


def test_a_disk_that_is_full_with_an_empty_directory_is_refused(
    tmp_path: Path, fill: Callable[[], None]
) -> None:
    refuse_full_directory(str(tmp_path))
    fill()
    with pytest.raises(HarnessFault, match="less than 16 MiB are free with it empty"):
        refuse_full_directory(str(tmp_path))
