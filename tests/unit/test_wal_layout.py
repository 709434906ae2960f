"""The layout that the reference page states is the one that the code writes."""

from pathlib import Path

import pytest

import walcrash
from walcrash.values.record import Record, RecordType
from walcrash.wal import checkpoint, layout, open_store, state

PAGE = Path(walcrash.__file__).parent / "docs" / "reference" / "log-format.md"


def test_the_example_of_the_reference_page_is_what_the_log_writes(tmp_path: Path) -> None:
    example = PAGE.read_text().split("```text\n")[1].split("```")[0]
    with open_store(tmp_path) as store:
        store.append(Record(RecordType.PUT, "op-1", 1000, b"hi"))
    assert (tmp_path / "wal.log").read_bytes() == bytes.fromhex(example)


def test_the_reference_page_states_the_sizes_and_limits() -> None:
    page = PAGE.read_text()
    assert f"the header, {layout.LOG_HEADER_BYTES} bytes" in page
    assert f"a record, {layout.RECORD_HEADER_BYTES} bytes and the body" in page
    assert f"`checkpoint`, {checkpoint._FILE_BYTES} bytes" in page
    assert f"`outbox.state`: {state._FIELDS.size} bytes" in page
    assert f"An operation takes {state._ENTRY.size} bytes" in page
    for limit in (layout.ID_BYTES_MAX, layout.PAYLOAD_BYTES_MAX, layout.ERROR_BYTES_MAX):
        assert f"at most {limit:,}" in page


def test_the_checksum_is_the_published_crc32c() -> None:
    assert layout.checksum(b"123456789") == 0xE3069283


@pytest.mark.parametrize(("base", "offset"), [(0, 801), (1, 800), (700, 800)])
def test_a_header_is_valid_only_at_its_offset_in_its_log(base: int, offset: int) -> None:
    record = Record(RecordType.DONE, "op-1", 1)
    data, _ = layout.encode_record(record, base=0, offset=800, previous=1, synced_offset=0)
    assert layout.decode_frame(data, base=0, offset=800).offset == 800
    with pytest.raises(layout.BadBytes, match="checksum"):
        layout.decode_frame(data, base=base, offset=offset)
