"""The kernel's side of interception: call numbers, structures and ioctl requests.

One table for x86-64 and aarch64; a call that an architecture lacks is None there.

Source: `seccomp_unotify(2)`, `include/uapi/linux/seccomp.h`,
`arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/asm-generic/unistd.h`.
"""

import ctypes
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

MESSAGE_FD: Final = 0x7FFF_0000
"""A descriptor that no process has: what a worker writes to it is a message to the harness."""

# name: (x86-64, aarch64)
_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "write": (1, 64),
    "pwrite64": (18, 68),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "close": (3, 57),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "writev": (20, 66),
    "pwritev": (296, 70),
    "pwritev2": (328, 287),
    "sendfile": (40, 71),
    "copy_file_range": (326, 285),
    "splice": (275, 76),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "sync_file_range": (277, 84),
    "msync": (26, 227),
    "mmap": (9, 222),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "dup2": (33, None),
    "dup3": (292, 24),
    "close_range": (436, 436),
    "umask": (95, 166),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "open_by_handle_at": (304, 265),
    "ioctl": (16, 29),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "seccomp": (317, 277),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "getitimer": (36, 102),
    "exit_group": (231, 94),
    "read": (0, 63),
    "pread64": (17, 67),
    "readv": (19, 65),
    "preadv": (295, 69),
    "preadv2": (327, 286),
    "getrandom": (318, 278),
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """One processor architecture: its audit number and its call numbers by name."""

    name: str
    audit: int
    numbers: dict[str, int]

    @property
    def has_x32(self) -> bool:
        """Whether the kernel may take calls with the x32 bit set."""
        return self.name == "x86_64"


X32_BIT: Final = 0x4000_0000

_ARCHITECTURES: Final = {
    name: Architecture(
        name,
        audit,
        {call: row[column] for call, row in _CALLS.items() if row[column] is not None},  # type: ignore[misc]
    )
    for column, (name, audit) in enumerate([("x86_64", 0xC000_003E), ("aarch64", 0xC000_00B7)])
}


def architecture(machine: str = "") -> Architecture | None:
    """Return the table of a machine (as `uname -m` names it; this one by default) or None."""
    return _ARCHITECTURES.get(machine or platform.machine())


NOTIF_RECV: Final = 0xC050_2100
NOTIF_SEND: Final = 0xC018_2101
NOTIF_ID_VALID: Final = 0x4008_2102
NOTIF_ADDFD: Final = 0x4018_2103
NOTIF_SET_FLAGS: Final = 0x4008_2104

SYNC_WAKE_UP: Final = 1
"""`NOTIF_SET_FLAGS`, Linux 6.6: run the answered thread at once on this processor."""

USER_NOTIF_FLAG_CONTINUE: Final = 1

NOTIFICATION = struct.Struct("<QIIiIQ6Q")
"""`struct seccomp_notif`: id, pid, flags, nr, arch, instruction pointer, six arguments."""

NOTIFICATION_ID = struct.Struct("<Q")
"""What `NOTIF_ID_VALID` asks about: the id of a notification."""

RESPONSE = struct.Struct("<QqiI")
"""`struct seccomp_notif_resp`: id, value, negative errno, flags."""

ADDFD_FLAG_SETFD: Final = 1
"""Put the descriptor where another one is, as `dup2(2)` does."""

ADDFD = struct.Struct("<QIIII")
"""`struct seccomp_notif_addfd`: id, flags, source fd, new fd, new fd's flags."""

RENAME_EXCHANGE: Final = 2
AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_REMOVEDIR: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_EMPTY_PATH: Final = 0x1000
MAP_SHARED: Final = 1
FICLONE: Final = 0x4004_9409
FICLONERANGE: Final = 0x4020_940D

libc: Final = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def raw_call(name: str, *arguments: object) -> int:
    """Make a system call by name.

    Raises:
        OSError: the call failed, or this architecture has no table.
    """
    table = architecture()
    if table is None:
        raise OSError(38, f"no system-call table for {platform.machine()}")
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(libc.syscall(ctypes.c_long(table.numbers[name]), *wide))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
