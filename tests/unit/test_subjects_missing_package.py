"""A subject whose package is missing says so, with the command that installs it."""

import sys
from pathlib import Path

import pytest

from walcrash.case.sandbox import Sandbox
from walcrash.subjects.engines.stored_record import NotARecord, decode, encode
from walcrash.subjects.loading import MissingPackage, NotAnAdapter, find_adapter, make_adapter
from walcrash.values.errors import ScenarioError
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec


@pytest.mark.parametrize(
    ("adapter", "module", "extra"),
    [
        ("lmdb", "lmdb", "lmdb"),
        ("leveldb", "plyvel", "leveldb"),
        ("rocksdb", "rocksdict", "rocksdb"),
        ("duckdb", "duckdb", "duckdb"),
        ("zodb", "ZODB", "zodb"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    adapter: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage) as missing:
        make_adapter(find_adapter(adapter), {})
    assert f"`{module}`" in str(missing.value)
    assert missing.value.hint == f"pip install 'walcrash[{extra}]'"


def test_a_scenario_whose_package_is_missing_is_a_scenario_error_with_the_command(
    tmp_path: Path,
) -> None:
    (tmp_path / "needy.py").write_text(
        "from walcrash.subjects.engines.package import need\n"
        "from walcrash.subjects.reference import ReferenceAdapter\n"
        "class Needy(ReferenceAdapter):\n"
        "    def __init__(self):\n"
        "        need('walcrash_not_here', extra='lmdb')\n"
    )
    with Sandbox() as sandbox, pytest.raises(ScenarioError) as wrong:
        sandbox.load(SubjectSpec(f"{tmp_path}/needy.py:Needy"), RecoveryLimits())
    assert "needs the package `walcrash_not_here`" in wrong.value.message
    assert "Traceback" not in wrong.value.message
    assert wrong.value.hint == "pip install 'walcrash[lmdb]'"


@pytest.mark.parametrize(
    ("adapter", "options", "words"),
    [
        ("sqlite", {"journal_mode": "wall"}, "`journal_mode` is one of"),
        ("sqlite", {"synchronous": "2"}, "`synchronous` is one of"),
        ("sqlite", {"journal_mode": "delete", "acknowledges": "sync"}, "`acknowledges`"),
        ("atomic-file", {"writer": "rename"}, "`writer` is one of"),
        ("dbm.dumb", {"sync": True}, "sync"),
    ],
)
def test_a_wrong_option_is_told_with_what_is_allowed(
    adapter: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(NotAnAdapter, match=words):
        make_adapter(find_adapter(adapter), options)


def test_a_stored_record_comes_back_equal_and_a_cut_one_is_none() -> None:
    record = Record(RecordType.FAILED, "é\0", -5, b"\0\xff", "kaputt\n", 1 << 62)
    data = encode(record)
    assert decode(data) == record
    for length in range(len(data) - len(record.payload)):
        with pytest.raises(NotARecord):
            decode(data[:length])
    with pytest.raises(NotARecord):
        decode(b"\xff" + data[1:])
