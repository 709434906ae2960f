"""The reference system: log, checkpoint, outbox and boot sequence, done right."""
