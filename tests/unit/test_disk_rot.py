"""Rot in an image: what each damage leaves, whose bytes it hit, and that the seed decides."""

from collections import Counter
from itertools import islice

import pytest

from walcrash.disk.rot import rotten, rotten_images
from walcrash.disk.versions import Versions
from walcrash.values.content import PIECE_BYTES, Buffer, LargeContent
from walcrash.values.damage import Author, DamageAtRest, DamageKind
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image, LinkEntry
from walcrash.values.seed import Prng

FIRST, SECOND = b"a" * 700, b"b" * 500
CONTENT = FIRST + SECOND


def write(data: bytes, offset: int, call: int, path: str = "log") -> Event:
    size, kind = len(data), EventKind.WRITE
    return Event(
        kind=kind, call=call, path=path, offset=offset, length=size, data=data, result=size
    )


def two_appends() -> Versions:
    versions = Versions()
    create = Event(kind=EventKind.CREATE, call=0, path="log")
    versions.take_boot(1, [create, write(FIRST, 0, 1), write(SECOND, 700, 2)])
    return versions


def image_of(content: bytes, path: str = "log") -> Image:
    return Image({path: FileEntry(content)})


def damaged(damage: DamageAtRest) -> tuple[bytes | None, list[int]]:
    """Return what is left of the log, and the calls whose bytes were hit."""
    found = rotten(image_of(CONTENT), two_appends(), damage)
    assert found is not None
    content = found.image.content("log")
    assert content is None or isinstance(content, bytes)
    return content, [author.call for author in found.rotted.authors]


def of(kind: DamageKind, **where: int) -> DamageAtRest:
    return DamageAtRest(kind=kind, path="log", **where)


def test_a_flipped_bit_is_one_bit_of_one_call() -> None:
    content, calls = damaged(of(DamageKind.BIT, offset=699, length=1, bit=3))
    assert content == CONTENT[:699] + bytes([ord("a") ^ 8]) + CONTENT[700:]
    assert calls == [1]


def test_zeros_over_the_end_of_a_record_hit_two_calls() -> None:
    content, calls = damaged(of(DamageKind.ZEROS, offset=512, length=512))
    assert content == CONTENT[:512] + bytes(512) + CONTENT[1024:]
    assert calls == [1, 2]


def test_a_stale_sector_is_what_it_was_before_the_last_write_and_zeros_behind_the_end() -> None:
    content, calls = damaged(of(DamageKind.STALE, offset=512, length=512, version=1))
    assert content == FIRST + bytes(1024 - 700) + CONTENT[1024:]
    assert calls == [2]


def test_sectors_change_places_or_one_is_written_over_another() -> None:
    swapped, _ = damaged(of(DamageKind.SWAPPED, offset=0, length=512, other_offset=512))
    assert swapped == CONTENT[512:1024] + CONTENT[:512] + CONTENT[1024:]
    over, calls = damaged(of(DamageKind.MISDIRECTED, offset=0, length=512, other_offset=512))
    assert over == CONTENT[512:1024] + CONTENT[512:]
    assert calls == [1]


@pytest.mark.parametrize(
    ("damage", "left", "calls"),
    [
        (of(DamageKind.CUT, offset=700), FIRST, [2]),
        (of(DamageKind.OLDER, version=1), FIRST, [2]),
        (of(DamageKind.REMOVED), None, [1, 2]),
    ],
)
def test_what_is_no_longer_there_was_hit(
    damage: DamageAtRest, left: bytes | None, calls: list[int]
) -> None:
    assert damaged(damage) == (left, calls)


def test_what_changes_nothing_is_no_damage() -> None:
    zeros = of(DamageKind.ZEROS, offset=0, length=4)
    assert rotten(image_of(bytes(8)), Versions(), zeros) is None
    assert rotten(image_of(CONTENT), Versions(), of(DamageKind.OLDER, version=3)) is None
    assert rotten(image_of(CONTENT, "other"), two_appends(), of(DamageKind.REMOVED)) is None


def test_a_file_with_two_names_is_not_removed_under_one_of_them() -> None:
    image = Image({"log": FileEntry(CONTENT), "twin": LinkEntry("log")})
    assert rotten(image, two_appends(), of(DamageKind.REMOVED)) is None


def test_nobody_knows_who_wrote_what_is_not_as_the_events_say() -> None:
    found = rotten(image_of(b"x" + CONTENT[1:]), two_appends(), of(DamageKind.CUT, offset=3))
    assert found is not None
    assert found.rotted.authors == ()


def test_what_a_power_loss_left_was_written_in_its_boot_at_the_latest() -> None:
    versions = Versions(image_of(FIRST), 2)
    versions.take_boot(3, [write(SECOND, 700, 1)])
    found = rotten(image_of(CONTENT), versions, of(DamageKind.BIT, offset=0, length=1))
    assert found is not None
    (author,) = found.rotted.authors
    assert Author(boot=2, call=1000) < author < Author(boot=3, call=0)


def test_bytes_of_a_renamed_file_keep_their_calls() -> None:
    versions = Versions()
    rename = Event(kind=EventKind.RENAME, call=2, path="log.tmp", path_to="log")
    versions.take_boot(1, [write(FIRST, 0, 1, "log.tmp"), rename, write(SECOND, 700, 3)])
    known = versions.of("log", CONTENT)
    assert [known.calls[run.call].call for run in known.within(0, 1200)] == [1, 3]
    assert known.earlier == (FIRST,)


def test_every_kind_has_its_turn_and_the_seed_decides_the_order() -> None:
    def drawn(seed: int) -> list[DamageAtRest]:
        every = rotten_images(image_of(CONTENT), two_appends(), kinds=(), files="", prng=Prng(seed))
        return [each.rotted.damage for each in every]

    first = drawn(1)
    # What changes nothing is left out, and its turn with it.
    assert {damage.kind for damage in first[:11]} == set(DamageKind)
    assert first == drawn(1)
    assert first != drawn(2)
    assert {damage.offset for damage in first if damage.kind is DamageKind.BIT} >= {0, 4, 700, 704}


def test_the_first_few_bits_of_a_case_are_at_different_places_of_their_records() -> None:
    size, count = 64, 20
    writes = [write(bytes([65 + n]) * size, n * size, n) for n in range(count)]
    versions = Versions()
    versions.take_boot(1, writes)
    content = b"".join(each.data for each in writes)
    hit: Counter[int] = Counter()
    for seed in range(40):
        every = rotten_images(
            image_of(content), versions, kinds=(DamageKind.BIT,), files="", prng=Prng(seed)
        )
        first = [each.rotted.damage for each in islice(every, 4)]
        assert len({damage.offset % size for damage in first}) >= 3
        assert len({damage.offset // size for damage in first}) >= 2
        hit.update(damage.offset % size for damage in first)
    assert set(range(9)) <= set(hit), "each of the first bytes is hit in some case"
    assert max(hit.values()) < 40, "and none in each of them"


def test_only_files_that_are_named_and_kinds_that_are_asked_for_are_damaged() -> None:
    image = Image({"log": FileEntry(CONTENT), "d/state": FileEntry(b"state")})
    kinds = (DamageKind.CUT,)
    every = rotten_images(image, two_appends(), kinds=kinds, files="st*", prng=Prng(1))
    damages = [each.rotted.damage for each in every]
    assert damages
    assert {(damage.kind, damage.path) for damage in damages} == {(DamageKind.CUT, "d/state")}


LARGE = 64 << 20


def large_log() -> tuple[Image, Versions]:
    """Return a log that is made in advance, with records at its start and in its middle."""
    versions = Versions()
    create = Event(kind=EventKind.CREATE, call=0, path="log")
    made = Event(kind=EventKind.ALLOCATE, call=0, path="log", offset=0, length=LARGE)
    near = [write(b"%04d" % call * 200, 800 * call, call) for call in range(1, 201)]
    far = write(b"far" * 1000, LARGE // 2, 201)
    versions.take_boot(1, [create, made, *near, far])
    buffer = Buffer()
    buffer.resize(LARGE)
    for event in (*near, far):
        buffer.write(event.offset, event.data)
    return Image({"log": FileEntry(buffer.content())}), versions


def test_a_large_file_is_damaged_where_data_is_and_it_is_known_whose() -> None:
    image, versions = large_log()
    bit = of(DamageKind.BIT, offset=LARGE // 2 + 2999, length=1, bit=0)
    found = rotten(image, versions, bit)
    assert found is not None
    assert [author.call for author in found.rotted.authors] == [201]
    before, after = image.entries["log"].content, found.image.entries["log"].content
    assert isinstance(before, LargeContent)
    assert isinstance(after, LargeContent)
    # Only the piece that was hit is another one.
    assert sum(a is not b for a, b in zip(before.pieces, after.pieces, strict=True)) == 1
    cut = rotten(image, versions, of(DamageKind.CUT, offset=800 * 100))
    assert cut is not None
    assert cut.image.content("log") == before[: 800 * 100]
    # What was made in advance was cut off as well.
    assert [author.call for author in cut.rotted.authors] == [0, *range(100, 202)]


def test_every_kind_of_damage_hits_a_large_file_within_its_bounds() -> None:
    image, versions = large_log()
    found = list(
        islice(
            rotten_images(image, versions, kinds=(), files="", prng=Prng(3)), 6 * len(DamageKind)
        )
    )
    kinds = {each.rotted.damage.kind for each in found}
    assert kinds == set(DamageKind)
    offsets = {each.rotted.damage.offset for each in found}
    assert any(offset < 1 << 18 for offset in offsets)
    unknown = Versions(image, 1)
    swapped = rotten_images(image, unknown, kinds=(DamageKind.SWAPPED,), files="", prng=Prng(3))
    # Sectors without data are no place: they read the same wherever they are.
    places = [each.rotted.damage.offset for each in islice(swapped, 300)]
    assert len(places) == 300
    assert all(
        at < 3 * PIECE_BYTES or at // PIECE_BYTES == LARGE // 2 // PIECE_BYTES for at in places
    )
