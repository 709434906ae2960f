"""The outside of a bundle: a zip file that is written whole, and read with suspicion.

Nothing is ever unpacked: the members that a bundle may have are read into memory, each by its own
name, and nothing is written anywhere. Whatever is odd about the file is refused with what it is:
other names, links, a name twice, more than fits, a wrong checksum, a half file.

Source: PKWARE's APPNOTE.TXT; `zipfile` of the standard library.
"""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from walcrash.values.codec import dumps, loads
from walcrash.values.errors import UsageError

AGAIN_HINT: Final = "have the bundle made again where the finding is kept: walcrash bundle FINDING"

# limits
BUNDLE_BYTES: Final = 128 * 1024 * 1024
"""Largest bundle that is read."""

MEMBERS: Final = 16
"""Most members of a bundle."""

MEMBER_BYTES: Final = 64 * 1024 * 1024
"""Largest member, unpacked."""

TOTAL_BYTES: Final = 128 * 1024 * 1024
"""Largest sum of all members, unpacked."""

RATIO: Final = 100
"""Most bytes that one byte of a member may unpack to; what packs better is stored as it is."""

RATIO_FREE_BYTES: Final = 64 * 1024
"""Members up to this size may pack as well as they like."""

JSON_VALUES: Final = 3_000_000
"""Most values in one member, by its brackets and commas."""

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED: Final = 0x1
_UNIX_MODE_SHIFT: Final = 16


def write_zip(members: Mapping[str, object]) -> bytes:
    """Return a zip file of JSON members; the same members give the same bytes.

    Raises:
        UsageError: it would be larger than what is read.
    """
    target = io.BytesIO()
    total = 0
    with zipfile.ZipFile(target, "w") as archive:
        for name, value in members.items():
            data = dumps(value).encode("ascii")
            total += len(data)
            if len(data) > MEMBER_BYTES or total > TOTAL_BYTES:
                raise UsageError(
                    f"the finding does not fit into a bundle: {name} has {len(data):,} bytes; "
                    f"a member has at most {MEMBER_BYTES:,}, all together {TOTAL_BYTES:,}",
                    hint="walcrash explain shows it where it is kept",
                )
            info = zipfile.ZipInfo(name, _TIME)
            info.external_attr = (stat.S_IFREG | 0o644) << _UNIX_MODE_SHIFT
            is_dense = len(zlib.compress(data)) * RATIO > len(data)
            info.compress_type = zipfile.ZIP_DEFLATED if is_dense else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return target.getvalue()


def save(path: Path, data: bytes) -> None:
    """Write a new file whole or not at all.

    Raises:
        UsageError: there is such a file, or it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists():
            raise UsageError(
                f"{path} is there already; nothing was written",
                hint=f"walcrash bundle FINDING -o {path.with_stem(path.stem + '-2')}",
            )
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise UsageError(
            f"{path} cannot be written: {problem.strerror}",
            hint=f"df {path.parent}, ls -ld {path.parent}; or name another file with --output",
        ) from None


def read_zip(path: Path, known: Collection[str]) -> dict[str, object]:
    """Return the JSON members of a zip file by name.

    Args:
        path: the file.
        known: the names that it may have.

    Raises:
        UsageError: it cannot be read, or anything about it is odd; nothing was written.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BUNDLE_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UsageError(
            f"the bundle {path} cannot be read: {reason}", hint=f"ls -l {path}"
        ) from None
    if len(data) > BUNDLE_BYTES:
        raise _refused(path, f"it has more than {BUNDLE_BYTES:,} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _members(path, archive, known)
    except UsageError:
        raise
    except zipfile.BadZipFile as problem:
        raise _refused(path, f"it is no whole zip file: {problem}") from None
    except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error,
            OverflowError, IndexError, MemoryError) as problem:  # fmt: skip
        # What `zipfile` raises on damaged files is not documented; each of these was seen.
        raise _refused(path, f"it is damaged: {type(problem).__name__}: {problem}") from None
    except Exception as problem:
        if type(problem).__module__ != "struct":
            raise
        raise _refused(path, f"it is damaged: {problem}") from None


def _members(path: Path, archive: zipfile.ZipFile, known: Collection[str]) -> dict[str, object]:
    infos = archive.infolist()
    if len(infos) > MEMBERS:
        raise _refused(path, f"it has {len(infos)} members; a bundle has at most {MEMBERS}")
    total = 0
    seen: set[str] = set()
    for info in infos:
        _check(path, info, known)
        if info.filename in seen:
            raise _refused(path, f"it has the member {info.filename!r} twice")
        seen.add(info.filename)
        total += info.file_size
    if total > TOTAL_BYTES:
        raise _refused(path, f"it unpacks to {total:,} bytes; at most {TOTAL_BYTES:,} are read")
    return {
        info.filename: _json(path, info.filename, _unpacked(path, archive, info)) for info in infos
    }


def _check(path: Path, info: zipfile.ZipInfo, known: Collection[str]) -> None:
    # The name as it stands in the file: `filename` has lost what follows a NUL.
    name = info.orig_filename
    if name not in known:
        raise _refused(path, f"it has a member {name!r}; a bundle has {', '.join(sorted(known))}")
    kind = stat.S_IFMT(info.external_attr >> _UNIX_MODE_SHIFT)
    if kind not in (0, stat.S_IFREG):
        raise _refused(path, f"its member {name!r} is a link or no regular file")
    if info.flag_bits & _ENCRYPTED:
        raise _refused(path, f"its member {name!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused(path, f"its member {name!r} is packed in an unknown way")
    if info.file_size > MEMBER_BYTES:
        raise _refused(
            path, f"its member {name!r} unpacks to {info.file_size:,} bytes; "
            f"at most {MEMBER_BYTES:,} are read"
        )  # fmt: skip
    if info.file_size > RATIO_FREE_BYTES and info.file_size > info.compress_size * RATIO:
        raise _refused(
            path, f"its member {name!r} unpacks {info.compress_size:,} bytes to "
            f"{info.file_size:,}; at most {RATIO} times as many are read"
        )  # fmt: skip


def _unpacked(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise _refused(path, f"its member {info.filename!r} has another size than it says")
    return data


def _json(path: Path, name: str, data: bytes) -> object:
    if sum(data.count(each) for each in (b"[", b"{", b",")) > JSON_VALUES:
        raise _refused(path, f"its member {name!r} has more than {JSON_VALUES:,} values")
    try:
        return loads(data)
    except ValueError as problem:
        raise _refused(path, f"its member {name!r} cannot be read: {problem}") from None


def _refused(path: Path, why: str) -> UsageError:
    return UsageError(f"the bundle {path} is refused: {why}; nothing was written", hint=AGAIN_HINT)
