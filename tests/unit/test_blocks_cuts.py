"""Cuts of a block log, and the devices that they leave; no device, no mount."""

from walcrash.blocks.cuts import Cut, CutKind, Devices, Lost, blocks_of, cuts, digest
from walcrash.blocks.log import BlockLog, BlockWrite, packed, read_log
from walcrash.values.seed import Prng

FLUSH = BlockWrite(0, b"", is_flush=True)


def written(offset: int, letter: bytes, length: int = 4096) -> BlockWrite:
    return BlockWrite(offset, letter * length)


LOG: BlockLog = (
    written(0, b"a"),
    written(8192, b"b", 8192),
    FLUSH,
    written(0, b"c"),
    written(4096, b"d"),
    FLUSH,
    FLUSH,
    written(4096, b"e", 1024),
)


def content(cut: Cut, log: BlockLog = LOG) -> bytes:
    blocks = Devices({}, log).after(cut)
    device = bytearray(16384)
    for number, (block, _) in blocks.items():
        device[number * 4096 : number * 4096 + len(block)] = block
    return bytes(device)


def test_a_log_file_gives_back_what_was_logged() -> None:
    assert read_log(b"".join(map(packed, LOG))) == LOG


def test_everything_that_has_arrived_is_cut_at_each_entry() -> None:
    prefixes = [cut for cut in cuts(LOG, Prng(1), drawn=4) if cut.kind is CutKind.PREFIX]
    assert [cut.arrived for cut in prefixes] == list(range(len(LOG) + 1))
    assert content(prefixes[4]) == b"c" * 4096 + bytes(4096) + b"b" * 8192


def test_no_cut_loses_what_was_flushed() -> None:
    for seed in range(20):
        for cut in cuts(LOG, Prng(seed), drawn=8):
            flushed = max(
                (number for number in range(cut.arrived) if LOG[number].is_flush), default=-1
            )
            assert all(flushed < lost.entry < cut.arrived for lost in cut.lost), cut


def test_between_two_flushes_each_write_is_lost_alone_and_kept_alone() -> None:
    devices = {
        (cut.kind, content(cut)[:8192:4096])
        for cut in cuts(LOG, Prng(1), drawn=0)
        if cut.arrived == 5 and cut.kind in (CutKind.ALL_BUT_ONE, CutKind.ONE_ALONE)
    }
    assert devices == {
        (CutKind.ALL_BUT_ONE, b"a" + b"d"),
        (CutKind.ALL_BUT_ONE, b"c" + b"\0"),
        (CutKind.ONE_ALONE, b"c" + b"\0"),
        (CutKind.ONE_ALONE, b"a" + b"d"),
    }


def test_a_write_tears_between_sectors_and_keeps_the_bytes_around_it() -> None:
    torn = Cut(CutKind.TORN, 8, (Lost(7, 1, 2),))
    assert content(torn)[4096:8192] == b"e" * 512 + b"d" * 3584
    torn = Cut(CutKind.TORN, 5, (Lost(4, 2, 8),))
    assert content(torn)[:8192] == b"c" * 4096 + b"d" * 1024 + bytes(3072)


def test_one_seed_gives_the_same_cuts() -> None:
    assert list(cuts(LOG, Prng(7), drawn=5)) == list(cuts(LOG, Prng(7), drawn=5))
    assert list(cuts(LOG, Prng(7), drawn=5)) != list(cuts(LOG, Prng(8), drawn=5))


def test_devices_with_the_same_content_have_the_same_digest() -> None:
    one = blocks_of(b"x" * 4096 + bytes(8192) + b"y" * 4096)
    other = Devices({}, (written(0, b"x"), written(12288, b"y"), written(4096, b"\0"))).after(
        Cut(CutKind.PREFIX, 3)
    )
    assert digest(one) == digest(other)
    assert digest(one) != digest(blocks_of(b"x" * 4096 + b"y" * 4096))
