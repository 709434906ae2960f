"""Puts of which some length is a multiple of 256."""

import base64
import json

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.values.seed import Prng
from walcrash.workload.fit import Fit
from walcrash.workload.payload_form import PayloadForm
from walcrash.workload.round_lengths import LENGTHS, RoundLengths

NOON = 1_700_000_000_000
FRAME = 30


def text_bytes(record: Record) -> int:
    """Return how long the line of a driver's request is that has the record, without its call."""
    return len(json.dumps(record.to_json(), separators=(",", ":")))


def drawn(id_: str, form: PayloadForm | None, most: int = 100_000) -> list[Record]:
    """Return the puts that are drawn for an id, with payloads of zeros."""
    lengths = RoundLengths(Fit(frames={RecordType.PUT: FRAME}, form=form), most)
    prng = Prng(3)
    puts = (lengths.draw_put(prng, id_, NOON) for _ in range(3000))
    return [Record(RecordType.PUT, put[0], NOON, bytes(put[1])) for put in puts if put is not None]


@pytest.mark.parametrize("id_", ["op-1", "op-12", "op-123", "op-1234"])
def test_payloads_and_the_texts_of_the_protocol_have_round_lengths_whatever_the_id_takes(id_):
    found = drawn(id_, PayloadForm.BASE_64)
    assert {len(record.payload) for record in found} >= set(LENGTHS)
    assert {text_bytes(record) for record in found} >= set(LENGTHS)
    # A byte off is drawn too.
    assert {text_bytes(record) for record in found} >= {255, 257}
    assert all(record.id.startswith(id_) and len(record.id) <= len(id_) + 3 for record in found)


@pytest.mark.parametrize(
    ("form", "encode"),
    [(None, bytes), (PayloadForm.BASE_64, base64.b64encode), (PayloadForm.HEXADECIMAL, bytes.hex)],
)
@pytest.mark.parametrize("header", [0, 8, 12])
def test_what_a_record_takes_in_its_file_behind_a_header_has_round_lengths(form, encode, header):
    taken = {
        FRAME - header + len(record.id) + len(encode(record.payload))
        for record in drawn("op-1", form)
    }
    assert taken >= {256, 512}


def test_no_more_than_a_third_of_the_puts_and_none_that_the_subject_refuses_is_such_a_one():
    assert len(drawn("op-1", None)) < 3000 * 0.4
    assert all(len(record.payload) <= 300 for record in drawn("op-1", None, most=300))
