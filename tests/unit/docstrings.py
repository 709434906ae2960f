"""Docstrings and signatures as Markdown, for the reference page of the public names.

Signatures are taken from the source and not from objects: what a type looks like when it is
printed differs between versions of Python.

Not here: which names there are and in what order (`test_python_reference_page`).

Source: the Google style of docstrings, sections "Args", "Returns", "Raises" and "Attributes".
"""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from types import FunctionType

WIDTH = 88
"""A longer signature has one parameter a line."""

TITLES = {"Args": "Arguments", "Returns": "Returns", "Raises": "Raises", "Attributes": "Attributes"}

_SECTION = re.compile(rf"^({'|'.join(TITLES)}):\n((?:(?:    .*)?\n?)*)", re.MULTILINE)
_ITEM = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


def described(value: object, *, has_attributes: bool = True) -> str:
    """Return the docstring of a class or a function as Markdown, its attributes if asked."""
    text = inspect.cleandoc(getattr(value, "__doc__", None) or "")
    body = _SECTION.sub("", text)
    parts = [_paragraph(each) for each in re.split(r"\n\s*\n", body) if each.strip()]
    for name, indented in _SECTION.findall(text):
        content = textwrap.dedent(indented).strip()
        if name == "Attributes" and not has_attributes:
            continue
        if name == "Returns":
            parts.append(f"Returns: {_one_line(content)}")
        else:
            items = [f"- `{key}`: {_one_line(said)}" for key, said in _ITEM.findall(content)]
            parts.append("\n".join([f"{TITLES[name]}:", "", *items]))
    return "\n\n".join(parts)


def constant_described(module: object, name: str) -> tuple[str, str]:
    """Return an assignment at the top of a module, and the string that stands below it."""
    body = ast.parse(inspect.getsource(module)).body  # type: ignore[arg-type]
    for node, behind in itertools.pairwise(body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            assert isinstance(behind, ast.Expr)
            return ast.unparse(node), _one_line(str(ast.literal_eval(behind.value)))
    raise LookupError(name)


def signature(function: FunctionType, name: str) -> str:
    """Return `name(parameters) -> type` as the source states them, without `self` or `cls`."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    parameters = [each for each in _parameters(node.args) if each not in ("self", "cls")]
    returns = f" -> {_unquoted(node.returns)}" if node.returns is not None else ""
    short = f"{name}({', '.join(parameters)}){returns}"
    if len(short) <= WIDTH:
        return short
    return "\n".join([f"{name}(", *(f"    {each}," for each in parameters), f"){returns}"])


def fields_of(value: type) -> list[str]:
    """Return the annotated names of a class body, each as the source states it."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    assert isinstance(node, ast.ClassDef)
    return [
        _stated(each.target.id, each.annotation, each.value)
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + [*arguments.defaults]
    for each, default in zip(plain, defaults, strict=True):
        yield _stated(each.arg, each.annotation, default)
    if arguments.vararg is not None:
        yield f"*{_stated(arguments.vararg.arg, arguments.vararg.annotation, None)}"
    elif arguments.kwonlyargs:
        yield "*"
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _stated(each.arg, each.annotation, default)


def _stated(name: str, annotation: ast.expr | None, default: ast.expr | None) -> str:
    kind = "" if annotation is None else f": {_unquoted(annotation)}"
    # What `field(...)` says is how the value is made, and no default of it.
    is_stated = default is not None and not ast.unparse(default).startswith("field(")
    if not is_stated or default is None:
        return f"{name}{kind}"
    # The formatter also formats this page, with its own quotes.
    return f"{name}{kind} = {ast.unparse(default)}".replace("'", '"')


def _unquoted(annotation: ast.expr) -> str:
    annotation = _Unmarked().visit(annotation)
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    return str(annotation.value) if is_text else ast.unparse(annotation)  # type: ignore[attr-defined]


class _Unmarked(ast.NodeTransformer):
    """Leaves of `Annotated[T, ...]` the type: limits are told in words."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        is_marked = isinstance(node.value, ast.Name) and node.value.id == "Annotated"
        return node.slice.elts[0] if is_marked and isinstance(node.slice, ast.Tuple) else node


def _paragraph(text: str) -> str:
    return text if text.startswith("    ") else _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
