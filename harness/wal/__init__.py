"""The reference system: log, checkpoint, outbox and boot sequence, done right."""

from harness.wal.boot import boot, open_store
from harness.wal.engine import Engine, Failed, Sent, Transport
from harness.wal.errors import (
    AppendFailed,
    DamagedFile,
    DamagedLog,
    FolderBusy,
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
from harness.wal.log import Log, SyncPolicy
from harness.wal.outbox import Outbox, OutboxEntry, RetryPolicy
from harness.wal.reader import TornTail
from harness.wal.store import Store

__all__ = [
    "AppendFailed",
    "DamagedFile",
    "DamagedLog",
    "Engine",
    "Failed",
    "FolderBusy",
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
