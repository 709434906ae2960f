"""What `import walcrash` hands out: every public name, lazily, and nothing else."""

import ast
import inspect
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import walcrash

FROM_THE_EVENT_LOG = (walcrash.Finding, walcrash.ScenarioEnded, walcrash.Violation)
"""Their attributes are those of the event log, which has a reference page of its own."""

HEAVY = ("click", "dataclasses", "inspect", "jinja2", "pathlib", "psutil", "pydantic", "pytest")
HEAVY += ("re", "rich", "sqlite3", "typing", "unittest")

# `site` loads what `.pth` files ask for, hence -S.
LOADED = "import sys; sys.path[:0] = [{path!r}]; {statement}; print(*sys.modules)"


def loaded_by(statement: str) -> list[str]:
    package_parent = str(Path(walcrash.__file__).parents[1])
    code = LOADED.format(path=package_parent, statement=statement)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def names_for_type_checkers() -> dict[str, str]:
    """Return the module of each name that is imported under TYPE_CHECKING."""
    tree = ast.parse(Path(walcrash.__file__).read_text(encoding="utf-8"))
    blocks = {ast.unparse(node.test): node for node in tree.body if isinstance(node, ast.If)}
    block = blocks["TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {
        alias.name: str(node.module).removeprefix("walcrash.")
        for node in imports
        for alias in node.names
        if alias.asname is None
    }


def test_importing_walcrash_loads_nothing_but_the_version() -> None:
    modules = loaded_by("import walcrash")
    ours = [name for name in modules if name.partition(".")[0] == "walcrash"]
    assert sorted(ours) == ["walcrash", "walcrash.values", "walcrash.values.version"]
    assert not {*HEAVY} & {*modules}


def test_what_pytest_loads_at_its_start_is_not_the_engine() -> None:
    ours = [name for name in loaded_by("import walcrash.api") if name.startswith("walcrash.")]
    assert {name.split(".")[1] for name in ours} == {"api", "values"}


def test_type_checkers_see_the_names_that_are_handed_out() -> None:
    assert names_for_type_checkers() == walcrash._HOMES
    assert sorted(walcrash.__all__) == sorted(["__version__", *walcrash._HOMES])


@pytest.mark.parametrize("name", walcrash.__all__)
def test_every_public_name_is_there_and_is_listed(name: str) -> None:
    value = getattr(walcrash, name)
    assert name in dir(walcrash)
    if name in walcrash._HOMES:
        assert value is getattr(sys.modules[f"walcrash.{walcrash._HOMES[name]}"], name)


def test_a_star_import_hands_out_all_of_it_without_pytest() -> None:
    statement = "sys.modules['pytest'] = None; from walcrash import *; assert Adapter and run"
    package_parent = str(Path(walcrash.__file__).parents[1])
    code = f"import sys; sys.path[:0] = [{package_parent!r}]; {statement}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_public_is_an_attribute_error_with_its_name() -> None:
    with pytest.raises(AttributeError, match="'walcrash' has no attribute 'Scenario'"):
        _ = walcrash.Scenario  # type: ignore[attr-defined]
    assert not hasattr(walcrash, "__path_of_nothing__")


def hints_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield what the annotations of one public name say, with the place of each."""
    name = getattr(value, "__name__", str(value))
    if inspect.isfunction(value):
        yield from _signature(name, value)
    elif isinstance(value, type) and value not in FROM_THE_EVENT_LOG:
        if is_dataclass(value) or not issubclass(value, Exception):
            yield from ((f"{name}.{key}", hint) for key, hint in _hints(value).items())
        for attribute, member in vars(value).items():
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            is_shown = not attribute.startswith("_") or attribute in ("__init__", "__call__")
            if is_shown and inspect.isfunction(inner) and inner.__module__.startswith("walcrash"):
                yield from _signature(f"{name}.{attribute}", inner)
    elif not isinstance(value, type):
        yield name, value


def _signature(name: str, function: types.FunctionType) -> Iterator[tuple[str, object]]:
    yield from ((f"{name}({key})", hint) for key, hint in _hints(function).items())


def _hints(value: object) -> dict[str, object]:
    # Names that are imported for type checkers only are public ones, or this fails.
    names = {name: getattr(walcrash, name) for name in walcrash._HOMES}
    return typing.get_type_hints(value, localns=names)


def parts_of(hint: object) -> Iterator[type]:
    """Yield every class in an annotation."""
    if isinstance(hint, type) and not typing.get_args(hint):
        yield hint
    for part in typing.get_args(hint):
        for each in part if isinstance(part, list) else [part]:
            yield from parts_of(each)


@pytest.mark.parametrize("name", sorted(walcrash._HOMES))
def test_a_public_signature_has_public_types_only(name: str) -> None:
    public = [getattr(walcrash, name) for name in walcrash._HOMES]
    for place, hint in hints_of(getattr(walcrash, name)):
        for part in parts_of(hint):
            is_ours = part.__module__.partition(".")[0] == "walcrash"
            assert not is_ours or part in public, f"{place} has {part.__qualname__}"
