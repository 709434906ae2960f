"""Right logs of damage at rest: a mark that a compaction relied on is missed when it is gone."""

from pathlib import Path

import pytest

from walcrash.scenario.file import load_scenario
from walcrash.subjects.adapter import Adapter
from walcrash.subjects.loading import find_adapter
from walcrash.values.record import Record, RecordType

DIRECTORY = Path(__file__).parents[2] / "scenarios" / "planted" / "rot"
COMPACTING = ("right-sealed", "right-sectors", "right-uncompacted", "right-undecodable")
MARKER = b"\xf7SEAL"


def opened(name: str, directory: Path) -> Adapter:
    adapter = find_adapter(load_scenario(DIRECTORY / f"{name}.toml").subject.adapter)()
    adapter.open(directory, lambda _: None)
    return adapter


@pytest.mark.parametrize("name", COMPACTING)
def test_the_mark_for_which_a_put_was_dropped_is_no_torn_tail(name: str, tmp_path: Path) -> None:
    adapter = opened(name, tmp_path)
    adapter.append(Record(RecordType.PUT, "a", 1))
    adapter.apply()
    adapter.append(Record(RecordType.DONE, "a", 2))
    adapter.compact()
    assert [record.type for _, record in adapter.replay(0)] == [RecordType.DONE]
    # Killed: nothing is closed, and the state is that of before the mark.
    assert opened(name, tmp_path).state().operations["a"].status.value == "done"
    log = tmp_path / "wal.log"
    data = bytearray(log.read_bytes())
    data[data.rindex(MARKER)] ^= 1
    log.write_bytes(data)
    with pytest.raises(Exception, match="a is pending, and the log has no put of it"):
        opened(name, tmp_path)
