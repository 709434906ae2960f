"""Nothing cites what is not there: modules, files and pages of this repository, and their links.

Modules: each name in backticks after "Not here:" in a module's docstring is a module (of the same
room, or `room.module`), something that a module defines, or a file; each dotted name that begins
with a room, anywhere in the sources, is one of the first two; each page (`*.md`) is a file.
Pages: each relative link leads to a file and a heading, each name `walcrash.x.y` and each path
below a directory of the repository is there.

Decisions are superseded, never edited: what they name may have moved since, and their links are
checked through `MOVED`.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "harness"
PACKAGE = SOURCES / "walcrash"
DOCS = PACKAGE / "docs"
DECISIONS = DOCS / "explanation" / "decisions"

MOVED: dict[str, str] = {}
"""Where files that a decision links to have gone, both from the repository's top."""

OUTPUT = {"report.md"}
"""Pages that a run writes."""

FOREIGN = {"doc/index.md"}
"""Pages of other projects: LevelDB's documentation."""

TOP = ("harness/", "scenarios/", "tests/", "reports/", ".ci/")
UNTRACKED = ("reports/runs",)
MAN_PAGE = re.compile(r"\w+\(\d\)")


def _python_files() -> list[Path]:
    found = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return sorted(path for path in found if path != Path(__file__))


def _pages() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("reports/*.md"), *ROOT.glob("tests/*.md")]
    found += [*DOCS.rglob("*.md"), *ROOT.glob("scenarios/**/README.md")]
    return sorted(path for path in found if "node_modules" not in path.parts)


MODULES = {
    ".".join(
        path.with_suffix("").relative_to(SOURCES).parts[: -1 if path.stem == "__init__" else None]
    ): path
    for path in PACKAGE.rglob("*.py")
}
ROOMS = {name.split(".")[1] for name in MODULES if name.count(".")}


@functools.cache
def _defined(path: Path) -> frozenset[str]:
    """Return all names that a module defines or hands on, and `Class.member` of its classes."""
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


def resolves(name: str, package: str = "walcrash") -> bool:
    """Say whether a dotted name is a module or something in one, seen from a package or the top."""
    name = name.removesuffix("()")
    for whole in (f"{package}.{name}", f"walcrash.{name}", name):
        if whole in MODULES:
            return True
        parts = whole.split(".")
        for at in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:at])
            if module in MODULES:
                if set(parts[at:]) <= _defined(MODULES[module]):
                    return True
                break
    return False


def _is_file(name: str) -> bool:
    is_in_reach = name.startswith(TOP) or "/" not in name
    return is_in_reach and ((ROOT / name).exists() or name.startswith(UNTRACKED))


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _docstring(path: Path) -> str:
    """Return a module's docstring; the rest of the module is parsed only where it has to be."""
    plain = re.match(r'"""([^\\]*?)"""$', _text(path), re.MULTILINE)
    return plain[1] if plain else ast.get_docstring(_tree(path)) or ""


def _sections(path: Path, heading: str) -> Iterator[str]:
    doc = _docstring(path)
    for paragraph in re.split(r"\n\s*\n", doc):
        if paragraph.strip().startswith(f"{heading}:"):
            yield " ".join(paragraph.split())


@functools.cache
def _prose(path: Path) -> tuple[str, ...]:
    """Return the docstrings and comments of a file, each on one line."""
    constants = [node.value for node in ast.walk(_tree(path)) if isinstance(node, ast.Expr)]
    found = [
        " ".join(each.value.split())
        for each in constants
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    return (*found, *re.findall(r"(?:^|\s)# (.*)$", _text(path), re.MULTILINE))


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_what_a_module_says_is_elsewhere_is_there() -> None:
    missing = set()
    for path in MODULES.values():
        package = ".".join(path.relative_to(SOURCES).parts[:-1])
        for name in (name for section in _sections(path, "Not here") for name in _quoted(section)):
            if not (resolves(name, package) or _is_file(name) or MAN_PAGE.fullmatch(name)):
                missing.add((_relative(path), name))
    assert not missing


def test_dotted_names_in_docstrings_and_comments_are_there() -> None:
    dotted = re.compile(rf"(?:walcrash|{'|'.join(sorted(ROOMS))})(?:\.\w+)+")
    quoted = re.compile(rf"`{dotted.pattern}`")
    missing = {
        (_relative(path), name)
        for path in _python_files()
        if quoted.search(_text(path))
        for text in _prose(path)
        for name in _quoted(text)
        if dotted.fullmatch(name) and not name.endswith((".py", ".toml")) and not resolves(name)
    }
    assert not missing


def test_pages_and_paths_in_docstrings_and_comments_are_there() -> None:
    page = re.compile(r"[\w./<>*-]+\.md\b")
    missing = set()
    path_below_top = re.compile(rf"`(?:{'|'.join(map(re.escape, TOP))})")
    for path in _python_files():
        if not (page.search(_text(path)) or path_below_top.search(_text(path))):
            continue
        for text in _prose(path):
            names = {name for name in _quoted(text) if name.startswith(TOP) and " " not in name}
            names |= {name for name in page.findall(text) if name not in OUTPUT | FOREIGN}
            missing |= {(_relative(path), name) for name in names if not _is_file(name)}
    assert not missing


def _links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _without_code(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", _pages(), ids=_relative)
def test_each_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    missing = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if page.parent == DECISIONS and not target.exists():
            moved = MOVED.get(str(target.relative_to(ROOT)))
            target = ROOT / moved if moved else target
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            missing.append(link)
    assert not missing, f"{_relative(page)} links to {missing}"


@pytest.mark.parametrize(
    "page", [page for page in _pages() if page.parent != DECISIONS], ids=_relative
)
def test_each_name_and_path_on_a_page_is_there(page: Path) -> None:
    missing = []
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for name in _quoted(text):
        if re.fullmatch(r"walcrash(?:\.\w+)+", name):
            if not resolves(name) and name not in GROUPS:
                missing.append(name)
        elif name.startswith(TOP) and re.fullmatch(r"[a-z\d_./-]+", name) and not _is_file(name):
            missing.append(name)
    assert not missing, f"{_relative(page)} names {missing}"


GROUPS = {"walcrash.sqlite", "walcrash.subjects"}
"""The store's file, and the group of entry points, which are no modules."""


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_a_name_that_is_not_there_does_not_resolve() -> None:
    assert resolves("values.verdict.Verdict")
    assert resolves("walcrash.disk.models")
    assert resolves("judge", "walcrash.oracle")
    assert not resolves("walcrash.volumes")
    assert not resolves("values.verdict.NoSuchThing")
    assert not resolves("minimise_crash", "walcrash.case")
    assert not _is_file("driver-protocol.md")
    assert not _is_file("harness/docs/index.md")
