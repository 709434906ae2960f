"""Whole command lines, and what they printed.

A transcript is a text file: `exit N`, the command, then stdout and stderr. What differs from
run to run is replaced by a word in angle brackets. With `WALCRASH_UPDATE_TRANSCRIPTS=1` a
transcript is written and not compared; read the difference before you commit it.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from command import walcrash_here

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

UPDATE = "WALCRASH_UPDATE_TRANSCRIPTS"

VOLATILE = (
    (re.compile(r"\b\d{8}T\d{6}Z\b"), "<time>"),
    (re.compile(r"\bafter \d+\.\d s\b"), "after <seconds> s"),
    (re.compile(r"\b[\d,]+\.\d cases/s\b"), "<rate> cases/s"),
    (re.compile(r"\b(?:\d+:)?\d+:\d\d left\b"), "<left> left"),
)


def run_walcrash(
    command: str, directory: Path, *, environment: Mapping[str, str] | None = None
) -> str:
    """Run `walcrash ...` in a directory and return the transcript."""
    words = shlex.split(command)
    assert words[0] == "walcrash", command
    done = walcrash_here(directory, *words[1:], **{"NO_COLOR": "1", **(environment or {})})
    parts = [f"exit {done.returncode}\n$ {command}\n"]
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        if text:
            parts.append(f"--- {name}\n{_steady(text, directory)}")
    return "".join(parts)


def check_transcript(
    name: str, command: str, directory: Path, *, environment: Mapping[str, str] | None = None
) -> None:
    """Compare a command's transcript with the stored one, or store it."""
    compare_transcript(name, run_walcrash(command, directory, environment=environment))


def compare_transcript(name: str, found: str) -> None:
    """Compare a transcript with the stored one, or store it."""
    path = HERE / f"{name}.txt"
    if os.environ.get(UPDATE) == "1":
        path.write_text(found, encoding="utf-8")
        return
    assert path.exists(), f"there is no transcript {path}; make it with {UPDATE}=1"
    assert found == path.read_text(encoding="utf-8"), f"to accept this: {UPDATE}=1 pytest {HERE}"


def _steady(text: str, directory: Path) -> str:
    text = text.replace(str(directory), "<directory>").replace(str(ROOT), "<root>")
    # A slow machine tells how far it is; a fast one has nothing to tell.
    text = re.sub(r"^\S+: \d+ of \d+ cases in .*\n", "", text, flags=re.MULTILINE)
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))
