"""A driver of the bench: a small log in Python behind the driver protocol.

It is a program of its own, started without the package. A record is a line of JSON behind its
length and its CRC-32, synced before it is acknowledged; a torn tail is cut. `--reopen` lets one
process serve many recoveries.

Source: the driver protocol, version 1.
"""

import json
import os
import sys
import zlib
from typing import Any

HEADER_BYTES = 8
NAME = "records.log"


class Log:
    """The log of one directory."""

    def __init__(self, directory: str) -> None:
        path = os.path.join(directory, NAME)
        is_new = not os.path.exists(path)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if is_new:
            parent = os.open(directory, os.O_RDONLY)
            os.fsync(parent)
            os.close(parent)
        size = os.fstat(self.fd).st_size
        self.entries = list(_entries(os.pread(self.fd, size, 0)))
        self.end = self.entries[-1][2] if self.entries else 0
        if size > self.end:
            os.ftruncate(self.fd, self.end)
        # What a process before this one wrote may not be durable.
        os.fsync(self.fd)

    def append(self, record: dict[str, Any]) -> int:
        """Append a record durably; return where it begins."""
        body = json.dumps(record).encode()
        data = len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body
        os.pwrite(self.fd, data, self.end)
        os.fsync(self.fd)
        start = self.end
        self.end += len(data)
        self.entries.append((record, start, self.end))
        return start

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.fd)


def _entries(data: bytes) -> Any:
    """Yield each whole record with where it begins and ends."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        body = data[at + HEADER_BYTES : at + HEADER_BYTES + length]
        crc = int.from_bytes(data[at + 4 : at + HEADER_BYTES], "little")
        if not length or len(body) < length or zlib.crc32(body) != crc:
            return
        start, at = at, at + HEADER_BYTES + length
        yield json.loads(body), start, at


def serve(directory: str, *, is_reopening: bool) -> None:
    """Answer requests until `close`, or until they end."""
    log: Log | None = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "open":
                directory = request.get("dir", directory)
                log = Log(directory)
                supports = ["reopen"] if is_reopening else []
                named = {"protocol": 1, "name": "python", "version": "1"}
                _say({"ok": True, **named, "supports": supports})
            case "append" if log is not None:
                _say({"ok": True, "offset": log.append(request["record"])})
            case "replay" if log is not None:
                for record, start, _ in log.entries:
                    if start >= request["from"]:
                        _say({"record": record, "offset": start})
                _say({"ok": True, "end": log.end})
            case "close" if log is not None:
                log.close()
                log = None
                _say({"ok": True})
                if not is_reopening:
                    return
            case other:
                _say({"ok": False, "error": f"unknown request {other}", "definite": True})


def _say(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    options = sys.argv[1:]
    serve(options[-1], is_reopening="--reopen" in options)
