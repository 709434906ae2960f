"""The scanner for lines finds exactly the keys that tomllib finds, in any document."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from walcrash.scenario.toml_position import key_lines

KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.sampled_from(["", "a b", "a.b", '"', "'", "#", "[x]", "=", "\n", "é", "\\"]),
)
TEXTS = st.sampled_from(
    [
        '"a # b"',
        "'c ] d'",
        '"""e\n"" f\n"""',
        '"""g"""""',
        "'''h\n''i\n'''",
        '"\\""',
        '""',
        "''",
        '"""\\"""\n"""',
        "'\\'",
    ]
)
SCALARS = st.one_of(TEXTS, st.sampled_from(["1", "-0.5", "true", "inf", "2020-01-01 10:00:00Z"]))
GAPS = st.sampled_from(["", " ", "\t"])
BREAKS = st.sampled_from(["", " ", "\n", " # note, [ ] {\n", "\n\n  "])


def bare_or_quoted(key: str) -> str:
    return key if key.isascii() and key.isalnum() else json.dumps(key)


@st.composite
def arrays(draw, values):
    elements = draw(st.lists(values, max_size=4))
    inside = ",".join(draw(BREAKS) + element + draw(BREAKS) for element in elements)
    comma = "," if elements and draw(st.booleans()) else ""
    return f"[{inside}{comma}{draw(BREAKS)}]"


@st.composite
def inline_tables(draw, values):
    keys = draw(st.lists(KEYS, max_size=3, unique=True))
    pairs = [f"{bare_or_quoted(key)}{draw(GAPS)}={draw(GAPS)}{draw(values)}" for key in keys]
    return f"{{{draw(GAPS)}{', '.join(pairs)}{draw(GAPS)}}}"


VALUES = st.recursive(SCALARS, lambda values: arrays(values) | inline_tables(values), max_leaves=8)


@st.composite
def documents(draw):
    lines = []
    for key in draw(st.lists(KEYS, max_size=3, unique=True)):
        lines.append(f"{bare_or_quoted(key)} = {draw(VALUES)} {draw(BREAKS)}")
    for number in range(draw(st.integers(0, 3))):
        header = draw(st.sampled_from(["[t{}]", "[t{}.u]", "[[l]]", "[[ l . m ]]", "[[l]]\n[l.n]"]))
        lines.append(header.format(number))
        for key in draw(st.lists(KEYS, max_size=2, unique=True)):
            lines.append(f" {bare_or_quoted(key)}.x = {draw(VALUES)}")
    return "\n".join(lines)


def paths(value, path=()):
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, each in inner:
        yield (*path, key)
        yield from paths(each, (*path, key))


@given(documents())
def test_the_scanner_finds_exactly_the_keys_that_tomllib_finds(document):
    try:
        parsed = tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        return  # Two keys of the same name; nobody asks for the lines of what is not TOML.
    lines = key_lines(document)
    assert set(lines) == set(paths(parsed))
    assert all(1 <= line <= document.count("\n") + 1 for line in lines.values())
