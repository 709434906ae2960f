"""The rooms: each has one sentence and hands on names; the pages on them name what is there."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from test_citations import DOCS, MODULES, PACKAGE, ROOT, resolves

ARCHITECTURE = DOCS / "explanation" / "architecture.md"
GLOSSARY = DOCS / "explanation" / "glossary.md"

PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_has_one_sentence_and_nothing_but_what_it_hands_on(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    sentence = ast.get_docstring(tree)
    assert sentence is not None
    assert re.fullmatch(r"[^.\n]+(?:\.\w[^.\n]*)*\.", sentence), sentence
    for node in tree.body[1:]:
        is_list = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        assert is_list or isinstance(node, ast.ImportFrom), ast.unparse(node)


def _terms() -> list[str]:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", GLOSSARY.read_text(encoding="utf-8"), re.M)
    return [row.rstrip("*") for row in rows if row != "word"]


def test_every_word_of_the_glossary_is_used() -> None:
    pages = [page for page in DOCS.rglob("*.md") if page != GLOSSARY]
    texts = [path.read_text(encoding="utf-8") for path in [*pages, *MODULES.values()]]
    everything = " ".join(" ".join(texts).lower().replace("_", " ").split())
    unused = [word for word in _terms() if not re.search(rf"\b{word}", everything)]
    assert not unused
    assert len(_terms()) > 50


def test_no_word_is_explained_twice() -> None:
    assert len(set(_terms())) == len(_terms())


def _architecture() -> str:
    return ARCHITECTURE.read_text(encoding="utf-8")


def test_the_architecture_page_has_every_room_and_no_other() -> None:
    text = re.search(r"^## Rooms\n(.*?)^## ", _architecture(), re.M | re.S)[1]
    rooms = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert len(set(rooms)) == len(rooms)
    assert set(rooms) == {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()
    }


def test_the_layers_of_the_architecture_page_are_those_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    assert (
        re.search(r"^```text\n(.*?)\n```", _architecture(), re.M | re.S)[1].splitlines() == layers
    )


def test_each_dotted_name_of_the_architecture_page_is_there() -> None:
    names = re.findall(r"`(\w+(?:\.\w+)+)`", _architecture())
    dotted = [name for name in names if not name.endswith((".md", ".html"))]
    assert len(dotted) > 25
    assert not [name for name in dotted if not resolves(name)]
