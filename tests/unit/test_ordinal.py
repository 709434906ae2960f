"""Ordinals, as reports number calls."""

import pytest

from walcrash.values.ordinal import ordinal


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (32, "32nd"), (43, "43rd"), (101, "101st"), (111, "111th"), (1003, "1003rd")],
)  # fmt: skip
def test_a_number_gets_the_ending_that_english_gives_it(number: int, word: str) -> None:
    assert ordinal(number) == word
