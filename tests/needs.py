"""What a test needs and a machine may lack: such a test is skipped, and in CI it fails.

`.ci/run` installs everything that any test needs, and says so with `WALCRASH_EXPECT_TOOLS=1`.
"""

import os
import shutil
from typing import NoReturn

import pytest

EXPECT = "WALCRASH_EXPECT_TOOLS"


def lacking(reason: str) -> NoReturn:
    """Skip the test with the reason, or fail it where nothing should be lacking."""
    if os.environ.get(EXPECT, "") not in ("", "0"):
        pytest.fail(f"{EXPECT} is set, so nothing should be lacking: {reason}")
    pytest.skip(reason)


def need_real_file_systems() -> None:
    """End the test where no real file system can be recorded.

    CI fails where the machine could do it: with root, FUSE and loop devices, all else is
    something that `.ci/run` installs.
    """
    from walcrash.blocks.abilities import FUSE_DEVICE, LOOP_CONTROL, trial

    problem = trial()
    if problem:
        could = os.geteuid() == 0 and all(map(os.path.exists, (FUSE_DEVICE, LOOP_CONTROL)))
        (lacking if could else pytest.skip)(f"no real file system can be recorded: {problem}")


def need_program(name: str, package: str = "", *, install: str = "") -> str:
    """Return the path of a program, or end the test as `lacking` does.

    Args:
        name: of the program.
        package: Debian's, where it has another name.
        install: what installs it, where that is not `apt-get`.
    """
    path = shutil.which(name)
    if path is None:
        lacking(f"{name} is not installed; {install or f'apt-get install {package or name}'}")
    return path
