"""The event log's file: whole lines, whatever happens."""

import errno
import json
import os
from pathlib import Path

import pytest
from report_lines import failing_run, finding, judged

from walcrash.report import ndjson
from walcrash.report.ndjson import NdjsonWriter, ReaderGone, line_bytes
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.log import FindingReported


def test_every_line_is_one_json_object_in_ascii(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    log = NdjsonWriter.create(str(path))
    for line in failing_run():
        log.write(line)
    log.close()
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(failing_run())
    assert all(line.isascii() and line.endswith(b"}\n") for line in lines)
    assert json.loads(lines[0])["line"] == "campaign-started"


def test_a_line_can_be_read_before_the_run_ends(tmp_path: Path) -> None:
    log = NdjsonWriter.create(str(tmp_path / "log"))
    log.write(judged("quickstart", 0))
    assert (tmp_path / "log").read_bytes() == line_bytes(judged("quickstart", 0))
    log.close()


def test_a_disk_that_fills_up_in_a_line_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = NdjsonWriter.create(str(tmp_path / "log"))
    log.write(judged("quickstart", 0))
    room = [100]

    def write_some(fd: int, data: memoryview) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(fd, data[: room.pop()])

    real_write = os.write
    monkeypatch.setattr(ndjson.os, "write", write_some)
    with pytest.raises(HarnessFault, match="No space left on device"):
        log.write(judged("quickstart", 1))
    monkeypatch.undo()
    log.close()
    assert (tmp_path / "log").read_bytes() == line_bytes(judged("quickstart", 0))


def test_a_full_device_is_named() -> None:
    log = NdjsonWriter.create("/dev/full")
    with pytest.raises(HarnessFault, match="/dev/full could not be written: No space left"):
        log.write(judged("quickstart", 0))
    log.close()


def test_a_reader_that_goes_away_is_an_interruption() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = NdjsonWriter(writing, name="stdout", owned=True)
    with pytest.raises(ReaderGone):
        log.write(judged("quickstart", 0))
    log.close()


def test_a_place_that_cannot_be_written_to_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        NdjsonWriter.create(str(tmp_path))


def test_odd_text_survives(tmp_path: Path) -> None:
    """A file's name may be any; what else cannot be encoded is spelled out."""
    odd = "\udc80\x1b\u4e2d"
    line = line_bytes(FindingReported(finding=finding(scenario_path=odd)))
    assert json.loads(line)["finding"]["scenario_path"] == odd
    line = line_bytes(judged("\udc80\x1b\u4e2d", 0))
    assert json.loads(line)["scenario"] == "\\udc80\x1b\u4e2d"
