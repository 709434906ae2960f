"""Trees: what a capture reads is what a restore puts back, holes and all."""

import os
from pathlib import Path

import pytest

from walcrash.recorder.tree import capture, restore
from walcrash.values.content import LargeContent
from walcrash.values.image import FileEntry, Image

PIECE = 1 << 16
LONG = 100 * PIECE

CONTENTS = {
    "zeros": bytes(LONG),
    "first byte": b"\1" + bytes(LONG),
    "last byte": bytes(LONG) + b"\1",
    "in the middle, no whole piece": bytes(PIECE + 7) + b"\1" * 9 + bytes(LONG + 13),
    "no zeros": b"\1" * (3 * PIECE + 1),
    "one piece": bytes(PIECE),
    "empty": b"",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_comes_back_as_it_was(tmp_path: Path, content: bytes) -> None:
    image = Image({"log": FileEntry(content, 0o640)})
    restore(image, str(tmp_path))
    assert (tmp_path / "log").read_bytes() == content
    assert capture(str(tmp_path)) == image


def test_long_runs_of_zeros_are_put_back_as_holes(tmp_path: Path) -> None:
    restore(Image({"log": FileEntry(bytes(LONG) + b"\1")}), str(tmp_path))
    assert (tmp_path / "log").stat().st_blocks * 512 <= 2 * PIECE


def test_a_file_with_data_between_holes_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        for at in (0, 20 * PIECE + 5, 21 * PIECE, 60 * PIECE):
            os.pwrite(file.fileno(), b"data", at)
        os.ftruncate(file.fileno(), LONG)
    assert path.stat().st_blocks * 512 < LONG, "this file system keeps no holes"
    assert capture(str(tmp_path)) == Image({"log": FileEntry(path.read_bytes(), 0o644)})


def test_a_capture_shares_the_pieces_that_an_earlier_image_has(tmp_path: Path) -> None:
    restore(Image({"log": FileEntry(b"\1" * LONG)}), str(tmp_path))
    first = capture(str(tmp_path))
    with (tmp_path / "log").open("r+b") as file:
        os.pwrite(file.fileno(), b"changed", 7 * PIECE + 5)
    second = capture(str(tmp_path), like=first)
    before, after = first.content("log"), second.content("log")
    assert isinstance(before, LargeContent)
    assert isinstance(after, LargeContent)
    pairs = zip(before.pieces, after.pieces, strict=True)
    assert [at for at, (one, other) in enumerate(pairs) if one is not other] == [7]
    assert bytes(after) == (tmp_path / "log").read_bytes()
