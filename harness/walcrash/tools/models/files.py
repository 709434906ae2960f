"""Files of real trees on a disk: plain or compressed, one or more runs in each.

Not here: what stands in them (`values.real_tree_file`).
"""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.persistence import PersistenceModel
from walcrash.values.real_tree import RealRun
from walcrash.values.real_tree_file import read_runs, write_runs

SUFFIX: Final = ".json.gz"

_COMPRESSED: Final = b"\x1f\x8b"
_HINT: Final = "walcrash models check FILE..."

# limits
FILE_BYTES: Final = 1 << 30
"""Largest file of real trees that is read, uncompressed."""


def find_files(names: Sequence[str]) -> list[Path]:
    """Return the files that names mean: a directory means all files of real trees in it.

    Raises:
        UsageError: there is no such file, or none in a directory.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if _is_named_so(each))
            if not inside:
                raise UsageError(f"there are no files of real trees in {name}", hint=_HINT)
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _is_named_so(path: Path) -> bool:
    return path.name.endswith((SUFFIX, ".json"))


def read_file(path: Path) -> tuple[RealRun, ...]:
    """Return the runs of a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_COMPRESSED):
            data = _expanded(data)
    except (OSError, EOFError, zlib.error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UsageError(f"{path} cannot be read: {reason}", hint=_HINT) from None
    if len(data) > FILE_BYTES:
        raise UsageError(f"{path} holds more than {FILE_BYTES >> 20} MB", hint=_HINT)
    return read_runs(data, str(path))


def _expanded(data: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    return reader.decompress(data, FILE_BYTES + 1)


def write_file(path: Path, runs: Sequence[RealRun]) -> None:
    """Write runs to a file, compressed where its name says so.

    Raises:
        HarnessFault: it cannot be written.
    """
    data = write_runs(tuple(runs)).encode("ascii")
    try:
        # No time in it: the same runs give the same bytes.
        path.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)
    except OSError as problem:
        raise HarnessFault(f"{path} cannot be written: {problem.strerror}") from None


def excerpt(run: RealRun, tree: int, models: Sequence[PersistenceModel]) -> RealRun:
    """Return a run with one of its trees, and no more of the trace than that needs."""
    kept = run.trees[tree]
    return replace(
        run,
        models=tuple(models),
        events=run.events[: kept.begun],
        trees=(kept,),
        cuts=sum(kept.cuts.values()),
        mounts=1,
        unmountable=0,
        overlapped=tuple(number for number in run.overlapped if number < kept.begun),
    )
