"""Records in their JSON form, and records that a replay yields: what is none is refused by key."""

from dataclasses import replace

import pytest

from walcrash import MalformedRecord, Record, RecordType
from walcrash.subjects.messages import MalformedOutput, collect
from walcrash.values.limits import ID_BYTES

RECORD = Record(RecordType.PUT, "op-1", 7, b"\xff", "", 0)


def test_what_was_written_is_what_is_read() -> None:
    for each in (RECORD, replace(RECORD, id="\u4e2d", ts_ms=-(2**63), next_retry_at_ms=2**63 - 1)):
        assert Record.from_json(each.to_json()) == each


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "Put"}, "`type` is a record type; found 'Put'"),
        ({"type": []}, "`type` is a record type; found"),
        ({"id": 5}, "`id` is text; found 5"),
        ({"id": "\ud800"}, r"`id` is text without lone surrogates; found '\\ud800'"),
        ({"error": "\udfff"}, "`error` is text without lone surrogates"),
        ({"id": "a" * (ID_BYTES + 1)}, "`id` has at most 65,536 bytes of UTF-8; found a text of 6"),
        ({"ts_ms": 2**80}, "`ts_ms` is an integer of 64 bits; found one of 81"),
        ({"next_retry_at_ms": -(2**63) - 1}, "`next_retry_at_ms` is an integer of 64 bits"),
        ({"ts_ms": True}, "`ts_ms` is an integer; found True"),
        ({"ts_ms": 1.0}, "`ts_ms` is an integer; found 1.0"),
        ({"payload": "!"}, "`payload` is base64; found '!'"),
        ({"payload": "\u00e9"}, "`payload` is base64; found"),
        ({"colour": "red"}, "a record has no key 'colour'; allowed: type, id, ts_ms, payload,"),
    ],
)
def test_a_json_form_that_is_no_record_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(MalformedRecord, match=why):
        Record.from_json({**RECORD.to_json(), **changes})


@pytest.mark.parametrize("form", [[], None, "record", 7])
def test_what_is_no_object_is_no_record(form: object) -> None:
    with pytest.raises(MalformedRecord, match="a record is an object; found"):
        Record.from_json(form)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", list(RECORD.to_json()))
def test_a_key_that_is_missing_is_named(key: str) -> None:
    form = RECORD.to_json()
    del form[key]
    with pytest.raises(MalformedRecord, match=f"the key '{key}' is missing; found"):
        Record.from_json(form)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ts_ms": 2**80}, "`ts_ms` is an integer of 64 bits; found one of 81"),
        ({"next_retry_at_ms": -(2**70)}, "`next_retry_at_ms` is an integer of 64 bits"),
        ({"id": "\u4e2d" * ID_BYTES}, "`id` has at most 65,536 bytes of UTF-8"),
        ({"id": 5}, "a replay yields Record; found"),
    ],
)
def test_a_record_out_of_range_is_the_subjects_malformed_output(
    changes: dict[str, object], why: str
) -> None:
    wrong = replace(RECORD, **changes)  # type: ignore[arg-type]
    with pytest.raises(MalformedOutput, match=why):
        collect(0, [(0, RECORD), (100, wrong)])
    odd = replace(RECORD, id="\ud800")
    assert collect(0, [(0, odd)]).records[0].record == odd
