"""The real file systems and their variants: how each is made and mounted.

Lazy initialisation and discards are off: both would write to the device at times of their own.
XFS wants 300 MB; the tool makes smaller ones for its own tests, which three variables say.

Source: `mkfs.ext4(8)`, `ext4(5)`, `mkfs.xfs(8)`, `xfs(5)`, `mkfs.btrfs(8)`, `btrfs(5)`; xfsprogs,
`mkfs/xfs_mkfs.c` (`validate_supported`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from walcrash.values.errors import UsageError
from walcrash.values.persistence import PersistenceModel

_MIB: Final = 1 << 20

_EXT4_MAKE: Final = (
    "mkfs.ext4", "-q", "-F", "-O", "^resize_inode,^orphan_file", "-N", "256", "-m", "0", "-E",
    "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", "size=4",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystemVariant:
    """One way to make and mount a real file system.

    Attributes:
        name: what it is called on the command line and in tables.
        kind: the file system's name for `mount`.
        package: what its `mkfs` comes in, on Debian.
        make: the command; the device follows it.
        options: what it is mounted with.
        size_bytes: of its device.
        block_bytes: what it allocates at a time.
        models: the persistence models that must allow every tree it leaves.
        environment: variables of the command.
        reuses_freed_blocks: whether a freed block is another file's before the freeing is durable.
        journals_data: whether data is written to a journal first.
        syncs_return_early: whether a sync returns before that of another process has ended.
    """

    name: str
    kind: str
    package: str
    make: tuple[str, ...]
    options: str = ""
    size_bytes: int = 24 * _MIB
    block_bytes: int = 4096
    models: tuple[PersistenceModel, ...] = (PersistenceModel.POSIX,)
    environment: Mapping[str, str] = field(default_factory=dict)
    reuses_freed_blocks: bool = False
    syncs_return_early: bool = False
    journals_data: bool = False

    @property
    def program(self) -> str:
        """The program that makes it."""
        return self.make[0]


_BOTH: Final = (PersistenceModel.EXT4, PersistenceModel.POSIX)


def _ext4(
    name: str,
    options: str,
    *,
    block_bytes: int = 4096,
    models: tuple[PersistenceModel, ...] = _BOTH,
    reuses_freed_blocks: bool = False,
    journals_data: bool = False,
) -> FileSystemVariant:
    return FileSystemVariant(
        name=name,
        kind="ext4",
        package="e2fsprogs",
        make=(*_EXT4_MAKE, "-b", str(block_bytes)),
        options=options,
        block_bytes=block_bytes,
        models=models,
        reuses_freed_blocks=reuses_freed_blocks,
        journals_data=journals_data,
    )


VARIANTS: Final[Mapping[str, FileSystemVariant]] = {
    variant.name: variant
    for variant in (
        _ext4("ext4", "data=ordered"),
        _ext4("ext4-1k", "data=ordered", block_bytes=1024),
        _ext4("ext4-lock", "data=ordered,dioread_lock"),
        # It promises less than `ext4` on purpose: names without the data that they name.
        _ext4(
            "ext4-writeback",
            "data=writeback",
            models=(PersistenceModel.POSIX,),
            reuses_freed_blocks=True,
        ),
        _ext4("ext4-journal", "data=journal", journals_data=True),
        FileSystemVariant(
            name="xfs",
            kind="xfs",
            package="xfsprogs",
            make=("mkfs.xfs", "-q", "-f", "-K", "-l", "size=8m"),
            size_bytes=64 * _MIB,
            environment={"TEST_DIR": "1", "TEST_DEV": "1", "QA_CHECK_FS": "1"},
        ),
        FileSystemVariant(
            name="btrfs",
            kind="btrfs",
            package="btrfs-progs",
            make=("mkfs.btrfs", "-q", "-f", "-K", "-M", "-m", "single", "-d", "single"),
            size_bytes=48 * _MIB,
            syncs_return_early=True,
        ),
    )
}
"""By name, the one that decides by default first."""

PLANES: Final = ("ext4", "xfs", "btrfs")
"""What a campaign may run on: the variants with the block size that the models take."""


def find_plane(name: str) -> FileSystemVariant:
    """Return the file system of a plane.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in PLANES:
        raise UsageError(
            f"there is no plane `{name}`; allowed: {', '.join(PLANES)}",
            hint=f"walcrash run --plane {PLANES[0]}",
        )
    return VARIANTS[name]
