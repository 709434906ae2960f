"""Status: the same facts as `os.stat`, without a look at the times."""

import os
from pathlib import Path

import pytest

from walcrash.recorder import status
from walcrash.recorder.status import status_of, status_of_name


def facts(found: os.stat_result) -> tuple[int, int, int, int, int, int]:
    where = found.st_mode, found.st_ino, found.st_size, found.st_dev
    return (*where, found.st_nlink, found.st_blocks)


def test_a_file_has_the_facts_that_the_system_has(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"12345")
    link.symlink_to("file")
    with file.open("rb") as opened:
        assert status_of(opened.fileno()) == facts(os.fstat(opened.fileno()))
    assert status_of(str(link)) == facts(os.stat(file))
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        assert status_of_name(b"link", directory) == facts(os.lstat(link))
        with pytest.raises(FileNotFoundError):
            status_of_name(b"gone", directory)
    finally:
        os.close(directory)


def test_no_time_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        @staticmethod
        def statx(_at: int, _path: bytes, _flags: int, mask: int, _into: object) -> int:
            asked.append(mask)
            return 0

    monkeypatch.setattr(status, "libc", Library)
    status_of(str(tmp_path))
    status_of_name(b"name")
    # STATX_ATIME, STATX_MTIME, STATX_CTIME and STATX_BTIME of statx(2).
    assert asked == [asked[0]] * 2
    assert not asked[0] & (0x20 | 0x40 | 0x80 | 0x800)
