"""Packages that engines need: imported where they are there, named with a hint where they are not.

An engine's module imports nothing of its package; making the adapter does. That happens in the
zygote before it forks, and only imports: a store that starts threads does so in `open`, after
the fork, since no thread survives one.
"""

import importlib
from typing import Any

from walcrash.subjects.loading import MissingPackage


def need(module: str, *, extra: str) -> Any:
    """Import a module that comes with an extra of walcrash.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise MissingPackage(
            f"this subject needs the package `{module}`, which cannot be imported here: {problem}",
            hint=f"pip install 'walcrash[{extra}]'",
        ) from None


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return an option's value.

    Raises:
        WrongOption: it is none of the allowed ones.
    """
    if value not in allowed:
        raise WrongOption(name, value, allowed)
    return value


class WrongOption(TypeError):
    """An adapter's option has a value that it does not take."""

    def __init__(self, name: str, value: object, allowed: tuple[str, ...]) -> None:
        listed = ", ".join(f'"{each}"' for each in allowed)
        super().__init__(f"`{name}` is one of {listed}; found {value!r}")
