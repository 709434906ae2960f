"""No rule is written nowhere: the page of invariants lists all that a violation can say.

The messages are read from the code: each text that is assigned to `message`, `text` or `why` in a
module of the oracle that makes violations, returned by a function that says why, or handed to
`Violation`. What stands in braces there is `…` on the page.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import walcrash

ROOT = Path(walcrash.__file__).parent
PAGE = ROOT / "docs" / "reference" / "invariants.md"
HEADING = "## What a violation says"
NAMES = {"message", "text"}
LEAST_WORDS = 2


def template(node: ast.expr) -> str | None:
    """Return a text with `…` for what is filled in; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values]
        return "".join(parts)
    return None


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield what the violations of a module say."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        says_why = function.name.startswith(("_why", "refusal_"))
        for node in ast.walk(function):
            found: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                target = node.targets[0]
                name = target.id if isinstance(target, ast.Name) else ""
                if isinstance(node.value, ast.IfExp) and name in {*NAMES, "what"}:
                    found = [node.value.body, node.value.orelse]
                elif name in NAMES:
                    found = [node.value]
            elif isinstance(node, ast.Return) and says_why and node.value is not None:
                found = [node.value]
            elif isinstance(node, ast.Call) and _is_named(node.func):
                found = [*node.args[2:3]]
            yield from (made for each in found if (made := template(each)) and _says(made))


def _says(text: str) -> bool:
    """Whether a text says something itself, and is not only put together of others."""
    return len(re.findall(r"[a-z]{2,}", text)) >= LEAST_WORDS


def _is_named(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in ("Violation", "_refusal")


def said() -> set[str]:
    modules = [
        path for path in (ROOT / "oracle").glob("*.py")
        if "Violation(" in path.read_text(encoding="utf-8")
    ]  # fmt: skip
    assert len(modules) >= 8
    return {each for path in modules for each in texts(ast.parse(path.read_text(encoding="utf-8")))}


def listed() -> set[str]:
    _, _, section = PAGE.read_text(encoding="utf-8").partition(HEADING)
    return set(re.findall(r"^\| `` (.+?) `` \| `", section, re.MULTILINE))


def test_the_page_lists_all_that_a_violation_can_say_and_nothing_else() -> None:
    assert said() == listed()
