"""Loss shapes: what an image shows in the place of what was lost, sector by sector."""

import pytest

from walcrash.case import loss_shape
from walcrash.case.loss_shape import ImageEnds, loses_first
from walcrash.values.content import PIECE_BYTES, content_of
from walcrash.values.image import FileEntry, Image

SECTOR = 512


def image(**files: bytes) -> Image:
    return Image({name: FileEntry(content_of(data), 0o644) for name, data in files.items()})


def sectors(text: str) -> bytes:
    """Return a sector for each letter; a `0` is one of zeros."""
    return b"".join(bytes(SECTOR) if each == "0" else each.encode() * SECTOR for each in text)


@pytest.mark.parametrize(
    ("durable", "memory", "left", "shape"),
    [
        ("A", "AB", "AB", ""),
        ("A", "ABC", "A", ".-"),
        ("A", "ABC", "AB0", ".kz"),
        # A record that was kept, and behind it what an earlier life of the file had left there.
        ("A0CD", "AB0D", "ABCD", ".ko."),
        # The end of a record was kept, and its beginning was not.
        ("AX", "ABC", "AXC", ".ok"),
        ("ABABABA", "XXXXXXX", "XBXBXBX", "koko"),
    ],
)
def test_a_shape_names_what_is_there_in_the_order_of_the_file(
    durable: str, memory: str, left: str, shape: str
) -> None:
    ends = ImageEnds(image(log=sectors(durable)), image(log=sectors(memory)), SECTOR)
    found = dict(ends.shape(image(log=sectors(left))))
    assert found.get("log", "")[:4] == shape


def test_names_that_are_not_as_memory_had_them_are_told_apart() -> None:
    durable, memory = image(log=b"a", old=b"o"), image(log=b"a", new=b"n")
    ends = ImageEnds(durable, memory, SECTOR)
    assert ends.shape(memory) == frozenset()
    assert ends.shape(durable) == {("old", "there again"), ("new", "gone")}


def test_a_large_file_has_the_shape_of_a_small_one() -> None:
    much = sectors("A" * 600)
    ends = ImageEnds(image(log=much + sectors("0C")), image(log=much + sectors("B0")), SECTOR)
    assert dict(ends.shape(image(log=much + sectors("BC")))) == {"log": ".ko"}


def test_a_large_file_that_is_new_costs_what_differs_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = 40
    zeros = bytes(pieces * PIECE_BYTES)
    memory, left = (image(log=sectors(text) + zeros) for text in ("AB", "A0"))
    looks: list[object] = []
    shown = loss_shape._shown
    monkeypatch.setattr(
        loss_shape, "_shown", lambda *there: (looks.append(there), shown(*there))[1]
    )
    for durable, kept in ((image(), "k"), (image(log=b"A" * SECTOR + bytes(SECTOR) + zeros), ".")):
        looks.clear()
        ends = ImageEnds(durable, memory, SECTOR)
        found = dict(ends.shape(left))["log"]
        assert found == f"{kept}z{kept}"
        assert len(looks) <= pieces + PIECE_BYTES // SECTOR


def test_what_is_lost_before_what_is_kept_is_known() -> None:
    assert loses_first(frozenset({("log", ".ok"), ("state", "-")}))
    assert loses_first(frozenset({("log", "zk")}))
    assert not loses_first(frozenset({("log", ".ko")}))
