"""The command line as its users run it: in a directory of theirs, as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLANTED = ROOT / "scenarios" / "planted"

SECONDS = 120.0


def walcrash(
    directory: Path, *words: str, seconds: float = SECONDS
) -> "subprocess.CompletedProcess[str]":
    """Run `walcrash` with these words to its end."""
    return subprocess.run(
        [sys.executable, "-m", "walcrash", *words],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "harness"), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
