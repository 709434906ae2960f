"""walcrash: crash-test a write-ahead log and judge what its recovery shows."""

__version__ = "0.1.0"
