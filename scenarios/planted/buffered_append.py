"""Lost put: the log is written through a buffer that lives in the process.

Appends were acknowledged as soon as `BufferedWriter.write` had returned. A nightly deploy
killed the workers, and with each of them went up to 64 KiB of acknowledged operations: the
buffer is flushed by `apply` and `close` only, and SIGKILL gives nobody a last word.

Repair: flush before the append is acknowledged, or open the file unbuffered.
"""

import io

from planted_base import PlainLog

from walcrash import Record

BUFFER_BYTES = 64 * 1024


class Subject(PlainLog):
    """Acknowledges what is still in its own memory."""

    def open_log(self) -> None:
        super().open_log()
        raw = io.FileIO(self.log, "ab", closefd=False)
        self.buffer = io.BufferedWriter(raw, BUFFER_BYTES)

    def write(self, record: Record, frame: bytes) -> None:
        self.buffer.write(frame)

    def flush(self) -> None:
        self.buffer.flush()
