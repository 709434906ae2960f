"""The rooms: each has one sentence and hands on names; the pages on them name what is there."""

import ast
import re
from pathlib import Path

import pytest
from test_citations import DOCS, MODULES, PACKAGE

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
