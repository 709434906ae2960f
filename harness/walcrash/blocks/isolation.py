"""Isolation: a process with mounts and process numbers of its own, of which nothing stays.

The process is the first of its own process namespace: when it ends, however it does, the kernel
kills all that it started, and with the last of them the mount namespace goes, with every mount in
it, and with these the loop devices. It is killed itself when whoever started it dies. Its
directories are in a fresh tmpfs over `/dev/shm`, so they go as well.

Source: `unshare(1)`, `setpriv(1)`, `pid_namespaces(7)`, `mount_namespaces(7)`, `prctl(2)`
(PR_SET_PDEATHSIG).
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from walcrash.blocks.kernel import mount

PROGRAMS: Final = ("unshare", "setpriv")
"""Both of util-linux."""

WORKSPACE: Final = "/dev/shm"  # noqa: S108 - a file system of our own is mounted over it

_ROOM: Final = "size=75%,mode=700"


def start_isolated(
    function: str, arguments: Sequence[str] = (), *, takes_input: bool = False
) -> subprocess.Popen[bytes]:
    """Start `module:function` in a process of its own; its stdout is a pipe, and so may stdin be.

    Call it from a thread that lives as long as the process should: it ends with the thread.
    """
    module, name = function.split(":")
    code = (
        "from walcrash.blocks.isolation import enter; enter(); "
        f"from {module} import {name}; {name}()"
    )
    return subprocess.Popen(
        [
            "setpriv", "--pdeathsig", "KILL",
            "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
            "--propagation", "private",
            sys.executable, "-P", "-c", code, *arguments,
        ],
        env=environment(),
        stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )  # fmt: skip


def enter() -> None:
    """Have the workspace: call it first in the isolated process."""
    assert os.getpid() == 1, "only for a process that is the first of its namespace"
    mount("tmpfs", WORKSPACE, "tmpfs", _ROOM)


def environment() -> dict[str, str]:
    """Return the environment in which a child finds this package."""
    variables = dict(os.environ)
    package_parent = str(Path(__file__).resolve().parents[2])
    paths = [package_parent, *variables.get("PYTHONPATH", "").split(os.pathsep)]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return variables
