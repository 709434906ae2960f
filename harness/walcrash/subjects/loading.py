"""Loading: from the name of an adapter in a scenario to its class.

A name is a built-in one (`reference`), one that an installed package has registered in the entry
point group `walcrash.subjects`, `module:Class`, or `path/to/file.py:Class`. A file is loaded with
its own directory on the path while it is imported, so that it can import siblings.

Source: the entry points specification of PyPA, for `module:Class`.
"""

import difflib
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
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
    """A name does not lead to an adapter; the message says what was found."""


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
            "`module:Class` nor `file.py:Class`"
        )
    module = _load_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    found = getattr(module, class_name, None)
    if found is None:
        raise NotAnAdapter(f"`{place}` has no `{class_name}`")
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise NotAnAdapter(f"`{class_name}` in `{place}` is no subclass of Adapter")
    return found


@functools.cache
def registered_adapters() -> Mapping[str, str]:
    """Return the adapters of installed packages, by name; nothing of theirs is imported."""
    # Most scenarios do without, and each worker would carry it along.
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def make_adapter(kind: type[Adapter], options: Options) -> Adapter:
    """Make an adapter for one boot.

    Raises:
        NotAnAdapter: it does not take these options, or is abstract.
    """
    _refuse_unknown(kind, options)
    try:
        return kind(**dict(options))
    except TypeError as problem:
        raise NotAnAdapter(f"{kind.__name__}(**{dict(options)!r}): {problem}") from problem


def _refuse_unknown(kind: type[Adapter], options: Options) -> None:
    parameters = inspect.signature(kind).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    there = sorted(each.name for each in parameters if each.kind is not each.VAR_POSITIONAL)
    for name in options:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            meant = f"; near: {near[0]}" if near else ""
            raise NotAnAdapter(
                f"{kind.__name__} has no option `{name}`; "
                f"there: {', '.join(there) or 'none'}{meant}"
            )


def _load_file(path: Path) -> object:
    name = f"walcrash_subject_{path.stem}"
    if not path.is_file():
        raise NotAnAdapter(f"there is no file {path}")
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
