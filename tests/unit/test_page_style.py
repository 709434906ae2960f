"""Pages have one sentence a line, and the field's terms.

Not here: decisions, which are superseded and never edited, the change log, pages that are made
from code, and texts that a program printed.
"""

import re
from pathlib import Path

import pytest
from test_citations import DECISIONS, DOCS, ROOT

GENERATED = {"cli.md", "event-log.md", "python.md", "scenario.md"}

OF_OUR_OWN = re.compile(
    r"\b(crew|dear|dearer|folders?|looked|looks at|overlays?|power cuts?|rubbish|telling|told|"
    r"workplace)\b"
)

ABBREVIATIONS = ("al.", "C.-C.", "J.")

SENTENCE_END = re.compile(r"(?<=[.?!])\*{0,2} (?=[A-Z`*\[\"])")


def _written_pages() -> list[Path]:
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("tests/*.md"), *ROOT.glob("reports/*.md")]
    pages += [ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md")]
    return sorted(
        page
        for page in pages
        if page.parent != DECISIONS and page.name not in {*GENERATED, "ten-findings.md"}
    )


def _lines(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith(("|", "#"))]


def _sentences(line: str) -> int:
    line = re.sub(r"^ *\d+\. ", "", line)
    line = re.sub(r"`[^`]*`|\([^()]*\)|\"[^\"]*\"", "Q", line)
    ends = [line[: end.start()].split(" ")[-1] for end in SENTENCE_END.finditer(line)]
    return 1 + sum(word not in ABBREVIATIONS for word in ends)


@pytest.mark.parametrize("page", _written_pages(), ids=lambda page: page.name)
def test_a_line_has_one_sentence(page: Path) -> None:
    long = [line for line in _lines(page) if _sentences(line) > 1]
    assert not long


@pytest.mark.parametrize("page", _written_pages(), ids=lambda page: page.name)
def test_a_page_has_the_terms_of_the_field(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8").replace("```", ""))
    assert not [match[0] for match in OF_OUR_OWN.finditer(text)]
