"""The order of the persistence models, and that every model has all that a model needs."""

import ast
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import walcrash
from walcrash.disk.models import MODELS, past_needed
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.persistence import (
    FACTS,
    WEAKEST,
    covers,
    is_portability,
    power_models,
    strict_to_weak,
    stricter_than,
    strictest_of,
    weakest_of,
)

SOURCES = Path(walcrash.__file__).parent
PAGES = SOURCES / "docs" / "reference" / "models"
INDEX = PAGES / "README.md"

OWN_FILES = {"persistence.py", *(f"model_{model.value}.py" for model in Model)}


def test_every_model_has_an_object_of_its_name_facts_and_a_page() -> None:
    assert set(FACTS) == set(MODELS) == set(Model)
    assert all(rules.name is model for model, rules in MODELS.items())
    assert all((PAGES / f"{model.value}.md").is_file() for model in Model)


def test_the_index_of_the_pages_lists_the_models_with_their_words() -> None:
    """WALCRASH_UPDATE_REFERENCE=1 writes the rows."""
    facts = ((model.value, FACTS[model].summary) for model in strict_to_weak())
    rows = "".join(f"| [`{name}`]({name}.md) | {summary} |\n" for name, summary in facts)
    text = INDEX.read_text(encoding="utf-8")
    made = re.sub(r"(?<=\| --- \| --- \|\n)(?:\|.*\n)+", lambda _: rows, text)
    if os.environ.get("WALCRASH_UPDATE_REFERENCE"):
        INDEX.write_text(made, encoding="utf-8")
        text = made
    assert made == text


def test_a_model_comes_after_all_that_are_stricter_and_the_weakest_covers_all() -> None:
    order = strict_to_weak()
    for model in order:
        assert all(order.index(each) < order.index(model) for each in stricter_than(model))
        assert covers(WEAKEST, model)
    assert order[-1] is WEAKEST
    assert order == tuple(Model)


def test_kill_ordered_ext4_and_posix_are_stricter_one_than_the_next() -> None:
    known = (Model.KILL, Model.ORDERED, Model.EXT4, Model.POSIX)
    assert [model for model in strict_to_weak() if model in known] == list(known)
    assert power_models() == tuple(model for model in strict_to_weak() if model is not Model.KILL)
    for stricter, weaker in pairwise(known):
        assert covers(weaker, stricter)
        assert not covers(stricter, weaker)
    assert set(known[:-1]) <= set(stricter_than(Model.POSIX))
    assert stricter_than(Model.KILL) == ()
    assert weakest_of([Model.ORDERED, Model.POSIX, Model.KILL]) is Model.POSIX
    assert strictest_of([Model.EXT4, Model.ORDERED, Model.POSIX]) is Model.ORDERED


@pytest.mark.parametrize(
    ("shown_by", "promised", "expected"),
    [
        (Model.POSIX, Model.EXT4, True),
        (Model.EXT4, Model.ORDERED, True),
        (Model.EXT4, Model.EXT4, False),
        (Model.ORDERED, Model.EXT4, False),
        (Model.KILL, Model.ORDERED, False),
    ],
)
def test_what_only_a_model_beyond_the_promised_one_shows_is_portability(
    shown_by: Model, promised: Model, expected: bool
) -> None:
    assert is_portability(shown_by, promised=promised) is expected


def test_a_weaker_model_needs_all_of_the_past_that_a_stricter_one_needs() -> None:
    for model in Model:
        for stricter in stricter_than(model):
            assert past_needed(stricter) <= past_needed(model)


def test_no_code_but_a_model_s_own_compares_the_name_of_a_model() -> None:
    """What depends on the model is asked of it, so that a new one is no hunt for branches."""
    found = {
        f"{path.relative_to(SOURCES)}:{line}"
        for path in SOURCES.rglob("*.py")
        if path.name not in OWN_FILES
        for line in _comparisons(path)
    }
    assert not found


def _comparisons(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        keys = node.keys if isinstance(node, ast.Dict) else []
        for side in (*sides, *keys):
            if side is not None and re.search(r"\bPersistenceModel\.[A-Z0-9_]+", ast.unparse(side)):
                yield node.lineno
        if isinstance(node, ast.Call) and re.fullmatch(
            r"(list|tuple|enumerate|reversed)\(PersistenceModel\)", ast.unparse(node)
        ):
            yield node.lineno
