"""Every engine that ships as a subject passes the contract suite, under each setting.

An engine whose package is missing is skipped with the reason, and in CI, which installs them
all, that is a failure (`needs`).
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
from needs import lacking

from walcrash.subjects.contract_suite import AdapterContract, done, put
from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter

Options = Mapping[str, str | int | float | bool]

SETTINGS: list[tuple[str, Options]] = [
    *[
        ("sqlite", {"journal_mode": journal, "synchronous": level})
        for journal in ("delete", "truncate", "persist", "wal", "memory", "off")
        for level in ("off", "normal", "full", "extra")
    ],
    ("sqlite", {"synchronous": "normal", "acknowledges": "sync"}),
    ("lmdb", {}),
    ("lmdb", {"sync": False}),
    ("lmdb", {"metasync": False}),
    ("lmdb", {"writemap": True}),
    ("lmdb", {"writemap": True, "map_async": True}),
    ("leveldb", {}),
    ("leveldb", {"sync": False, "write_buffer_kibibytes": 64}),
    ("rocksdb", {"sync": True}),
    ("rocksdb", {}),
    ("rocksdb", {"disable_wal": True}),
    ("rocksdb", {"acknowledges": "sync"}),
    ("duckdb", {}),
    ("gdbm", {}),
    ("gdbm", {"sync": True, "mmap": False}),
    ("dbm.dumb", {}),
    ("shelve", {}),
    ("zodb", {}),
    ("atomic-file", {}),
    ("atomic-file", {"fsync_file": False, "fsync_directory": False}),
    ("atomic-file", {"writer": "in-place"}),
    ("atomic-file", {"writer": "atomicwrites"}),
    ("redis", {}),
    ("redis", {"appendfsync": "everysec"}),
    ("redis", {"appendfsync": "no"}),
    ("postgresql", {}),
    ("postgresql", {"synchronous_commit": "off"}),
    ("postgresql", {"fsync": "off"}),
]


def made(adapter: str, options: Options) -> NumberedStore:
    try:
        subject = make_adapter(find_adapter(adapter), options)
    except MissingPackage as missing:
        lacking(f"{missing}; {missing.hint}")
    assert isinstance(subject, NumberedStore)
    return subject


def label(setting: tuple[str, Options]) -> str:
    return " ".join([setting[0], *(f"{key}={value}" for key, value in setting[1].items())])


class EngineContract(AdapterContract):
    """The suite, with an engine that is not installed skipped."""

    def make(self) -> NumberedStore:
        return made(self.adapter, self.options)


def _suite(adapter: str, options: Options) -> type[EngineContract]:
    suite = type("Suite", (EngineContract,), {"adapter": adapter, "options": options})
    # Each test has a cluster of its own; what these options change shows after a crash only.
    return pytest.mark.slow(suite) if adapter == "postgresql" and options else suite


for number, setting in enumerate(SETTINGS):
    words = "".join(word.capitalize() for word in label(setting).replace("=", " ").split())
    globals()[f"Test{words.replace('.', '').replace('-', '').replace('_', '')}"] = _suite(*setting)
    assert number < 100


@pytest.mark.parametrize("setting", SETTINGS, ids=label)
def test_a_compaction_gives_no_number_twice_even_where_all_is_done(
    setting: tuple[str, Options], tmp_path: Path
) -> None:
    subject = made(*setting)
    subject.open(tmp_path, lambda _: None)
    for record in (put("a", 1, b"x" * 20_000), done("a", 2)):
        last = subject.append(record)
    subject.compact()
    subject.close()
    again = made(*setting)
    again.open(tmp_path, lambda _: None)
    assert again.append(put("b", 3)) > last
    again.compact()
    assert [record.id for _, record in again.replay(0)][-1] == "b"
    again.close()


def test_leveldb_refuses_a_flipped_bit_in_its_log_only_where_it_is_paranoid(
    tmp_path: Path,
) -> None:
    subject = made("leveldb", {})
    subject.open(tmp_path, lambda _: None)
    subject.append(put("a", 1))
    subject.close()
    (log,) = (tmp_path / "db").glob("*.log")
    damaged = bytearray(log.read_bytes())
    damaged[-1] ^= 1
    log.write_bytes(damaged)
    with pytest.raises(Exception, match="checksum mismatch"):
        made("leveldb", {"paranoid": True}).open(tmp_path, lambda _: None)
    again = made("leveldb", {})
    again.open(tmp_path, lambda _: None)
    assert not list(again.replay(0))
    again.close()


def test_a_postgres_that_ends_otherwise_than_it_was_asked_to_has_not_closed(
    tmp_path: Path,
) -> None:
    subject = made("postgresql", {})
    subject.open(tmp_path, lambda _: None)
    server = getattr(subject, "_server")  # noqa: B009 - the server that this store started
    server.kill()
    server.wait()
    with pytest.raises(Exception, match="was asked to end and ended with -9"):
        subject.close()


def test_rocksdb_says_that_a_table_cannot_be_walked_to_its_end(tmp_path: Path) -> None:
    subject = made("rocksdb", {"sync": True})
    subject.open(tmp_path, lambda _: None)
    subject.append(put("a", 1))
    subject.close()
    (table,) = (tmp_path / "db").glob("*.sst")
    damaged = bytearray(table.read_bytes())
    damaged[0] ^= 1
    table.write_bytes(damaged)
    with pytest.raises(Exception, match="block checksum mismatch"):
        made("rocksdb", {"sync": True}).open(tmp_path, lambda _: None)
