"""The reference WAL behind the adapter: its contract, its effects, and what it refuses."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from walcrash.subjects.adapter import DefiniteFailure
from walcrash.subjects.reference import ReferenceAdapter
from walcrash.values.contract import Acknowledges, Promise
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus

PUT = Record(RecordType.PUT, "op-1", 1, b"payload")
DONE = Record(RecordType.DONE, "op-1", 2)


def opened(directory: Path, effects: list[str], **options: object) -> ReferenceAdapter:
    adapter = ReferenceAdapter(**options)  # type: ignore[arg-type]
    adapter.open(directory, effects.append)
    return adapter


@pytest.mark.parametrize(
    ("sync", "acknowledges", "power"),
    [
        ("append", Acknowledges.APPEND, Promise.ALL),
        ("group", Acknowledges.SYNC, Promise.ALL),
        ("none", Acknowledges.APPEND, Promise.PREFIX),
    ],
)
def test_the_contract_follows_from_the_sync_policy(
    sync: str, acknowledges: Acknowledges, power: Promise
) -> None:
    contract = ReferenceAdapter(sync=sync, max_attempts=5).contract
    assert (contract.acknowledges, contract.power) == (acknowledges, power)
    assert (contract.kill, contract.max_attempts) == (Promise.ALL, 5)


def test_a_life_from_put_to_done_and_the_next_one(tmp_path: Path) -> None:
    effects: list[str] = []
    first = opened(tmp_path, effects)
    offset = first.append(PUT)
    assert first.tick(100) == ("op-1",)
    assert effects == ["op-1"]
    assert first.state().operations["op-1"].status is OperationStatus.IN_FLIGHT
    first.append(DONE)
    assert first.apply() == first.end()
    first.compact()
    assert list(first.replay(0)) == []
    first.close()
    second = opened(tmp_path, effects)
    assert second.tick(10**12) == ()
    assert second.append(Record(RecordType.PUT, "op-2", 3)) > offset
    second.close()


def test_a_group_is_promised_by_sync_and_closing_twice_is_allowed(tmp_path: Path) -> None:
    adapter = opened(tmp_path, [], sync="group")
    adapter.append(PUT)
    adapter.sync()
    adapter.close()
    adapter.close()
    with pytest.raises(RuntimeError, match="call `open` first"):
        ReferenceAdapter().end()


def test_state_tells_what_is_saved_and_not_what_is_in_memory(tmp_path: Path) -> None:
    adapter = opened(tmp_path, [])
    adapter.append(PUT)
    state = adapter.state()
    assert (state.checkpoint, state.applied) == (0, 0)
    assert state.operations["op-1"].status is OperationStatus.PENDING
    adapter.close()


def test_a_full_disk_is_a_definite_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = opened(tmp_path, [])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DefiniteFailure):
        adapter.append(PUT)
    monkeypatch.undo()
    adapter.close()


def test_one_process_can_open_it_again_and_again(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        adapter = opened(tmp_path, [])
        adapter.append(Record(RecordType.PUT, f"op-{number}", number))
        adapter.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_refused_open_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "wal.log").write_bytes(b"rubbish")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Exception, match=r"wal\.log"):
        opened(tmp_path, [])
    assert len(os.listdir("/proc/self/fd")) == before


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'pydantic', 'rich', 'click', 'asyncio', 'logging', 'argparse', 'subprocess'}"
    code = f"import sys, walcrash.subjects.reference; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
