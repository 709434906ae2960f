"""Litmus workloads: short ones, each of which asks a file system one question.

Those of Ferrite ask whether an outcome can be seen that programs do not expect: a prefix append
that is no prefix, a replaced file that is neither the old one nor the new one, a second append
without the first, a name without its content. Those of BOB and ALICE ask whether an operation is
atomic and whether two operations stay in order. Each is run with syncs and without.

Source: Bornholt et al., "Specifying and Checking File System Crash-Consistency Models", ASPLOS
2016, section 2 (Ferrite); Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014,
table 1 (BOB).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from walcrash.tools.models.steps import KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, Step
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image

OLD: Final = ord("o")
NEW: Final = ord("n")
SECOND: Final = ord("s")

Outcome = Callable[[Image], str]
"""What a tree says to the question, in a few words."""


def _names(image: Image) -> str:
    return "names: " + (", ".join(sorted(image.entries)) or "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Litmus:
    """One short workload.

    Attributes:
        base: the files that are there and durable at its start.
        steps: what is done.
        outcome: what a tree answers.
    """

    base: Mapping[str, Entry] = field(default_factory=dict)
    steps: tuple[Step, ...]
    outcome: Outcome = _names


def _content(image: Image, path: str) -> bytes | None:
    entry = image.entries.get(path)
    return bytes(entry.content) if isinstance(entry, FileEntry) else None


_LETTERS: Final = {0: "zeros", OLD: "old", NEW: "new", SECOND: "second"}


def _extent(image: Image) -> str:
    """Say how long the file is and what is in it, and which other names there are."""
    content = _content(image, "file")
    if content is None:
        return _names(image)
    found = ", ".join(_LETTERS.get(byte, "stale") for byte in sorted(set(content))) or "nothing"
    others = "".join(f"; {path}" for path in sorted(image.entries) if path != "file")
    return f"{len(content)} bytes of {found}{others}"


def _kind(content: bytes | None, old: bytes, new: bytes) -> str:
    """Say what a file that was to become another one is."""
    if content is None:
        return "missing"
    if content in (old, new):
        return "old" if content == old else "new"
    if not content:
        return "empty"
    if not content.strip(b"\0"):
        return "zeros"
    return "a prefix of the new" if new.startswith(content) else "mixed"


def _file(length: int, letter: int = OLD) -> FileEntry:
    return FileEntry(bytes([letter]) * length, 0o644)


def _replaced(path: str, old: bytes, new: bytes) -> Outcome:
    return lambda image: _kind(_content(image, path), old, new)


def _two(first: tuple[str, int], second: tuple[str, int]) -> Outcome:
    """Say which of two changes is there: a letter in a file each."""

    def outcome(image: Image) -> str:
        has = [letter in (_content(image, path) or b"") for path, letter in (first, second)]
        if all(has):
            return "both"
        return "neither" if not any(has) else ("the first alone" if has[0] else "the second alone")

    return outcome


def _replace(*, syncs_file: bool, syncs_directory: bool, length: int = 6000) -> Litmus:
    steps: list[Step] = [("open", 0, "tmp"), ("write", 0, 0, length, NEW)]
    steps += [("fsync", 0)] if syncs_file else []
    steps += [("close", 0), ("rename", "tmp", "file")]
    steps += [("sync-directory", ".")] if syncs_directory else []
    old, new = bytes([OLD]) * 5000, bytes([NEW]) * length
    return Litmus(
        base={"file": FileEntry(old, 0o644)},
        steps=tuple(steps),
        outcome=_replaced("file", old, new),
    )


def _create(*, syncs_file: bool, syncs_directory: bool) -> Litmus:
    made = _replace(syncs_file=syncs_file, syncs_directory=syncs_directory)
    return Litmus(steps=made.steps, outcome=_replaced("file", b"-", bytes([NEW]) * 6000))


def _changed(*steps: Step, length: int, new: bytes) -> Litmus:
    """One operation on a file that is there."""
    return Litmus(
        base={"file": _file(length)},
        steps=(("open", 0, "file"), *steps),
        outcome=_replaced("file", bytes([OLD]) * length, new),
    )


def _ordered(first: tuple[Step, ...], second: tuple[Step, ...], sync: Step | None) -> Litmus:
    """Two operations on two files, with or without a sync of the first in between."""
    between = () if sync is None else (sync,)
    return Litmus(
        base={"one": _file(3000), "two": _file(3000)},
        steps=(("open", 0, "one"), ("open", 1, "two"), *first, *between, *second),
        outcome=_two(("one", NEW), ("two", SECOND)),
    )


_ONE: Final[Mapping[str, tuple[Step, ...]]] = {
    "append": (("append", 0, 5000, NEW),),
    "overwrite": (("write", 0, 100, 1000, NEW),),
    "refill": (("truncate", 0, 0), ("write", 0, 0, 2000, NEW)),
}
_TWO: Final[Mapping[str, tuple[Step, ...]]] = {
    "append": (("append", 1, 5000, SECOND),),
    "overwrite": (("write", 1, 100, 1000, SECOND),),
}


def _names_in_order(*steps: Step, sync: bool) -> Litmus:
    return Litmus(
        base={"a": _file(100), "d": DirectoryEntry(0o755)},
        steps=(*steps, ("sync-directory", ".")) if sync else steps,
    )


def _moved(*steps: Step, directory: str) -> Litmus:
    """A file that goes to another directory, and a sync of one that it has left, or of its parent.

    Another file is synced last, which has a journal or a log written and not the directories.
    """
    sync: tuple[Step, ...] = (("sync-directory", directory),) if directory else ()
    return Litmus(
        base={
            "d": DirectoryEntry(0o755), "d/f": _file(100), "e": DirectoryEntry(0o755),
            "other": _file(100),
        },
        steps=(("open", 0, "other"), *steps, *sync, ("append", 0, 5000, NEW), ("fsync", 0)),
    )  # fmt: skip


def _all() -> dict[str, Litmus]:
    made: dict[str, Litmus] = {}
    for word, file, directory in (
        ("no-sync", False, False), ("fsync", True, False), ("both-syncs", True, True),
    ):  # fmt: skip
        made[f"replace-by-rename-{word}"] = _replace(syncs_file=file, syncs_directory=directory)
        made[f"create-by-rename-{word}"] = _create(syncs_file=file, syncs_directory=directory)
    for word, length in (("block", 4096), ("blocks", 20000), ("bytes", 150)):
        old, new = bytes([OLD]), bytes([NEW])
        made[f"overwrite-{word}"] = _changed(
            ("write", 0, 0, length, NEW), length=20000, new=new * length + old * (20000 - length)
        )
        made[f"prefix-append-{word}"] = _changed(
            ("append", 0, length, NEW), ("pause", 3), length=3000, new=old * 3000 + new * length
        )
        made[f"append-synced-{word}"] = _changed(
            ("append", 0, length, NEW), ("fdatasync", 0), ("append", 0, length, NEW),
            ("fsync", 0), length=3000, new=old * 3000 + new * 2 * length,
        )  # fmt: skip
    for first, second, sync in (
        (first, second, sync) for first in _ONE for second in _TWO for sync in (None, ("fsync", 0))
    ):
        word = "synced" if sync else "no-sync"
        made[f"{first}-then-{second}-{word}"] = _ordered(_ONE[first], _TWO[second], sync)
    for is_synced in (False, True):
        word = "synced" if is_synced else "no-sync"
        made |= {
            f"names-made-in-order-{word}": _names_in_order(
                ("mkdir", "e"), ("open", 0, "e/f"), ("link", "a", "b"), ("symlink", "a", "s"),
                ("rename", "a", "d/a"), ("open", 1, "c"), ("unlink", "b"), sync=is_synced,
            ),
            f"create-and-rename-{word}": _names_in_order(
                ("open", 0, "t"), ("append", 0, 700, NEW), ("rename", "t", "u"),
                ("open", 1, "t"), ("append", 1, 700, SECOND), ("rename", "t", "u"), sync=is_synced,
            ),
            f"directories-moved-{word}": _names_in_order(
                ("mkdir", "e"), ("rename", "a", "e/a"), ("rename", "e", "d/e"), ("mkdir", "e"),
                ("open", 0, "e/new"), ("append", 0, 5000, NEW), ("fsync", 0), sync=is_synced,
            ),
            f"file-moved-into-a-new-directory-{word}": _moved(
                ("mkdir", "n"), ("rename", "d/f", "n/f"), directory="d" if is_synced else ""
            ),
            f"file-moved-out-of-a-removed-directory-{word}": _moved(
                ("rename", "d/f", "e/f"), ("rmdir", "d"), directory="." if is_synced else ""
            ),
        }  # fmt: skip
    return made | _sizes()


def _sizes() -> dict[str, Litmus]:
    """Ask what a size is when blocks, holes and truncations come between."""
    far = (("write", 0, 99_999, 1, NEW), ("write", 0, 0, 1, NEW))
    rest = (("pause", 2), ("fdatasync", 0))
    cases: dict[str, tuple[Step, ...]] = {
        "truncate-then-append": (("truncate", 0, 100), ("append", 0, 3000, NEW), *rest),
        "truncate-up": (("truncate", 0, 30_000), ("write", 0, 25_000, 100, NEW), *rest),
        "hole-before-the-end": (*far, *rest),
        "through-and-append": (("append", 0, 9000, NEW), ("write-through", 0, 0, 10, SECOND)),
        "allocate-and-write": (
            ("allocate", 0, 0, 2000, 20_000), ("write", 0, 8000, 3000, NEW), *rest,
        ),
        "keep-size-and-append": (
            ("allocate", 0, KEEP_SIZE, 3000, 20_000), ("append", 0, 9000, NEW), *rest,
        ),
        "punch-inside": (("append", 0, 9000, NEW), ("allocate", 0, PUNCH_HOLE, 500, 6000), *rest),
        "zero-inside": (("append", 0, 9000, NEW), ("allocate", 0, ZERO_RANGE, 500, 6000), *rest),
        "store-and-msync": (
            ("append", 0, 9000, NEW), ("store", 0, 100, 6000, SECOND), ("msync", 0, 0, 4096),
        ),
        "same-size-then-sync": (
            ("open", 1, "other"), ("write", 0, 0, 10, NEW), ("truncate", 0, 3000),
            ("fdatasync", 0),
        ),
        "appends-and-syncs": (
            ("append", 0, 5000, NEW), ("fsync", 0), ("pause", 9), ("write", 0, 0, 100, SECOND),
            ("fsync", 0), ("pause", 9), ("append", 0, 5000, SECOND), ("fsync", 0),
        ),
        "refill-and-close": (
            ("truncate", 0, 0), ("append", 0, 9000, NEW), ("close", 0), ("pause", 2),
            ("open", 1, "other"), ("sync-directory", "."),
        ),
        "opened-empty": (("open", 1, "file", os.O_TRUNC), ("append", 1, 6000, NEW), ("close", 1)),
        "nameless-then-named": (
            ("open-nameless", 1), ("append", 1, 5000, NEW), ("fsync", 1), ("name", 1, "named"),
            ("sync-directory", "."),
        ),
        "chmod-and-write": (("chmod", "file", 0o400), ("append", 0, 600, NEW), ("fsync", 0)),
    }  # fmt: skip
    return {
        f"size-{name}": Litmus(
            base={"file": _file(3000)}, steps=(("open", 0, "file"), *steps), outcome=_extent
        )
        for name, steps in cases.items()
    }


LITMUS: Final[Mapping[str, Litmus]] = _all()
"""By name."""
