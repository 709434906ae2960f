"""gdbm as a log: one key a record, through the C library itself.

Its manual says that a program that ends abnormally may leave a corrupted database, with or
without GDBM_SYNC (crash tolerance, a mode of its own since 1.21, is not used here). So nothing
is promised, neither after a kill nor after a power loss.

Python's `dbm.gnu` needs `_gdbm`, which a Python from pyenv lacks, and hides the flags; so the
library is called with ctypes, and any Python does.

Source: the GDBM manual, "Opening the database", "Crash Tolerance"; `gdbm.h` of 1.23.
"""

import ctypes
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from walcrash.subjects.engines.numbered import KEY, NumberedStore, number_of
from walcrash.subjects.loading import MissingPackage
from walcrash.values.contract import Contract, Promise

LIBRARY: Final = "libgdbm.so.6"
_WRCREAT: Final = 2
_REPLACE: Final = 1
_SYNC: Final = 0x020
_NOMMAP: Final = 0x080
_ITEM_NOT_FOUND: Final = 15


class GdbmError(Exception):
    """The library refused."""


class _Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_int)]


class GdbmAdapter(NumberedStore):
    """Drives gdbm.

    Args:
        sync: GDBM_SYNC, a sync after each change.
        mmap: write through a mapping where the library likes to, as it does by itself.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(self, *, sync: bool = False, mmap: bool = True) -> None:
        super().__init__()
        self._library = _library()
        self._free = ctypes.CDLL(None).free
        self._flags = _WRCREAT | (_SYNC if sync else 0) | (0 if mmap else _NOMMAP)
        self._handle: int | None = None
        self.contract = Contract(kill=Promise.NONE, power=Promise.NONE)

    def open_store(self, directory: Path) -> None:
        """Open the file."""
        name = str(directory / "log.gdbm").encode()
        self._handle = self._library.gdbm_open(name, 0, self._flags, 0o644, None)
        if not self._handle:
            raise GdbmError(f"gdbm_open: {self._last_error()}")

    def put(self, number: int, value: bytes) -> None:
        """Store one key."""
        self._check(self._library.gdbm_store, _datum(KEY.pack(number)), _datum(value), _REPLACE)

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk from the first key to the last, in the order of their hashes."""
        found: list[tuple[int, bytes]] = []
        key = self._library.gdbm_firstkey(self._handle)
        while key.data:
            number = number_of(ctypes.string_at(key.data, key.size))
            if number >= from_number:
                found.append((number, self._take(self._library.gdbm_fetch(self._handle, key))))
            following = self._library.gdbm_nextkey(self._handle, key)
            self._free(ctypes.c_void_p(key.data))
            key = following
        # No key is returned behind the last one, and where the next one cannot be read.
        if self._error_number() != _ITEM_NOT_FOUND:
            raise GdbmError(f"the keys cannot be walked to their end: {self._last_error()}")
        return found

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete one key after the other."""
        for number in numbers:
            self._check(self._library.gdbm_delete, _datum(KEY.pack(number)))

    def tidy(self) -> None:
        """Write the file anew, which gives back the room of what was deleted."""
        self._check(self._library.gdbm_reorganize)

    def close(self) -> None:
        """Close the file, which syncs it.

        Raises:
            GdbmError: the sync or the close failed; the file is closed all the same.
        """
        handle, self._handle = self._handle, None
        if self._library.gdbm_close(handle) != 0:
            raise GdbmError(f"gdbm_close: {self._last_error()}")

    def _take(self, datum: _Datum) -> bytes:
        if not datum.data:
            raise GdbmError(f"a key without its value: {self._last_error()}")
        value = ctypes.string_at(datum.data, datum.size)
        self._free(ctypes.c_void_p(datum.data))
        return value

    def _check(self, call: Any, *arguments: object) -> None:
        if call(self._handle, *arguments) != 0:
            raise GdbmError(f"{call.__name__}: {self._last_error()}")

    def _error_number(self) -> int:
        return int(self._library.gdbm_errno_location().contents.value)

    def _last_error(self) -> str:
        text = self._library.gdbm_strerror(self._error_number())
        return str(text.decode("utf-8", "replace"))


def _datum(data: bytes) -> _Datum:
    return _Datum(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as problem:
        raise MissingPackage(
            f"this subject needs the C library {LIBRARY}, which cannot be loaded here: {problem}",
            hint="apt-get install libgdbm6",
        ) from None
    handle = ctypes.c_void_p
    library.gdbm_open.restype = handle
    library.gdbm_open.argtypes = [ctypes.c_char_p, *[ctypes.c_int] * 3, handle]
    library.gdbm_store.argtypes = [handle, _Datum, _Datum, ctypes.c_int]
    library.gdbm_fetch.argtypes = library.gdbm_nextkey.argtypes = [handle, _Datum]
    library.gdbm_delete.argtypes = [handle, _Datum]
    for function in (library.gdbm_firstkey, library.gdbm_reorganize, library.gdbm_close):
        function.argtypes = [handle]
    for function in (library.gdbm_firstkey, library.gdbm_nextkey, library.gdbm_fetch):
        function.restype = _Datum
    library.gdbm_errno_location.restype = ctypes.POINTER(ctypes.c_int)
    library.gdbm_strerror.restype = ctypes.c_char_p
    return library
