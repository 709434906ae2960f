"""Inputs that are almost right: seeded changes of bytes, lines and JSON values.

The same seed and number give the same input, so a failure is seen again by its number.

Not here: what is read (`test_readers_refuse`).
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

HOSTILE: Final[tuple[object, ...]] = (
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**400, 0.5, 1e308, float("nan"), float("inf"),
    "", "x", "\x00", "\x1b[2J", "\u202e", "\ud800", "é" * 40, "../../x", "/dev/full", "a\nb",
    "2147484", "-0", [], [[]], {}, {"is": "kill"}, {"": None}, [None] * 40,
)  # fmt: skip
"""Values that stand where another one is right."""

BYTES: Final = (b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\n", b"{", b"]", b'"', b"9" * 40, b"-")


def damaged(data: bytes, prng: Random) -> bytes:
    """Return bytes with some of them flipped, cut out, repeated, or replaced."""
    made = bytearray(data)
    for _ in range(prng.randint(1, 3)):
        at = prng.randrange(len(made) + 1)
        to = min(len(made), at + prng.choice((1, 1, 4, 40, 400)))
        match prng.randrange(5):
            case 0 if at < len(made):
                made[at] ^= 1 << prng.randrange(8)
            case 1:
                del made[at:to]
            case 2:
                made[at:at] = made[at:to]
            case 3:
                del made[at:]
            case _:
                made[at:to] = prng.choice(BYTES)
    return bytes(made)


def changed(value: Any, prng: Random) -> Any:
    """Return a JSON value in which one place holds something else, is gone, or is there twice."""
    made = json.loads(json.dumps(value))
    places = list(_places(made))
    if not places:
        return prng.choice(HOSTILE)
    holder, key = prng.choice(places)
    match prng.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[prng.choice(("", "extra", "is", "format", "\ud800"))] = holder[key]
        case 1:
            holder.insert(key, holder[key])
        case _:
            holder[key] = prng.choice(HOSTILE)
    return made


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys if isinstance(value, dict | list) else ():
        found.append((value, key))
        found += _places(value[key]) if isinstance(value[key], dict | list) else []
    return found


def inputs(good: bytes, count: int, *, is_json: bool = False) -> list[bytes]:
    """Return so many changed inputs; every second has a changed value where each line is JSON."""
    made = []
    for number in range(count):
        prng = Random(f"{number}")
        if is_json and number % 2:
            lines = good.splitlines()
            at = prng.randrange(len(lines))
            lines[at] = json.dumps(changed(json.loads(lines[at]), prng)).encode()
            made.append(b"\n".join(lines) + b"\n")
        else:
            made.append(damaged(good, prng))
    return made


def first_failure(tries: list[bytes], read: Callable[[bytes], str]) -> str:
    """Return what is wrong with the first input that is not read or refused as it should be."""
    for number, data in enumerate(tries):
        wrong = read(data)
        if wrong:
            return f"input {number}: {wrong}\n{data[:2000]!r}"
    return ""
