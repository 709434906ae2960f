#!/usr/bin/env python3
"""A small right WAL behind the driver protocol, and drivers that are wrong in one way each.

`driver(way)` has the words that start one: the way is the name of a function of the class below,
or `right`.
A record is a line of JSON with its checksum in front; an offset is a place in the file.

A check starts a driver thirty times, and a campaign once for each image, so nothing is imported
that a right driver does not need.
"""

import json
import os
import sys
import time
import zlib


def driver(way: str) -> tuple[str, ...]:
    """Return the words that start a driver, without what `site` brings."""
    return (sys.executable, "-S", __file__, way)


class Driver:
    def __init__(self, way: str, directory: str) -> None:
        self.way = way
        self.directory = directory
        self.entries: list[tuple[int, dict]] = []
        self.requests = 0
        self.supports = ["sync"]

    def run(self) -> None:
        way = getattr(self, f"at_start_{self.way}", None)
        if way is not None:
            way()
        for line in sys.stdin:
            request = json.loads(line)
            do = request["do"]
            wrong = getattr(self, f"{do}_{self.way}", None)
            (wrong or getattr(self, do, self.unknown))(request)
        if self.way == "stubborn":
            time.sleep(600)
        os._exit(0)

    def say(self, **line: object) -> None:
        self.write(json.dumps(line).encode() + b"\n")

    def write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    def unknown(self, request: dict) -> None:
        if self.way == "deaf":
            return
        self.say(ok=False, error=f"there is no request {request['do']}")

    # The right ones.

    def open(self, request: dict) -> None:
        directory = request.get("dir", self.directory)
        self.log = os.open(os.path.join(directory, "log"), os.O_RDWR | os.O_CREAT, 0o644)
        data = b""
        while piece := os.read(self.log, 1 << 16):
            data += piece
        self.entries, at = [], 0
        while (end := data.find(b"\n", at)) >= 0:
            check, _, text = data[at:end].partition(b" ")
            if check != b"%08x" % zlib.crc32(text):
                break
            self.entries.append((at, json.loads(text)))
            at = end + 1
        self.end = at
        os.ftruncate(self.log, at)
        os.lseek(self.log, at, os.SEEK_SET)
        os.fsync(self.log)
        descriptor = os.open(directory, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        self.introduce()

    def introduce(self, **other: object) -> None:
        said = {"protocol": 1, "name": "small", "version": "1", "supports": self.supports}
        self.say(ok=True, **{**said, **other})

    def append(self, request: dict) -> None:
        offset = self.store(request)
        self.say(ok=True, offset=offset)

    def store(self, request: dict) -> int:
        text = json.dumps(request["record"]).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        os.write(self.log, line)
        os.fsync(self.log)
        offset, self.end = self.end, self.end + len(line)
        self.entries.append((offset, request["record"]))
        return offset

    def sync(self, request: dict) -> None:
        self.say(ok=True)

    def replay(self, request: dict) -> None:
        for offset, record in self.entries:
            if offset >= request["from"]:
                self.say(record=record, offset=offset)
        self.say(ok=True, end=self.end)

    def close(self, request: dict) -> None:
        self.say(ok=True)
        if "reopen" not in self.supports:
            os._exit(0)
        os.close(self.log)

    # At the start.

    def at_start_exits(self) -> None:
        print("no licence\nfor this machine", file=sys.stderr, flush=True)
        os._exit(7)

    def at_start_reopens(self) -> None:
        self.supports = ["sync", "reopen"]

    def at_start_silent(self) -> None:
        time.sleep(600)

    def at_start_locked(self) -> None:
        self.say(ok=False, error="another has the lock")
        os._exit(0)

    def at_start_banner(self) -> None:
        self.write(b"welcome to mywal\n")

    # Instead of a right reply to `open`.

    def open_version(self, request: dict) -> None:
        self.introduce(protocol=2)

    def open_capability(self, request: dict) -> None:
        self.introduce(supports=["sync", "compaction"])

    def open_liar(self, request: dict) -> None:
        self.supports = ["sync", "apply"]
        self.open(request)

    def open_lying(self, request: dict) -> None:
        self.supports = ["sync", "compact"]
        self.open(request)

    def open_utf8(self, request: dict) -> None:
        self.write(b'{"ok": true, "name": "\xff"}\n')

    def open_listener(self, request: dict) -> None:
        import socket

        self.socket = socket.create_server(("0.0.0.0", 0))
        self.open(request)

    def open_loopback(self, request: dict) -> None:
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.open(request)

    def open_fills(self, request: dict) -> None:
        """Fill the disk where there is something to recover."""
        self.open(request) if not self.found() else self.fill()

    def open_eats(self, request: dict) -> None:
        """Take all memory where there is something to recover."""
        self.open(request) if not self.found() else self.open_memory(request)

    def found(self) -> int:
        log = os.path.join(self.directory, "log")
        return os.path.getsize(log) if os.path.exists(log) else 0

    def fill(self) -> None:
        piece = bytes(1 << 20)
        with open(os.path.join(self.directory, "rebuilt"), "ab") as file:
            for _ in range(4096):
                file.write(piece)
                # So that a disk in memory is not full before anybody has looked.
                time.sleep(0.001)

    def open_memory(self, request: dict) -> None:
        self.hoard = []
        while True:
            self.hoard.append(bytearray(1 << 24))

    def open_refuses(self, request: dict) -> None:
        self.say(ok=False, error="this is no log of mine")

    # Instead of a right reply to `append`.

    def append_dies(self, request: dict) -> None:
        print("assertion failed: flushed <= end", file=sys.stderr, flush=True)
        os._exit(3)

    def append_killed(self, request: dict) -> None:
        os.kill(os.getpid(), 11)

    def append_silent(self, request: dict) -> None:
        time.sleep(600)

    def append_half(self, request: dict) -> None:
        self.write(b'{"ok": tr')
        time.sleep(600)

    def append_nojson(self, request: dict) -> None:
        self.write(b"OK 17\n")

    def append_list(self, request: dict) -> None:
        self.write(b"[true]\n")

    def append_nothing(self, request: dict) -> None:
        self.write(b"\n")

    def append_without(self, request: dict) -> None:
        self.store(request)
        self.say(ok=True)

    def append_text(self, request: dict) -> None:
        self.say(ok=True, offset=str(self.store(request)))

    def append_truth(self, request: dict) -> None:
        self.say(ok="yes", offset=self.store(request))

    def append_huge(self, request: dict) -> None:
        self.say(ok=True, offset=1 << 70)

    def append_same(self, request: dict) -> None:
        self.store(request)
        self.say(ok=True, offset=7)

    def append_twice(self, request: dict) -> None:
        line = json.dumps({"ok": True, "offset": self.store(request)}).encode() + b"\n"
        self.write(line + line)

    def append_late(self, request: dict) -> None:
        """Answer the request before: replies are out of order."""
        self.store(request)
        self.say(ok=True, offset=self.entries[-2][0] if len(self.entries) > 1 else 0)

    def append_endless(self, request: dict) -> None:
        while True:
            self.write(b" " * (1 << 16))

    def append_stdout(self, request: dict) -> None:
        os.close(1)
        time.sleep(600)

    def append_refuses(self, request: dict) -> None:
        self.say(ok=False, error="not today", definite=True)

    def append_unwilling(self, request: dict) -> None:
        """Refuse every third record, for no reason, and leave open whether it is there."""
        self.requests += 1
        if self.requests % 3:
            self.append(request)
        else:
            self.say(ok=False, error="not this one")

    def append_reluctant(self, request: dict) -> None:
        """Refuse the first record of an empty log, once."""
        if self.end or self.requests:
            self.append(request)
        else:
            self.requests = 1
            self.say(ok=False, error="not as the first one")

    def append_unable(self, request: dict) -> None:
        self.say(ok=False, error="not today", definite=True)

    def append_buffers(self, request: dict) -> None:
        """Acknowledge what is written at `sync` or `close` only."""
        self.buffer = [*getattr(self, "buffer", []), request["record"]]
        text = json.dumps(request["record"]).encode()
        self.entries.append((self.end, request["record"]))
        self.say(ok=True, offset=self.end)
        self.end += len(text) + 10

    def close_buffers(self, request: dict) -> None:
        for record in getattr(self, "buffer", []):
            self.store({"record": record})
        self.close(request)

    def open_forgets(self, request: dict) -> None:
        self.open(request)
        self.entries = []

    def append_unexplained(self, request: dict) -> None:
        self.say(ok=False)

    def append_outside(self, request: dict) -> None:
        with open(os.environ["BAD_SUBJECT_OUTSIDE"], "a") as file:
            file.write("x")
        self.append(request)

    def open_serves(self, request: dict) -> None:
        """Have a server that holds a lock until it is gone, as a database has, and end with it."""
        import fcntl

        held = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT, 0o644)
        ready, say_ready = os.pipe()
        self.server = os.fork()
        if self.server == 0:
            fcntl.flock(held, fcntl.LOCK_EX)
            os.write(say_ready, b".")
            time.sleep(600)
            os._exit(0)
        os.close(held)
        os.read(ready, 1)
        self.open(request)

    def close_serves(self, request: dict) -> None:
        os.kill(self.server, 9)
        os.waitpid(self.server, 0)
        self.close(request)

    def append_daemon(self, request: dict) -> None:
        import subprocess

        subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL)
        self.append(request)

    def append_full(self, request: dict) -> None:
        """Write more than a boot may; it has an end, since nobody counts where nobody watches."""
        with open(os.path.join(self.directory, "junk"), "wb") as file:
            for _ in range(520):
                file.write(b"x" * (1 << 20))
        self.append(request)

    def append_space(self, request: dict) -> None:
        self.say(ok=False, error="no space left on device, write")

    # Instead of a right reply to others.

    def replay_backwards(self, request: dict) -> None:
        self.entries.reverse()
        self.replay(request)
        self.entries.reverse()

    def replay_norecord(self, request: dict) -> None:
        self.say(record={"id": "a"}, offset=0)

    def replay_forever(self, request: dict) -> None:
        record = {"type": "MarkDone", "id": "a", "ts_ms": 1, "payload": "", "error": ""}
        while True:
            self.say(record={**record, "next_retry_at_ms": 0}, offset=0)

    def close_status(self, request: dict) -> None:
        self.say(ok=True)
        os._exit(9)

    def close_stays(self, request: dict) -> None:
        self.say(ok=True)
        time.sleep(600)

    def close_talks(self, request: dict) -> None:
        self.say(ok=True)
        self.write(b"good bye\n")
        os._exit(0)


if __name__ == "__main__":
    Driver(sys.argv[1], sys.argv[-1]).run()
