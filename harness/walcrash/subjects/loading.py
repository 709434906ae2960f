"""Loading: from the name of an adapter in a scenario to its class.

A name is a built-in one (`reference`), one that an installed package has registered in the entry
point group `walcrash.subjects`, `module:Class`, or `path/to/file.py:Class`. A file is loaded with
its own directory on the path while it is imported, so that it can import siblings.

What an adapter's constructor says against its options is told with the options that it takes.
A number that is written as text, or a text where `true` or `false` is meant, never reaches it:
`sync=maybe` would be true.

Source: the entry points specification of PyPA, for `module:Class`.
"""

import difflib
import enum
import functools
import importlib
import importlib.util
import inspect
import shlex
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from walcrash.subjects.adapter import Adapter

BUILT_IN: Final = {
    "reference": "walcrash.subjects.reference:ReferenceAdapter",
    "vixw": "walcrash.subjects.vixw:VixwAdapter",
    "sqlite": "walcrash.subjects.engines.sqlite:SqliteAdapter",
    "lmdb": "walcrash.subjects.engines.lmdb:LmdbAdapter",
    "leveldb": "walcrash.subjects.engines.leveldb:LevelDbAdapter",
    "rocksdb": "walcrash.subjects.engines.rocksdb:RocksDbAdapter",
    "duckdb": "walcrash.subjects.engines.duckdb:DuckDbAdapter",
    "gdbm": "walcrash.subjects.engines.gdbm:GdbmAdapter",
    "dbm.dumb": "walcrash.subjects.engines.dumb:DumbAdapter",
    "shelve": "walcrash.subjects.engines.dumb:ShelveAdapter",
    "zodb": "walcrash.subjects.engines.zodb:ZodbAdapter",
    "atomic-file": "walcrash.subjects.engines.atomic_file:AtomicFileAdapter",
    "redis": "walcrash.subjects.engines.redis:RedisAdapter",
    "postgresql": "walcrash.subjects.engines.postgresql:PostgresqlAdapter",
}
"""Adapters that ship, by the name that a scenario uses."""

GROUP: Final = "walcrash.subjects"
"""The entry point group in which packages register adapters."""

Options = Mapping[str, str | int | float | bool | tuple[str, ...]]


class NotAnAdapter(Exception):
    """A name does not lead to an adapter; the message says what was found, `hint` what helps."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class OptionRefused(NotAnAdapter):
    """An adapter does not take the options that a scenario or a command line gives it."""


class MissingPackage(Exception):
    """An adapter that ships needs something that is not installed; `hint` says how to get it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@functools.cache
def find_adapter(name: str) -> type[Adapter]:
    """Return the adapter class of a name; importing it runs its module.

    Raises:
        NotAnAdapter: there is no such class, or it is no `Adapter`.
        Exception: whatever the module raises while it is imported.
    """
    target = BUILT_IN.get(name) or (name if ":" in name else registered_adapters().get(name, name))
    place, separator, class_name = target.rpartition(":")
    if not separator or not place or not class_name:
        raise NotAnAdapter(
            f"`{name}` is neither a built-in adapter ({', '.join(sorted(BUILT_IN))}) nor one of an "
            f"installed package ({', '.join(sorted(registered_adapters())) or 'none'}) nor "
            "`module:Class` nor `file.py:Class`",
            hint=_near(name, [*BUILT_IN, *registered_adapters()])
            or f"the name of an adapter of your own has its class in it: path/to/{name}.py:Wal",
        )
    module = _load_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    found = getattr(module, class_name, None)
    if found is None:
        raise NotAnAdapter(
            f"`{place}` has no `{class_name}`", hint=_classes_there(module, place, class_name)
        )
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise NotAnAdapter(
            f"`{class_name}` in `{place}` is no subclass of Adapter",
            hint=f"write `class {class_name}(walcrash.Adapter):` there, or name another class",
        )
    return found


def _near(name: str, there: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(there), n=1)
    return f"write `{near[0]}`" if near else ""


def _classes_there(module: object, place: str, class_name: str) -> str:
    """Return a hint that names the adapters that a module has."""
    there = sorted(
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Adapter)
        and value.__module__ == getattr(module, "__name__", "")
    )
    if there:
        return f"write `{place}:{there[0]}`" if len(there) == 1 else f"there: {', '.join(there)}"
    return f"write `class {class_name}(walcrash.Adapter):` there, or name another file"


def import_hint(adapter: str) -> str:
    """Return the command that imports what an adapter's name names, and nothing else."""
    place, _, _ = adapter.rpartition(":")
    if place.endswith(".py"):
        return f"python {shlex.quote(place)} imports it alone"
    return f"python -c {shlex.quote(f'import {place}')} imports it alone" if place else ""


@functools.cache
def registered_adapters() -> Mapping[str, str]:
    """Return the adapters of installed packages, by name; nothing of theirs is imported."""
    # Most scenarios do without, and each worker would carry it along.
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def make_adapter(kind: type[Adapter], options: Options) -> Adapter:
    """Make an adapter for one boot.

    Raises:
        OptionRefused: it does not take these options.
        NotAnAdapter: it is abstract, or needs options.
        MissingPackage: what it needs is not installed.
        Exception: what a constructor raises that was given no option.
    """
    if inspect.isabstract(kind):
        missing = ", ".join(f"`{name}`" for name in sorted(kind.__abstractmethods__))
        raise NotAnAdapter(
            f"{kind.__name__} lacks {missing}", hint=f"define {missing} in the class"
        )
    parameters = _parameters_of(kind)
    _refuse_unknown(kind, parameters, options)
    for name, value in options.items():
        _refuse_wrong_type(kind, parameters, name, value)
    try:
        return kind(**dict(options))
    except (NotAnAdapter, MissingPackage, MemoryError):
        raise
    except Exception as problem:
        what = f"{kind.__name__}({_listed(options)})"
        if options:
            raise OptionRefused(
                f"{what}{_place_of(problem)}: {type(problem).__name__}: {problem}",
                hint=_options_of(parameters),
            ) from problem
        if isinstance(problem, TypeError) and any(map(_is_needed, parameters.values())):
            raise NotAnAdapter(f"{what}: {problem}", hint=_options_of(parameters)) from problem
        raise


@functools.cache
def _parameters_of(kind: type[Adapter]) -> "Parameters":
    """Return what a constructor takes by name: a recoverer makes the adapter for each image."""
    return {
        each.name: each
        for each in inspect.signature(kind).parameters.values()
        if each.kind is not each.VAR_POSITIONAL
    }


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not parameter.VAR_KEYWORD and parameter.default is parameter.empty


Parameters = Mapping[str, inspect.Parameter]


def _refuse_unknown(kind: type[Adapter], parameters: Parameters, options: Options) -> None:
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for name in options:
        if name not in parameters:
            near = difflib.get_close_matches(name, parameters, n=1)
            meant = f"; near: {near[0]}" if near else ""
            raise OptionRefused(
                f"{kind.__name__} has no option `{name}`; "
                f"there: {', '.join(sorted(parameters)) or 'none'}{meant}",
                hint=_near(name, parameters) or f"take `{name}` out",
            )


_TYPES: Final[Mapping[str, tuple[str, tuple[type, ...]]]] = {
    "bool": ("`true` or `false`", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
}
"""For a parameter's type: its words, and what is taken for it."""


def _refuse_wrong_type(
    kind: type[Adapter], parameters: Parameters, name: str, value: object
) -> None:
    """Refuse a value that is of another type than the constructor states, where that is plain."""
    if name not in parameters:
        return
    stated = parameters[name].annotation
    words, taken = _TYPES.get(getattr(stated, "__name__", str(stated)), ("", ()))
    is_number_for_bool = taken == (bool,) and value in (0, 1)
    is_bool_for_number = taken and bool not in taken and isinstance(value, bool)
    is_taken = not taken or is_number_for_bool or isinstance(value, taken)
    if is_taken and not is_bool_for_number:
        return
    raise OptionRefused(
        f"{kind.__name__}: `{name}` is {words}; found {value!r}", hint=_options_of(parameters)
    )


def _listed(options: Options) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _options_of(parameters: Parameters) -> str:
    """Return what a constructor takes, as a hint: each option with its default."""
    named = [each for each in parameters.values() if each.kind is not each.VAR_KEYWORD]
    if not named:
        return "take the options out"
    return "its options, with their defaults: " + ", ".join(
        each.name if each.default is each.empty else f"{each.name}={each.default!r}"
        for each in named
    )


def _place_of(problem: Exception) -> str:
    """Return where in a file of the subject's own an exception was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [each for each in frames if each.filename.endswith(".py") and not _is_ours(each.filename)]
    return f" in {own[0].filename}, line {own[0].lineno}" if own else ""


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(Path(__file__).parents[1]) or file == enum.__file__


def _load_file(path: Path) -> object:
    name = f"walcrash_subject_{path.stem}"
    if not path.is_file():
        raise NotAnAdapter(
            f"there is no file {path}",
            hint="name the file that is there; in a scenario, relative to the scenario's directory",
        )
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        specification.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
