"""Large contents: a file in pieces reads as its bytes do, whatever is written, cut and shared."""

import pickle
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from walcrash.disk.file_history import FileHistory
from walcrash.values.content import (
    PIECE_BYTES,
    SMALL_BYTES,
    ZERO,
    Buffer,
    Content,
    LargeContent,
    content_of,
)
from walcrash.values.moments import after, before, part

SECTOR = 512
MOST = 6 * PIECE_BYTES

Step = tuple[str, int, bytes]

near_an_end = st.builds(
    lambda piece, offset: max(0, piece * PIECE_BYTES + offset),
    st.integers(0, MOST // PIECE_BYTES),
    st.integers(-600, 600),
)
data = st.one_of(
    st.binary(max_size=700), st.sampled_from([bytes(700), b"x" * PIECE_BYTES, bytes(PIECE_BYTES)])
)
steps = st.one_of(
    st.tuples(st.just("write"), near_an_end, data),
    st.tuples(st.just("resize"), near_an_end, st.just(b"")),
    st.tuples(st.just("zero"), near_an_end, st.binary(min_size=1, max_size=3)),
)


def _put(flat: bytearray, at: int, piece: bytes) -> None:
    flat.extend(bytes(max(0, at - len(flat))))
    flat[at : at + len(piece)] = piece


def _resize(flat: bytearray, size: int) -> None:
    del flat[size:]
    flat.extend(bytes(size - len(flat)))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0, 3 * PIECE_BYTES + 5]), st.lists(steps, max_size=12))
def test_a_buffer_holds_what_the_same_changes_make_of_bytes(size: int, wanted: list[Step]) -> None:
    flat = bytearray(b"\1" * size)
    buffer = Buffer(bytes(flat))
    first, at_first = buffer.content(), bytes(flat)
    for kind, at, piece in wanted:
        if kind == "write" and piece:
            buffer.write(at, piece)
            _put(flat, at, piece)
        elif kind == "resize":
            buffer.resize(at)
            _resize(flat, at)
        elif kind == "zero":
            end = min(len(flat), at + len(piece) * 40_000)
            buffer.zero(at, at + len(piece) * 40_000)
            flat[at:end] = bytes(max(0, end - at))
    content = buffer.content()
    assert len(content) == len(buffer) == len(flat)
    assert bytes(content) == flat
    assert content == content_of(bytes(flat))
    assert content[5 : PIECE_BYTES + 9] == flat[5 : PIECE_BYTES + 9]
    assert bytes(first) == at_first, "what was taken before does not change"
    assert pickle.loads(pickle.dumps(content)) == content


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, min_size=1, max_size=30), st.booleans(), st.data())
def test_a_large_file_is_at_each_moment_what_its_changes_made_of_it(
    wanted: list[Step],
    is_new: bool,
    drawn: st.DataObject,
) -> None:
    base = b"" if is_new else b"\7" * (4 * PIECE_BYTES)
    file = FileHistory(1, content_of(base), 0o600, SECTOR)
    flat = bytearray(base)
    known: list[tuple[int, bytes]] = [(0, bytes(flat))]
    for event, (kind, at, piece) in enumerate(wanted):
        if kind == "write":
            file.write(event, at, piece)
            if piece:
                _put(flat, at, piece)
        else:
            file.resize(event, at)
            _resize(flat, at)
        known.append((after(event), bytes(flat)))
    order = drawn.draw(st.permutations(known))
    for moment, expected in order:
        content = file.content(file.size_at(moment), moment, {})
        assert bytes(content) == expected
        assert isinstance(content, LargeContent) == (len(expected) > SMALL_BYTES)
        same = file.content(file.size_at(moment), file.reached(moment), {})
        assert same == content
    file.settle()
    assert bytes(file.content(file.size, 0, {})) == flat


def _made_in_advance(size: int) -> FileHistory:
    file = FileHistory(1, content_of(b"record" * 50 + bytes(size - 300)), 0o600, SECTOR)
    file.resize(0, 300)
    file.resize(1, size)
    return file


def test_what_is_cut_and_filled_with_zeros_again_has_only_its_data_pending() -> None:
    file = _made_in_advance(64 << 20)
    in_piece = PIECE_BYTES // SECTOR
    assert list(file.pending_sectors()) == list(range(in_piece))
    file.write(2, (32 << 20) + 70, b"later")
    first = (32 << 20) // SECTOR
    assert list(file.pending_sectors()) == [*range(in_piece), *range(first, first + in_piece)]
    assert [each.event for each in file.past_of(first)] == [0, 2]


def test_images_of_a_large_file_share_all_that_they_have_in_common() -> None:
    file = _made_in_advance(64 << 20)
    for event in range(2, 200):
        file.write(event, 300 + 100 * event, b"r" * 100)
    contents = [file.content(file.size_at(before(e)), before(e), {}) for e in range(2, 200)]
    large = [each for each in contents if isinstance(each, LargeContent)]
    pieces = {id(piece) for each in large for piece in each.pieces}
    assert len(large) == 198
    assert len(pieces) <= 198 + 1, "a piece for each content, and the one of zeros"
    assert id(ZERO) in pieces


def test_a_long_run_at_a_moment_of_its_own_reads_as_its_sectors_do() -> None:
    def content(run: Callable[[FileHistory], dict[int, int]]) -> Content:
        file = FileHistory(1, content_of(b"o" * (3 * PIECE_BYTES)), 0o600, SECTOR)
        file.write(0, 700, b"n" * (2 * PIECE_BYTES))
        file.zero(1, PIECE_BYTES, PIECE_BYTES + 900, keeps_blocks=True)
        return file.content(file.size, after(1), run(file))

    moment = part(0, 150)
    whole = content(lambda _: dict.fromkeys(range(1, 300), moment))
    parts = bytearray(bytes(content(lambda _: {})))
    for low in range(1, 300, 100):
        some = content(lambda _, low=low: dict.fromkeys(range(low, min(300, low + 100)), moment))  # type: ignore[misc]
        start, end = low * SECTOR, min(300, low + 100) * SECTOR
        parts[start:end] = some[start:end]
    assert bytes(whole) == bytes(parts)
