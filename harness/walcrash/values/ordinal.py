"""Ordinals: a whole number as its place in a row, in English.

Not here: counts of things (`walcrash.report.text`).
"""


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `11th`, `21st`, ... for a number from 1 on."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
