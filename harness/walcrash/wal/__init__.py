"""The reference system: log, checkpoint, outbox and boot sequence, done right."""

from walcrash.wal.boot import boot, open_store
from walcrash.wal.engine import Engine, Failed, Sent, Transport
from walcrash.wal.errors import (
    AppendFailed,
    DamagedFile,
    DamagedLog,
    DirectoryBusy,
    NotABoundary,
    ReplaceFailed,
    ReplayInterrupted,
    SyncFailed,
    UnknownOperation,
    UnsupportedVersion,
    ValueRefused,
    WalClosed,
    WalError,
    WalPoisoned,
)
from walcrash.wal.log import Log, SyncPolicy
from walcrash.wal.outbox import Outbox, OutboxEntry, RetryPolicy
from walcrash.wal.reader import TornTail
from walcrash.wal.store import Store

__all__ = [
    "AppendFailed",
    "DamagedFile",
    "DamagedLog",
    "DirectoryBusy",
    "Engine",
    "Failed",
    "Log",
    "NotABoundary",
    "Outbox",
    "OutboxEntry",
    "ReplaceFailed",
    "ReplayInterrupted",
    "RetryPolicy",
    "Sent",
    "Store",
    "SyncFailed",
    "SyncPolicy",
    "TornTail",
    "Transport",
    "UnknownOperation",
    "UnsupportedVersion",
    "ValueRefused",
    "WalClosed",
    "WalError",
    "WalPoisoned",
    "boot",
    "open_store",
]
