"""`harness/walcrash/docs/reference/python.md` is made from the docstrings of the public names.

WALCRASH_UPDATE_REFERENCE=1 writes it.
"""

# ruff: noqa: E501 - the page has one sentence a line

import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum, IntEnum
from pathlib import Path

import pytest
from docstrings import constant_described, described, fields_of, signature

import walcrash

PAGE = Path(__file__).parents[2] / "harness" / "walcrash" / "docs" / "reference" / "python.md"

HEAD = """\
# Python

This page is made from the docstrings of the public names by `tests/unit/test_python_reference_page.py`.

Import what you need from `walcrash`: `from walcrash import Adapter, Contract, Record`.
What is on this page is public.
Every other module and name of the package is private, whatever it is called, and may change in any release.
Public beside these names are [the command line](cli.md) with its exit codes, the pytest fixture `walcrash` with its option `--walcrash-seed`, the entry point group `walcrash.subjects`, and the formats that this reference documents.

`import walcrash` loads nothing but the version; a name is loaded when it is first used.
The package is typed (`py.typed`), and everything here passes `mypy --strict`.
"""

SECTIONS = {
    "Running a scenario": ("run", "WalcrashFixture", "RunResult"),
    "What was found": (
        "Verdict",
        "StopReason",
        "Finding",
        "Violation",
        "Invariant",
        "ScenarioEnded",
    ),
    "An adapter": (
        "Adapter",
        "EffectSink",
        "DefiniteFailure",
        "SubjectGone",
        "FailureKind",
        "AdapterContract",
    ),
    "Records": ("Record", "RecordType", "Undecodable", "MalformedRecord"),
    "The contract": ("Contract", "Acknowledges", "Promise", "PersistenceModel", "Damage"),
    "The state of a subject": ("SubjectState", "OperationState", "OperationStatus"),
    "Errors and exit codes": (
        "ExitCode",
        "WalcrashError",
        "UsageError",
        "ScenarioError",
        "HarnessFault",
        "Inconclusive",
        "Interrupted",
    ),
    "The version": ("__version__",),
}

ELSEWHERE = {
    "Finding": "[The event log](event-log.md#finding) explains its attributes.",
    "Invariant": "[The invariants](invariants.md) are explained one by one.",
    "PersistenceModel": "[The models](models/README.md) are explained one by one.",
    "ScenarioEnded": "[The event log](event-log.md#scenario-ended) explains its attributes.",
    "Violation": "[The event log](event-log.md#violation) explains its attributes.",
}
"""What has its explanation on another page of the reference."""


_PUBLIC = [getattr(walcrash, name) for name in walcrash.__all__]


def python_page() -> str:
    parts = [HEAD.rstrip()]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}")
        parts += [_entry(name) for name in names]
    return "\n\n".join(parts) + "\n"


def _entry(name: str) -> str:
    value = getattr(walcrash, name)
    heading = f"`{name}`" if name.startswith("_") else name
    parts = [f"### {heading}", *_body(name, value)]
    if name in ELSEWHERE:
        parts.append(ELSEWHERE[name])
    return "\n\n".join(part for part in parts if part)


def _body(name: str, value: object) -> Iterator[str]:
    if inspect.isfunction(value):
        yield _code(signature(value, name))
        yield described(value)
    elif isinstance(value, type) and issubclass(value, Enum):
        yield described(value)
        if name not in ELSEWHERE:
            yield "\n".join(_member(each) for each in value)
    elif value is walcrash.WalcrashFixture:
        yield from _fixture(walcrash.WalcrashFixture)
    elif isinstance(value, type):
        yield from _class(name, value)
    elif name == "__version__":
        yield "Text, such as `0.1.0`."
    else:
        code, text = constant_described(sys.modules[f"walcrash.{walcrash._HOMES[name]}"], name)
        yield from (_code(code), text)


def _fixture(value: type) -> Iterator[str]:
    call = vars(value)["__call__"]
    yield described(value)
    yield _code(signature(call, "walcrash"))
    yield described(call)


def _class(name: str, value: type) -> Iterator[str]:
    base = value.__base__
    # A base that cannot be imported is no news to a reader; those of Python are.
    is_public = base is not None and (base.__module__ == "builtins" or base in _PUBLIC)
    is_derived = is_public and base is not object
    is_shown = is_dataclass(value)
    heading = f"class {name}{f'({base.__name__})' if is_derived and base is not None else ''}"
    fields = [_plain(field) for field in fields_of(value)] if is_shown else []
    lines = ["\n    ".join([f"{heading}:", *fields]) if fields else heading]
    if not is_dataclass(value) and "__init__" in vars(value):
        lines.append(signature(vars(value)["__init__"], name).removesuffix(" -> None"))
    yield _code("\n".join(lines))
    yield described(value, has_attributes=name not in ELSEWHERE)
    if name not in ELSEWHERE:
        yield from _methods(name, value)


def _plain(field: str) -> str:
    """Return a field with the types that a reader knows in place of what a format limits."""
    return re.sub(r"\bCount\b", "int", re.sub(r"\bEncodableText\b", "str", field))


def _methods(name: str, value: type) -> Iterator[str]:
    for attribute, member in vars(value).items():
        function = getattr(member, "__func__", member)
        is_public = not attribute.startswith("_")
        # The tests of the contract suite have names that say what they test.
        is_test = attribute.startswith("test_")
        if not is_public or is_test or not inspect.isfunction(function):
            continue
        yield f"#### {name}.{attribute}"
        yield _code(signature(function, f"{name}.{attribute}"))
        yield described(function)


def _member(member: Enum) -> str:
    value = int(member) if isinstance(member, IntEnum) else member.value
    return f"- `{member.name}`: `{value}`"


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def test_every_public_name_is_on_the_page_once() -> None:
    names = [name for section in SECTIONS.values() for name in section]
    assert sorted(names) == sorted(walcrash.__all__)


@pytest.mark.parametrize("name", walcrash._HOMES)
def test_every_public_name_is_explained(name: str) -> None:
    _, _, text = _entry(name).partition("\n\n")
    prose = [part for part in text.split("\n\n") if not part.startswith(("```", "- "))]
    assert prose, f"{name} has no docstring"


def test_the_page_on_disk_is_not_stale() -> None:
    if os.environ.get("WALCRASH_UPDATE_REFERENCE") == "1":
        PAGE.write_text(python_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == python_page(), (
        "to accept this: WALCRASH_UPDATE_REFERENCE=1 pytest tests/unit/test_python_reference_page.py"
    )
