"""Abilities: what real file systems need, and what of it this machine lacks.

Not here: how the doctor shows it (`tools.doctor.doctor`).
"""

import functools
import importlib.util
import os
import shutil
import subprocess
from ctypes.util import find_library
from typing import Final

from walcrash.blocks.device import make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS, FileSystemVariant
from walcrash.blocks.isolation import PROGRAMS, WORKSPACE, start_isolated
from walcrash.blocks.kernel import LOOP_CONTROL
from walcrash.values.errors import Inconclusive, WalcrashError

FUSE_DEVICE: Final = "/dev/fuse"

_TRY: Final = "walcrash.blocks.abilities:try_all"
_TRIED: Final = b"tried"
_TRY_SECONDS: Final = 60.0


def lacking() -> tuple[str, str]:
    """Return what is lacking for a recording device, and a hint; two empty texts if nothing is."""
    for is_lacking, found, hint in (
        (os.geteuid() != 0, "it needs root", "sudo walcrash ..."),
        (not os.path.exists(FUSE_DEVICE), f"there is no {FUSE_DEVICE}", "modprobe fuse"),
        (not os.path.exists(LOOP_CONTROL), f"there is no {LOOP_CONTROL}", "modprobe loop"),
        (not os.path.isdir(WORKSPACE), f"there is no {WORKSPACE}", ""),
        (
            importlib.util.find_spec("mfusepy") is None,
            "the package mfusepy is not installed",
            "pip install 'walcrash[blocks]'",
        ),
        (
            find_library("fuse3") is None and find_library("fuse") is None,
            "libfuse is not installed",
            "apt-get install libfuse3-3",
        ),
        *(
            (shutil.which(name) is None, f"there is no {name}", "apt-get install util-linux")
            for name in PROGRAMS
        ),
    ):
        if is_lacking:
            return found, hint
    return "", ""


def lacking_for(variant: FileSystemVariant) -> tuple[str, str]:
    """Return what is lacking for a file system besides; two empty texts if nothing is."""
    if shutil.which(variant.program) is None:
        return f"there is no {variant.program}", f"apt-get install {variant.package}"
    return "", ""


def need(variant: FileSystemVariant | None = None) -> None:
    """Do nothing if a recording device can be had.

    Raises:
        Inconclusive: something is lacking; the message says what.
    """
    for found, hint in (lacking(), *([lacking_for(variant)] if variant is not None else [])):
        if found:
            about = f"{variant.name}: " if variant is not None else ""
            raise Inconclusive(
                f"{about}no real file system can be recorded here: {found}",
                hint=hint or "walcrash doctor",
            )


@functools.cache
def trial() -> str:
    """Make a device with a file system, write to it, and remove it; return why that failed."""
    found, _ = lacking()
    if found:
        return found
    process = start_isolated(_TRY, [])
    try:
        said, _ = process.communicate(timeout=_TRY_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"nothing happened within {_TRY_SECONDS:g} seconds"
    if said.strip() == _TRIED:
        return ""
    return said.decode("utf-8", "replace").strip() or f"it ended with {process.returncode}"


def try_all() -> None:
    """Do what `trial` asks for, in its isolated process; say how it went."""
    variant = next(iter(VARIANTS.values()))
    directory, target = f"{WORKSPACE}/device", f"{WORKSPACE}/mounted"
    try:
        os.mkdir(directory)
        os.mkdir(target)
        with recording_device(directory, variant.size_bytes) as device:
            make_file_system(variant, device.path)
            device.begin()
            with mounted(variant, device.path, target):
                os.mkdir(f"{target}/made")
            assert device.log(), "nothing was logged"
    except (OSError, WalcrashError) as problem:
        print(problem)  # noqa: T201 - what the other end reads
    else:
        print(_TRIED.decode())  # noqa: T201 - what the other end reads
