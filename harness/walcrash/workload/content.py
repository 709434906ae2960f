"""What the records of a workload hold: ids, payloads and errors.

Ids can be any text, and payloads any bytes, so that what breaks on quotes, NUL, long or empty
ones, or on a payload that equals the log's own padding, gets its chance.

Not here: text that UTF-8 cannot encode (lone surrogates), which no driver could be sent.
"""

from collections.abc import Sequence
from typing import Final

from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import IdStyle
from walcrash.values.seed import Prng

# limits
LONG_ID_CHARACTERS: Final = 4096
"""How long the long odd ids are, before their number."""

LONG_ERROR_CHARACTERS: Final = 1000
"""How long the long error text is."""

RETRY_DELAYS_MS: Final = (1, 500, 1_000, 60_000, 3_600_000)
"""From a failed attempt to the next, milliseconds."""

ODD_IDS: Final = (
    ("", ""),
    (" op ", " "),
    ("op\n", ""),
    ("op\t\r\n", "\n"),
    ('"op"\'', "'"),
    ("op\0", "\0"),
    ("\U0001f9e8", "\U0001f469\u200d\U0001f680"),
    ("e\u0301-", ""),  # decomposed, so that normalisation would change it
    ("\u00e9-", ""),
    ("\u202e\u05d0\u0628-", ""),  # right to left
    ("x" * LONG_ID_CHARACTERS, ""),
    ('{"id": ', "}"),
    ("../op-", ""),
    ("/op/", ".tmp"),
    ("%s%n%d-", "%"),
    ("op\\", "\\"),
    ("\ufeffop-", ""),
    ("OP-", ""),
    ("op-", ""),
)
"""What comes before and after the number in an odd id; the number keeps ids distinct."""

ERRORS: Final = (
    "timeout",
    "connection reset by peer",
    "HTTP 503: try later",
    "",
    'quota "d\u00e9pass\u00e9"\nsecond line\0',
    "e" * LONG_ERROR_CHARACTERS,
)


def draw_id(prng: Prng, *, style: IdStyle, number: int, is_empty_taken: bool) -> str:
    """Return an id that no other number gives; the empty one at most where it is not taken."""
    if style is IdStyle.PLAIN:
        return f"op-{number}"
    if not is_empty_taken and prng.below(16) == 0:
        return ""
    before, after = prng.choice(ODD_IDS)
    return f"{before}{number}{after}"


def draw_payload(prng: Prng, sizes_bytes: Sequence[int]) -> bytes:
    """Return bytes of one of the sizes: any bytes mostly, sometimes one byte over and over."""
    size = prng.choice(sizes_bytes)
    # Runs of one byte, zeros among them, are what a file system leaves behind too.
    if prng.below(8) == 0:
        return bytes([prng.choice((0, 0, 0xFF, prng.below(256)))]) * size
    return prng.data(size)


def draw_failure(prng: Prng, id_: str, ts_ms: int) -> Record:
    """Return a `MarkFailed` with its error and the time of the next attempt."""
    return Record(
        RecordType.FAILED,
        id_,
        ts_ms,
        error=prng.choice(ERRORS),
        next_retry_at_ms=ts_ms + prng.choice(RETRY_DELAYS_MS),
    )
