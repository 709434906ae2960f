"""The codec: what types say is read and written, and all else is refused with its place."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walcrash.values.codec import Codec, Refused, loads
from walcrash.values.codec_scalars import Mismatch
from walcrash.values.forms import (
    LARGEST_INTEGER,
    SPARSE,
    As,
    EncodableText,
    FileName,
    Most,
    Real,
    Row,
    Variants,
    Whole,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Point(Row):
    x: int
    y: int = 0
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Dog:
    name: str


@dataclass(frozen=True, slots=True)
class Cat:
    name: str
    lives: Annotated[int, Whole(1, 9)] = 9


SHAPES = Variants()


@SHAPES.add("round")
@dataclass(frozen=True, slots=True)
class Circle:
    radius: Annotated[float, Real(0.0, 10.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str = "é"
    name: FileName = "odd-\udcfe"
    shown: EncodableText = ""
    number: int = -5
    share: float = 1.5
    is_so: bool = True
    data: bytes = b"\0\xff"
    colour: Colour = Colour.BLUE
    point: Point = Point(1)
    points: tuple[Point, ...] = (Point(1, 2), Point(1, 2, Colour.BLUE))
    pair: tuple[int, str] = (1, "a")
    pets: tuple[Dog | Cat, ...] = (Dog("a"), Cat("b", 3))
    pet: Dog | Cat | None = None
    shape: Annotated[Any, SHAPES] = Circle(2.0)
    names: frozenset[str] = frozenset({"b", "a"})
    colours: Mapping[Colour, int] = field(default_factory=lambda: {Colour.BLUE: 1})
    counted: Counter[str] = field(default_factory=lambda: Counter({"a": 2}))
    scalars: Mapping[str, str | int | float | bool] = field(
        default_factory=lambda: {"a": "b", "c": 1, "d": 1.5, "e": True}
    )
    digits: Annotated[str, As(int, int, str)] = "3"
    few: Annotated[tuple[int, ...], Most(2, least=1)] = (1,)
    short: Annotated[bytes, Most(3)] = b"abc"
    rare: Annotated[int | None, SPARSE] = None
    inner: "Everything | None" = None


def _check_dog(dog: Dog) -> None:
    if dog.name == "cat":
        raise Mismatch("a dog is no cat", place=".name")


STRICT = Codec(hint="look again", checks={Dog: _check_dog})
OPEN = Codec(hint="look again", is_open=True, takes_surrogates=True)
COMPLETE = Codec(hint="look again", is_complete=True)


def form(**changes: object) -> dict[str, object]:
    return {**json.loads(STRICT.to_text(Everything(inner=Everything()))), **changes}


@pytest.mark.parametrize("codec", [STRICT, OPEN, COMPLETE])
def test_what_is_written_is_read_as_it_was(codec: Codec) -> None:
    value = Everything(rare=3, inner=Everything(pet=Cat("c")))
    assert codec.from_text(Everything, codec.to_text(value), "it") == value


def test_the_form_is_plain_and_in_the_order_of_the_fields() -> None:
    made = form()
    assert list(made)[:5] == ["text", "name", "shown", "number", "share"]
    assert made["point"] == [1]
    assert made["points"] == [[1, 2], [1, 2, "blue"]]
    assert made["pets"] == [{"is": "Dog", "name": "a"}, {"is": "Cat", "name": "b", "lives": 3}]
    assert made["shape"] == {"is": "round", "radius": 2.0}
    assert made["names"] == ["a", "b"]
    assert made["colours"] == {"blue": 1}
    assert (made["digits"], made["data"]) == (3, "AP8=")
    assert "rare" not in made


def test_a_class_that_is_registered_later_is_read_and_written() -> None:
    with pytest.raises(Refused, match=r"it\.shape\.is: found \"square\"; allowed: round"):
        STRICT.from_json(Everything, form(shape={"is": "square"}), "it")

    @SHAPES.add("square")
    @dataclass(frozen=True, slots=True)
    class Square:
        side: int

    value = Everything(shape=Square(3))
    assert STRICT.from_text(Everything, STRICT.to_text(value), "it") == value
    with pytest.raises(AssertionError, match="registered already"):
        SHAPES.add("square")(Square)
    SHAPES.by_name.pop("square")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("text", 1, "it.text: found 1; allowed: text"),
        ("text", "\ud800", "it.text: found .*; allowed: text without lone surrogates"),
        ("shown", "\udcfe", "it.shown: found .*; allowed: text without lone surrogates"),
        ("name", None, "it.name: found null; allowed: text"),
        ("number", True, "it.number: found true; allowed: a whole number"),
        ("number", 1.0, "it.number: found 1.0; allowed: a whole number"),
        ("number", LARGEST_INTEGER + 1, "it.number: found 18446744073709551617"),
        ("number", "1", 'it.number: found "1"'),
        ("share", math.nan, "it.share: found NaN; allowed: a number"),
        ("share", math.inf, "it.share: found Infinity; allowed: a number"),
        ("share", 10**400, "it.share: found 1000"),
        ("share", False, "it.share: found false"),
        ("is_so", 1, "it.is_so: found 1; allowed: true or false"),
        ("data", "AP8", 'it.data: found "AP8"; allowed: base64'),
        ("data", "é", "it.data: found .*; allowed: base64"),
        ("data", [], r"it.data: found \[\]; allowed: text"),
        ("colour", "green", 'it.colour: found "green"; allowed: red, blue'),
        ("colour", [], r"it.colour: found \[\]; allowed: red, blue"),
        ("point", [], "it.point: found 0 values; there are 1 to 3"),
        ("point", [1, 2, "red", 4], "it.point: found 4 values; there are 1 to 3"),
        ("point", [1, "x"], 'it.point.y: found "x"'),
        ("point", {}, "it.point: found {}; allowed: an array"),
        ("points", [[1], [1, 2, 3]], r"it.points\[1\].colour: found 3"),
        ("pair", [1], "it.pair: found 1 values; there are 2"),
        ("pair", [1, 2], r"it.pair\[1\]: found 2"),
        ("pets", [{"name": "a"}], r"it.pets\[0\]: the key `is` is missing"),
        ("pets", [{"is": "Popen"}], r'it.pets\[0\].is: found "Popen"; allowed: Dog, Cat'),
        (
            "pets",
            [{"is": "Cat", "name": "a", "lives": 10}],
            r"it.pets\[0\].lives: found 10; .* 1 to 9",
        ),
        ("pets", [{"is": "Dog", "name": "cat"}], r"it.pets\[0\].name: a dog is no cat"),
        ("pet", 3, "it.pet: found 3; allowed: an object"),
        (
            "shape",
            {"is": "round", "radius": 0},
            "it.shape.radius: found 0; .* above 0",
        ),
        ("names", ["a", "a"], "it.names: found .*; allowed: an array without repetitions"),
        ("colours", {"green": 1}, 'it.colours.green: found "green"; allowed: red, blue'),
        ("colours", [], r"it.colours: found \[\]; allowed: an object"),
        ("counted", {"a": "b"}, 'it.counted.a: found "b"; allowed: a whole number'),
        ("scalars", {"a": None}, "it.scalars.a: found null; allowed: text, a whole number"),
        ("scalars", {"a": math.inf}, "it.scalars.a: found Infinity"),
        ("scalars", {"\n" * 50: []}, r'it.scalars."\\n.*: found \[\]'),
        ("few", [], r"it.few: found \[\]; allowed: an array of 1 to 2 items"),
        ("few", [1, 2, 3], "it.few: found .*; allowed: an array of 1 to 2 items"),
        ("short", "YWJjZA==", "it.short: found .*; allowed: at most 3 bytes"),
        ("extra", 1, 'it: there is no key "extra"; allowed: text, name'),
        ("inner", {"inner": {"number": "x"}}, 'it.inner.inner.number: found "x"'),
    ],
)
def test_what_is_not_of_the_type_is_refused_with_its_place(key, value, expected) -> None:
    with pytest.raises(Refused, match=f"^{expected}") as caught:
        STRICT.from_json(Everything, form(**{key: value}), "it")
    assert caught.value.hint == "look again"
    assert len(caught.value.message) < 500


def test_an_open_format_skips_what_it_does_not_know() -> None:
    odd = form(extra=1, point=[1, 2, "red", "new"], text="\ud800")
    read = OPEN.from_json(Everything, odd, "it")
    assert (read.point, read.text) == (Point(1, 2), "\ud800")
    with pytest.raises(Refused, match="allowed: red, blue"):
        OPEN.from_json(Everything, form(colour="green"), "it")


def test_a_complete_format_has_every_key_that_is_not_sparse() -> None:
    made = json.loads(COMPLETE.to_text(Cat("a")))
    assert COMPLETE.from_json(Cat, made, "it") == Cat("a")
    with pytest.raises(Refused, match="it: the key `lives` is missing"):
        COMPLETE.from_json(Cat, {"name": "a"}, "it")
    assert STRICT.from_json(Cat, {"name": "a"}, "it") == Cat("a")


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"inner": deep}
    with pytest.raises(Refused, match="nested too deeply"):
        STRICT.from_json(Everything, deep, "it")
    with pytest.raises(Refused, match="nested too deeply"):
        STRICT.from_text(Everything, "[" * 100_000, "it")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff", "no JSON"),
        ("{", "no JSON"),
        ("NaN", "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1, "a": 1}', "a key stands twice"),
        ("9" * 5000, "no JSON"),
        ("", "no JSON"),
    ],
)
def test_what_is_no_json_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        loads(text)
    with pytest.raises(Refused, match=f"^it: .*{why}"):
        STRICT.from_text(Everything, text, "it")


@pytest.mark.parametrize("version", [0, -1, True, None, "1", 1.0, [1], {}, 10**400])
def test_a_version_that_is_none_or_newer_is_refused(version: object) -> None:
    with pytest.raises(Refused, match="format"):
        STRICT.check_format({"format": version}, 3, "it")
    for wrong in ({}, [], None, "format"):
        with pytest.raises(Refused):
            STRICT.check_format(wrong, 3, "it")


def test_versions_are_refused_by_name() -> None:
    assert STRICT.check_format({"format": 2}, 3, "it") == 2
    with pytest.raises(
        Refused, match="it: format 4 is newer than this walcrash, which reads"
    ) as new:
        STRICT.check_format({"format": 4}, 3, "it")
    assert new.value.hint == "pip install --upgrade walcrash"
    with pytest.raises(Refused, match="it: format 1 is older than this walcrash") as old:
        STRICT.check_format({"format": 1}, 3, "it", oldest=2)
    assert "walcrash that wrote it" in old.value.hint


def test_what_has_no_json_form_is_never_written() -> None:
    for value in (object(), {1: 2}, [1]):
        with pytest.raises(TypeError):
            STRICT.to_json(value)
    with pytest.raises(TypeError, match="none of round"):
        STRICT.to_json(Everything(shape=Dog("a")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(Everything.__dataclass_fields__)), JSON)
def test_any_value_in_any_field_is_read_or_refused(key: str, value: object) -> None:
    try:
        read = STRICT.from_json(Everything, form(**{key: value}), "it")
    except Refused:
        return
    assert STRICT.from_text(Everything, STRICT.to_text(read), "it") == read
