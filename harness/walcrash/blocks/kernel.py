"""The kernel's side: mounts, and loop devices that end by themselves.

A loop device is asked for by number, bound in one step (`LOOP_CONFIGURE` refuses one that is
bound already, so no other device is ever touched) and told to clear itself when the last user is
gone (`LO_FLAGS_AUTOCLEAR`): what is killed leaves none behind.

Source: `mount(2)`, `loop(4)`; Linux 5.8, `include/uapi/linux/loop.h`.
"""

import ctypes
import errno
import fcntl
import os
import struct
from typing import Final

_LOOP_CONFIGURE: Final = 0x4C0A
_LOOP_CTL_GET_FREE: Final = 0x4C82
_BLKFLSBUF: Final = 0x1261
_AUTOCLEAR: Final = 4
_DIRECT_IO: Final = 16

_LOOP_CONFIG: Final = struct.Struct("=II 5Q 4I 64s 64s 32s 2Q 8Q")
"""`struct loop_config` with a `struct loop_info64` inside."""

_RDONLY: Final = 1
_MNT_DETACH: Final = 2

# limits
_TRIES: Final = 64
"""How often a free loop device may be taken by somebody else before we bind it."""

LOOP_CONTROL: Final = "/dev/loop-control"

_libc: Final = ctypes.CDLL(None, use_errno=True)


def bind_loop(path: str, *, is_parallel: bool = False) -> tuple[int, str]:
    """Bind a free loop device to a file.

    Args:
        path: the file.
        is_parallel: whether it hands over a request before the last one is answered; the file's
            system has to take direct I/O then.

    Returns:
        Its descriptor, which keeps it bound, and its path.

    Raises:
        OSError: there is none, or it may not be used.
    """
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            bound = _try_to_bind(backing, _DIRECT_IO if is_parallel else 0)
            if bound is not None:
                return bound
        raise OSError(errno.EBUSY, "every loop device that was free was taken by somebody else")
    finally:
        os.close(backing)


def _try_to_bind(backing: int, more_flags: int) -> tuple[int, str] | None:
    control = os.open(LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
    finally:
        os.close(control)
    loop = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    flags = (0, 0, 0, _AUTOCLEAR | more_flags)
    config = _LOOP_CONFIG.pack(backing, 512, *[0] * 5, *flags, b"", b"", b"", *[0] * 10)
    try:
        fcntl.ioctl(loop, _LOOP_CONFIGURE, config)
    except OSError as problem:
        os.close(loop)
        if problem.errno == errno.EBUSY:
            return None
        raise
    return loop, device


def forget_cached(loop: int) -> None:
    """Have the kernel read the device anew, after the file below it was changed."""
    fcntl.ioctl(loop, _BLKFLSBUF)


def mount(
    source: str, target: str, kind: str, options: str = "", *, is_read_only: bool = False
) -> None:
    """Mount a file system; one that is read-only may still recover, and write for that.

    Raises:
        OSError: the kernel refuses.
    """
    arguments = [text.encode() for text in (source, target, kind)]
    flags = ctypes.c_ulong(_RDONLY if is_read_only else 0)
    if _libc.mount(*arguments, flags, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def unmount(target: str, *, is_lazy: bool = False) -> None:
    """Unmount what is mounted there; lazily, where somebody may still be in it.

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.umount2(target.encode(), _MNT_DETACH if is_lazy else 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
