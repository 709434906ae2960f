"""The checkpoint: the offset up to which all records have been applied, in a file of its own.

It is written after the state that it speaks of is durable, and replaced as a whole, so it is
never ahead of the state and never half written.

Source: the checkpoint of the Vix.cpp sync WAL.
"""

import os
from struct import Struct

from walcrash.wal.directory import CHECKPOINT_NAME, Directory, write_all
from walcrash.wal.errors import DamagedFile, UnsupportedVersion
from walcrash.wal.layout import checksum

VERSION = 1

_MAGIC = b"\xf7WCCKP\r\n"
_FIELDS = Struct("<8sIQ")
_CHECKSUM = Struct("<I")
_FILE_BYTES = _FIELDS.size + _CHECKSUM.size


def save_checkpoint(directory: Directory, last_applied_offset: int) -> None:
    """Replace the checkpoint; the state must already be durable up to it.

    Raises:
        ReplaceFailed: the old checkpoint stands.
        SyncFailed: the new one is in place, but perhaps not after a power loss.
    """
    fields = _FIELDS.pack(_MAGIC, VERSION, last_applied_offset)
    data = fields + _CHECKSUM.pack(checksum(fields))
    os.close(directory.replace(CHECKPOINT_NAME, lambda fd: write_all(fd, data, 0)))


def load_checkpoint(directory: Directory) -> int:
    """Return the saved checkpoint; 0 if there is none.

    Raises:
        UnsupportedVersion: a later version wrote it.
        DamagedFile: it does not hold what was written.
    """
    data = directory.read_file(CHECKPOINT_NAME)
    return 0 if data is None else decode_checkpoint(data, path=directory.name(CHECKPOINT_NAME))


def decode_checkpoint(data: bytes, *, path: str) -> int:
    """Read the file's bytes.

    Raises:
        UnsupportedVersion: a later version wrote them.
        DamagedFile: they are not what was written.
    """
    damaged = DamagedFile(
        f"read {path}: it is no checkpoint, {len(data)} bytes: {data[:_FILE_BYTES].hex()}",
        hint="restore it from a copy; nothing was changed",
    )
    if len(data) < _FIELDS.size or not data.startswith(_MAGIC):
        raise damaged
    _, version, offset = _FIELDS.unpack_from(data)
    if version != VERSION:
        raise UnsupportedVersion(
            f"read {path}: it has format version {version}, this reader knows {VERSION}",
            hint="open it with the version of walcrash that wrote it",
        )
    if data[_FIELDS.size :] != _CHECKSUM.pack(checksum(data[: _FIELDS.size])):
        raise damaged
    return int(offset)
