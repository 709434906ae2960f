"""Redis with its append-only file as a log: one field of a hash a record.

The server is a child of the worker, recorded and killed with it. It is spoken to over a socket
outside of the subject's directory: within it, it would be a part of every image. A server that is
killed leaves it there, and it goes with the directory around it, which is the harness's own.

`always` syncs the file before it replies, `everysec` from a thread about once a second, `no`
leaves it to the system. What was written is there after a kill with each of them. But while that
thread syncs, the server of `everysec` replies without writing, for two seconds at most, since its
write would wait for the disk: a kill then takes commands that were replied to, so only a prefix
is promised.

A file that ends within a command is loaded without that command; one with anything else at its
end, such as zeros, is refused, and that may be the last command before a power loss, which nobody
had an answer to, also with `always`: so only the `ordered` model is promised.

Not here: snapshots (RDB), rewriting the file, replicas.

Source: the Redis documentation, "Persistence"; `redis.conf` of 7.0; `flushAppendOnlyFile` in
`aof.c` of 7.0, and 7.0.15 with `fdatasync` held for 1.5 s: of four replied commands one was in
the file.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import one_of
from walcrash.subjects.loading import MissingPackage
from walcrash.values.contract import Contract, PersistenceModel, Promise

SERVER: Final = "redis-server"
_LIBC: Final = ctypes.CDLL(None)
_PR_SET_PDEATHSIG: Final = 1
HASH: Final = b"log"
POLICIES: Final = ("always", "everysec", "no")

# limits
READY_SECONDS: Final = 8.0
"""How long the server may take to load its file."""

POLL_SECONDS: Final = 0.005
"""How often it is asked whether it has."""

REPLY_SECONDS: Final = 30.0
"""How long one reply may take."""

CLOSE_SECONDS: Final = 10.0
"""How long the server may take to end when asked to."""

IDLE_MS_MOST: Final = 10_000
"""The longest time without a command before the first put, milliseconds."""

Reply = bytes | int | None | list["Reply"]


class RedisError(Exception):
    """The server refused, ended or did not answer."""


class RedisAdapter(NumberedStore):
    """Drives a Redis server of its own.

    Args:
        appendfsync: `always`, `everysec` or `no`.
        idle_ms: how long the server has nothing to do between its start and the first put,
            milliseconds, 0 to 10,000; `everysec` syncs behind the first write of another second.

    Raises:
        MissingPackage: there is no server on the path.
        WrongOption: there is no such policy.
        ValueError: `idle_ms` is out of its range.
    """

    supports = frozenset({"reopen"})

    def __init__(self, *, appendfsync: str = "always", idle_ms: int = 0) -> None:
        super().__init__()
        if not 0 <= idle_ms <= IDLE_MS_MOST:
            raise ValueError(f"`idle_ms` is 0 to {IDLE_MS_MOST:,}; found {idle_ms}")
        self._idle_ms = idle_ms
        self._is_idle = True
        self._policy = one_of("appendfsync", appendfsync, POLICIES)
        self._program = _program()
        self._server: subprocess.Popen[bytes] | None = None
        is_synced = appendfsync == "always"
        self.contract = Contract(
            kill=Promise.PREFIX if appendfsync == "everysec" else Promise.ALL,
            power=Promise.ALL if is_synced else Promise.PREFIX,
            model=PersistenceModel.ORDERED,
        )

    def open_store(self, directory: Path) -> None:
        """Start the server and wait until it has loaded its file."""
        self._is_idle = True
        # Relative, and later through a descriptor: the path of a socket has at most 107 bytes.
        name = f"../{directory.name}-{os.getpid()}.redis"
        self._server = subprocess.Popen(
            [
                self._program,
                *("--port", "0", "--unixsocket", name, "--daemonize", "no", "--save", ""),
                *("--appendonly", "yes", "--appendfsync", self._policy),
            ],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it only makes a system call
        )
        self._connection = _Connection(_connected(directory, name, self._server))
        self._wait_until_loaded()

    def put(self, number: int, value: bytes) -> None:
        """Store one field."""
        if self._is_idle:
            time.sleep(self._idle_ms / 1000)
            self._is_idle = False
        self._connection.ask(b"HSET", HASH, b"%d" % number, value)

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Return all fields with such a number."""
        reply = self._connection.ask(b"HGETALL", HASH)
        assert isinstance(reply, list)
        pairs = zip(reply[::2], reply[1::2], strict=True)
        found = [(int(k), v) for k, v in pairs if isinstance(k, bytes) and isinstance(v, bytes)]
        return [(number, value) for number, value in found if number >= from_number]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete fields."""
        for number in numbers:
            self._connection.ask(b"HDEL", HASH, b"%d" % number)

    def close(self) -> None:
        """Ask the server to end, which syncs the file, and wait for it."""
        assert self._server is not None
        self._connection.send(b"SHUTDOWN")
        try:
            self._server.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
            raise RedisError(f"{SERVER} did not end within {CLOSE_SECONDS:g} s") from None
        finally:
            self._connection.close()

    def _wait_until_loaded(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self._connection.ask(b"PING")
            except RedisError as problem:
                if self._server is not None and _ends_soon(self._server):
                    raise RedisError(
                        f"{SERVER} ended with {self._server.returncode} while it loaded its file"
                    ) from problem
                if not str(problem).startswith("LOADING") or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return


class _Connection:
    """The protocol of the server, RESP 2, as far as it is needed here."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._replies = connection.makefile("rb")

    def ask(self, *words: bytes) -> Reply:
        """Send a command and return its reply.

        Raises:
            RedisError: the reply is an error, or there is none.
        """
        try:
            self.send(*words)
            return self._reply()
        except OSError as problem:
            raise RedisError(f"{words[0].decode()}: no reply: {problem}") from problem

    def send(self, *words: bytes) -> None:
        """Send a command."""
        parts = [b"*%d\r\n" % len(words)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self._socket.sendall(b"".join(parts))

    def close(self) -> None:
        """Close the connection."""
        self._replies.close()
        self._socket.close()

    def _reply(self) -> Reply:
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode("utf-8", "replace"))
        if kind == b"+":
            return rest
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"*":
            return [self._reply() for _ in range(number)]
        data = self._replies.read(number + 2)
        if len(data) != number + 2:
            raise RedisError("the server has closed the connection within a reply")
        return data[:-2]


def _connected(directory: Path, name: str, server: "subprocess.Popen[bytes]") -> socket.socket:
    """Return a connection to the server's socket, as soon as it listens."""
    deadline = time.monotonic() + READY_SECONDS
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(f"/proc/self/fd/{descriptor}/{name}")
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
            else:
                connection.settimeout(REPLY_SECONDS)
                return connection
            if server.poll() is not None:
                raise RedisError(f"{SERVER} ended with {server.returncode} before it listened")
            if time.monotonic() > deadline:
                server.kill()
                server.wait()
                raise RedisError(f"{SERVER} did not listen within {READY_SECONDS:g} s")
            time.sleep(POLL_SECONDS)
    finally:
        os.close(descriptor)


def _die_with_parent() -> None:
    """Have this process killed when the one that started it ends, however it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ends_soon(server: "subprocess.Popen[bytes]") -> bool:
    """Whether the server has ended, or does while it is waited for a moment."""
    try:
        server.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _program() -> str:
    found = shutil.which(SERVER)
    if found is None:
        raise MissingPackage(
            f"this subject needs the program `{SERVER}`, which is not on the path here",
            hint="apt-get install redis-server",
        )
    return found
