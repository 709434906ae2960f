"""Forms in which payloads are written: known from a few puts, and to the byte."""

import base64

import pytest

from walcrash.workload.payload_form import PayloadForm, PutSize, form_of

ENCODED = {
    PayloadForm.AS_IT_IS: bytes,
    PayloadForm.BASE_64: base64.b64encode,
    PayloadForm.HEXADECIMAL: bytes.hex,
}


@pytest.mark.parametrize("form", PayloadForm)
def test_a_form_says_what_a_payload_takes_and_which_one_takes_so_much(form: PayloadForm) -> None:
    for length in range(100):
        taken = len(ENCODED[form](bytes(length)))
        assert form.written(length) == taken
        assert form.written(form.payload(length)) <= length < form.written(form.payload(length) + 1)


@pytest.mark.parametrize("form", PayloadForm)
def test_the_form_is_known_where_payloads_differ_and_frames_do_not(form: PayloadForm) -> None:
    puts = [PutSize(length, 30 + form.written(length)) for length in (0, 10, 70, 1000)]
    assert form_of(puts) is form
    uneven = [put._replace(written=put.written + 3 * at) for at, put in enumerate(puts)]
    assert form_of([*puts, *uneven]) is None
    assert form_of(puts[:2]) is None
    assert form_of([]) is None
