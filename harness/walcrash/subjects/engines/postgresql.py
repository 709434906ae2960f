"""PostgreSQL 15 as a log: one row a record, one transaction an append.

The server is a child of the worker, recorded and killed with all its processes. It is spoken to
over an abstract Unix socket, which has no name in any directory. Statistics, autovacuum and
parallel workers are off, so that what is traced is the work of the appends.

A new store is a copy of a cluster that `initdb` made once, without the databases that nobody
uses. The copy is synced under another name and renamed, so that a crash leaves a whole one or
none; `open` starts again from none.

The server refuses to run as root, and wants its directory to be its own. Where we are root it runs
as `postgres`, or `nobody`, with the one capability to pass by modes: images are restored, and
files made under the recorder, as the current user. The directory is given to it at each open; an
owner is not a part of an image.

As Debian's `pg_ctlcluster` does, `open` removes the lock file of a server that is gone: the
number in it may be that of another process by now, and a kill can leave it empty.

`synchronous_commit = off` may lose the last commits and keeps a consistent database;
`fsync = off` promises nothing after a power loss.

Not here: replication, checkpoints on demand, tablespaces.

Source: the PostgreSQL 15 documentation, 20.5 "Write Ahead Log", 30.4 "Asynchronous Commit",
19.1 "The PostgreSQL User Account".
"""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from walcrash.subjects.engines import postgresql_cluster as cluster
from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import need, one_of
from walcrash.values.contract import Contract, Promise

SWITCH: Final = ("on", "off")
DATABASE: Final = "template1"
DATA: Final = "data"

# limits
READY_SECONDS: Final = 240.0
"""How long the server may take to recover and listen, unless the scenario allows less."""

POLL_SECONDS: Final = 0.005
"""How often it is asked whether it does."""

STATEMENT_MS: Final = 30_000
"""How long one statement may take."""

CLOSE_SECONDS: Final = 60.0
"""How long the server may take to end when asked to."""

SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "5",
    "superuser_reserved_connections": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_worker_processes": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "shared_buffers": "2MB",
    "min_wal_size": "2MB",
    "max_wal_size": "8MB",
    "checkpoint_timeout": "1d",
    "autovacuum": "off",
    "track_activities": "off",
    "track_counts": "off",
    "jit": "off",
    # Shared memory in a file outside of the store would be left behind by a kill.
    "dynamic_shared_memory_type": "mmap",
    "min_dynamic_shared_memory": "4MB",
    "restart_after_crash": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_timezone": "UTC",
    "statement_timeout": str(STATEMENT_MS),
}
"""What is set the same way for all."""


class PostgresqlError(Exception):
    """The server ended or did not listen in time."""


class PostgresqlAdapter(NumberedStore):
    """Drives a PostgreSQL server of its own.

    Args:
        synchronous_commit: `on` or `off`.
        fsync: `on` or `off`.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(self, *, synchronous_commit: str = "on", fsync: str = "on") -> None:
        super().__init__()
        self._settings = {
            **SETTINGS,
            "synchronous_commit": one_of("synchronous_commit", synchronous_commit, SWITCH),
            "fsync": one_of("fsync", fsync, SWITCH),
        }
        self._programs = cluster.find_programs()
        self._client = need("psycopg", extra="postgresql")
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: Any = None
        self.contract = _contract(synchronous_commit, fsync)

    def introduce(self, scratch: Path, memory_mb: int) -> None:
        """Make the cluster that stores are copied from, beside the subject's directory."""
        cluster.make_beside(scratch, self._programs)

    def open_store(self, directory: Path) -> None:
        """Have a cluster, start the server and wait until it has recovered."""
        data = directory / DATA
        if not data.is_dir():
            cluster.copy(cluster.find_template(directory, self._programs), data)
        cluster.hand_over(data)
        (data / "postmaster.pid").unlink(missing_ok=True)
        address = f"@walcrash-{secrets.token_hex(8)}"
        settings = {**self._settings, "unix_socket_directories": address}
        self._server = subprocess.Popen(
            [
                *cluster.as_user(),
                *(self._programs.server, "-D", str(data)),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            preexec_fn=cluster.apart,  # noqa: PLW1509 - it only makes system calls
        )
        try:
            self._connection = self._connected(address, data)
        except BaseException:
            self._server.kill()
            self._server.wait()
            raise

    def put(self, number: int, value: bytes) -> None:
        """Insert one row, in a transaction of its own."""
        self._connection.execute("INSERT INTO log VALUES (%s, %s)", (number, value))

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Select the rows."""
        rows = self._connection.execute(
            "SELECT number, record FROM log WHERE number >= %s", (from_number,), binary=True
        )
        return [(int(number), bytes(value)) for number, value in rows.fetchall()]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows in one transaction."""
        self._connection.execute("DELETE FROM log WHERE number = ANY(%s)", (list(numbers),))

    def tidy(self) -> None:
        """Give the room of deleted rows back."""
        self._connection.execute("VACUUM log")

    def close(self) -> None:
        """Ask the server to end, which makes a checkpoint, and wait for it.

        Raises:
            PostgresqlError: it ended in another way, as after a checkpoint that failed, or not.
        """
        assert self._server is not None
        self._connection.close()
        self._server.send_signal(signal.SIGINT)
        try:
            ended = self._server.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
            raise PostgresqlError(f"postgres did not end within {CLOSE_SECONDS:g} s") from None
        if ended:
            raise PostgresqlError(f"postgres was asked to end and ended with {ended}")

    def _connected(self, address: str, data: Path) -> Any:
        """Return a connection, as soon as the server has recovered."""
        assert self._server is not None
        deadline = time.monotonic() + READY_SECONDS
        has_let_go = False
        while True:
            has_let_go = has_let_go or cluster.let_go_of_shared_memory(data)
            try:
                return self._connect(address)
            except self._client.OperationalError as problem:
                refusal = str(problem)
            if self._server.poll() is not None:
                raise PostgresqlError(
                    f"postgres ended with {self._server.returncode} before it listened; "
                    "its own words are in the worker's output"
                )
            if time.monotonic() > deadline:
                raise PostgresqlError(
                    f"postgres was not ready within {READY_SECONDS:g} s: {refusal}"
                )
            time.sleep(POLL_SECONDS)

    def _connect(self, address: str) -> Any:
        # `psycopg.connect` would take an abstract address for the name of a machine.
        words = f"host={address} user=postgres dbname={DATABASE} sslmode=disable gssencmode=disable"
        raw = self._client.pq.PGconn.connect(words.encode())
        if raw.status != self._client.pq.ConnStatus.OK:
            text = raw.get_error_message()
            raw.finish()
            raise self._client.OperationalError(text)
        raw.nonblocking = 1
        connection = self._client.Connection(raw)
        connection.autocommit = True
        return connection


def _contract(synchronous_commit: str, fsync: str) -> Contract:
    if fsync == "off":
        return Contract(power=Promise.NONE)
    if synchronous_commit == "off":
        # A commit is written by the server's own time, so that a kill loses the last ones too.
        return Contract(kill=Promise.PREFIX, power=Promise.PREFIX)
    return Contract()
