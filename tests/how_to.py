"""The Python and TOML of the documentation, and the log that its adapter drives."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "harness" / "walcrash" / "docs"
PAGE = DOCS / "how-to" / "test-your-own-log.md"

MYLOG = '''
"""One JSON line a record; what has no newline at its end is cut off when the log is opened."""

import json
import os
from collections.abc import Iterator
from pathlib import Path


def encode(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode() + b"\\n"


def decode(body: bytes) -> dict[str, object]:
    fields: dict[str, object] = json.loads(body)
    return fields


def open(path: Path) -> "Log":
    return Log(path)


class Log:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        self.size = data.rfind(b"\\n") + 1
        if self.size < len(data):
            os.ftruncate(self._fd, self.size)

    def append(self, body: bytes) -> int:
        offset = self.size
        os.write(self._fd, body)
        self.size += len(body)
        return offset

    def scan(self, start: int) -> Iterator[tuple[int, bytes]]:
        for line in os.pread(self._fd, self.size - start, start).splitlines(keepends=True):
            yield start, line
            start += len(line)

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)
'''
"""`mylog.py`, which the adapter of the how-to drives."""


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def block(page: Path, language: str, having: str) -> str:
    """Return the one code block that has a text in it."""
    (found,) = (each for each in blocks(page, language) if having in each)
    return found
