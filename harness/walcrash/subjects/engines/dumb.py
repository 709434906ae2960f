"""Python's own `dbm.dumb`, and `shelve` over it, as logs: one key a record.

A new key is appended to the `.dir` file at once, and the whole `.dir` file is written anew when
the map is closed or synced. Nothing is synced to disk. The source says that the files may
disagree after a crash, and nothing is promised.

Source: Python's `dbm/dumb.py` and `shelve.py`.
"""

import dbm.dumb
import shelve
from collections.abc import Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.stored_record import NotARecord
from walcrash.values.contract import Contract, Promise


class DumbAdapter(NumberedStore):
    """Drives `dbm.dumb`."""

    supports = frozenset({"compact", "reopen"})

    def __init__(self) -> None:
        super().__init__()
        self._map: Any = None
        self.contract = Contract(kill=Promise.NONE, power=Promise.NONE)

    def open_store(self, directory: Path) -> None:
        """Open the map, or make it."""
        self._map = dbm.dumb.open(str(directory / "log"), "c")  # noqa: SIM115

    def put(self, number: int, value: bytes) -> None:
        """Store one key."""
        self._map[str(number)] = value

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk over all keys."""
        known: MutableMapping[Any, Any] = self._map
        found = [(_number(key), key) for key in known.keys()]  # noqa: SIM118 - dbm's are methods
        return [(number, known[key]) for number, key in found if number >= from_number]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete one key after the other; each writes the whole `.dir` file."""
        for number in numbers:
            del self._map[str(number)]

    def close(self) -> None:
        """Write the `.dir` file and close."""
        self._map.close()


class ShelveAdapter(DumbAdapter):
    """Drives `shelve` over `dbm.dumb`, whatever other `dbm` this Python has."""

    def open_store(self, directory: Path) -> None:
        """Open the map, or make it."""
        below: Any = dbm.dumb.open(str(directory / "log"), "c")  # noqa: SIM115
        self._map = shelve.Shelf(below)


def _number(key: bytes | str) -> int:
    try:
        return int(key)
    except ValueError:
        raise NotARecord(f"a key that is no number: {key[:40]!r}") from None
