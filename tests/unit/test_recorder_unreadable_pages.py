"""Pages of a mapping that cannot be read: SIGBUS for who touches one, EFAULT for a call."""

import errno
import mmap
import os
import signal
import threading
from pathlib import Path

import pytest
from watching import run_watched

from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import Attempt, CallError, ErrorName, FaultCall
from walcrash.values.faults.kill import KEPT_SCALE

PAGE = 4096
PAGES = 4


def mapped(protection: int) -> mmap.mmap:
    fd = os.open("log", os.O_RDWR)
    found = mmap.mmap(fd, 0, prot=protection)
    os.close(fd)
    return found


def told(view: mmap.mmap, fd: int, page: int) -> str:
    """Hand a page to a call, which says what a touch of it would end in."""
    try:
        os.pwrite(fd, memoryview(view)[page * PAGE : page * PAGE + 16], 0)
    except OSError as problem:
        return errno.errorcode[problem.errno or 0]
    return bytes(view[page * PAGE : page * PAGE + 1]).decode()


def read_in_calls(protection: int) -> tuple[list[str], list[str]]:
    side = os.memfd_create("side")
    first, second = mapped(protection), mapped(protection)
    seen = [[told(view, side, page) for page in range(PAGES)] for view in (first, second)]
    # All others are the file's, also what is written later.
    with open("log", "r+b") as log:
        log.write(b"new")
    assert first[:3] == b"new"
    first.close()
    return seen[0], seen[1]


def touch() -> str:
    view = mapped(mmap.PROT_READ)
    found = []
    # Another thread is in calls of its own meanwhile.
    other = threading.Thread(target=lambda: found.append(view[2 * PAGE]))
    other.start()
    other.join()
    return "nothing happened"


def unreadable(page: int, *, times: int | None = 1) -> CallError:
    share = (page * KEPT_SCALE + PAGES - 1) // PAGES
    return CallError(
        boot=0, call=0, on=FaultCall.PAGE, error=ErrorName.EIO, page=share, times=times
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "log").write_bytes(b"".join(bytes([65 + at]) * PAGE for at in range(PAGES)))
    return tmp_path


@pytest.mark.parametrize("protection", [mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE])
def test_one_page_of_one_mapping_cannot_be_read(
    zygote: Zygote, directory: Path, protection: int
) -> None:
    run = run_watched(zygote, read_in_calls, directory, protection, faults=[unreadable(1)])
    assert run.result == (["A", "EFAULT", "C", "D"], ["A", "B", "C", "D"])
    (page,) = (event for event in run.events if event.kind is EventKind.PAGE)
    assert (page.path, page.offset, page.length, page.result) == ("log", PAGE, PAGE, -errno.EIO)
    assert str(page) == "page log, the one at 4096, mapped: it cannot be read, injected"
    assert not run.recording.unmodelled


def test_who_touches_it_ends_by_sigbus(zygote: Zygote, directory: Path) -> None:
    run = run_watched(zygote, touch, directory, faults=[unreadable(2, times=None)])
    assert run.result is None
    assert os.WTERMSIG(run.watched.status) == signal.SIGBUS


def test_where_nothing_is_mapped_no_page_fails_and_a_share_is_a_page() -> None:
    def page(length: int, at: int) -> int | None:
        instead = unreadable(at).instead(Attempt(EventKind.PAGE, 0, "log", length))
        return None if instead is None else instead.page

    assert page(0, 0) is None
    assert [page(PAGES * PAGE, at) for at in range(PAGES)] == list(range(PAGES))
    assert page(PAGE - 1, 3) == 0
