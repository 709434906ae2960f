"""Environments: what recovery must not depend on, varied between two zygotes.

Two recoveries of one image run in different environments: another hash seed, time zone, locale,
wall clock and directory order. The first environment is fixed as well, so that the same seed
gives the same bytes on every machine.
"""

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What one zygote and its children live in.

    Attributes:
        name: how reports call it.
        hash_seed: `PYTHONHASHSEED`.
        timezone: `TZ`, in the POSIX form that needs no database.
        locale: `LC_ALL`; only those that every system has.
        clock_shift_seconds: added to the wall clock.
        is_reversed: whether directory listings come in reverse; they are sorted otherwise.
    """

    name: str
    hash_seed: int
    timezone: str
    locale: str
    clock_shift_seconds: int
    is_reversed: bool

    def variables(self, inherited: dict[str, str]) -> dict[str, str]:
        """Return the environment variables for a zygote."""
        kept = {
            key: value
            for key, value in inherited.items()
            if not key.startswith("LC_") and key not in ("LANG", "LANGUAGE")
        }
        return {
            **kept,
            "PYTHONHASHSEED": str(self.hash_seed),
            "TZ": self.timezone,
            "LC_ALL": self.locale,
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            # A worker that compiles its modules would write outside its directory.
            "PYTHONDONTWRITEBYTECODE": "1",
        }


HERE: Final = Environment(
    name="here",
    hash_seed=0,
    timezone="UTC0",
    locale="C.UTF-8",
    clock_shift_seconds=0,
    is_reversed=False,
)

PERTURBED: Final = Environment(
    name="perturbed",
    hash_seed=4_171_127,
    timezone="WCT-13:45",
    locale="C",
    clock_shift_seconds=3 * 365 * 86_400 + 12_345,
    is_reversed=True,
)


def order_listings(*, is_reversed: bool) -> None:
    """Make `os.listdir` and `os.scandir` of this process list in one stated order.

    File systems list in an order of their own, so neither the order nor the difference between
    two orders could be relied on otherwise. Only Python code is affected; what other code sees in
    the second environment is reversed by `perturbed_calls`.
    """
    real_listdir, real_scandir = os.listdir, os.scandir

    def listdir(path: object = ".") -> list[object]:
        return sorted(real_listdir(path), reverse=is_reversed)  # type: ignore[call-overload]

    class Scan:
        """The same entries as `os.scandir`, in order."""

        def __init__(self, path: object = ".") -> None:
            with real_scandir(path) as entries:  # type: ignore[call-overload]
                found = sorted(entries, key=lambda entry: entry.name, reverse=is_reversed)
            self._entries = iter(found)

        def __iter__(self) -> "Scan":
            return self

        def __next__(self) -> object:
            return next(self._entries)

        def __enter__(self) -> "Scan":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            self._entries = iter(())

    os.listdir, os.scandir = listdir, Scan  # type: ignore[assignment]
