"""What a page is made from, asked of git and of the kernel.

Not here: what a page says of it (`walcrash.report.planted_page`).
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from walcrash.values.made import Made

CHECKOUT: Final = Path(__file__).resolve().parents[3]
"""The directory that walcrash runs from, where that is no installed package."""

# limits
_SECONDS: Final = 30
"""How long git may take."""


def made_by(words: Sequence[str], *, processors: int) -> Made:
    """Return what a page is made from whose command is `walcrash` and these words."""
    _, load, _ = os.getloadavg()
    return Made(
        command=shlex.join(["walcrash", *words]),
        commit=commit_of(CHECKOUT),
        processors=processors,
        load=load,
    )


def commit_of(checkout: Path) -> str:
    """Return a checkout's commit, with `-dirty` behind it where files differ; empty without one."""
    # A directory of installed packages may lie in somebody else's checkout.
    if not (checkout / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
