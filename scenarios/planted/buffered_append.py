"""Lost put: the log is written through a buffer that lives in the process.

Appends were acknowledged as soon as `BufferedWriter.write` had returned. A nightly deploy
killed the workers, and with each of them went up to 64 KiB of acknowledged operations: the
buffer is flushed by `apply` and `close` only, and SIGKILL gives nobody a last word.

Repair: flush before the append is acknowledged, or open the file unbuffered.
"""

from planted_base import BufferedLog


class Subject(BufferedLog):
    """Promises at append what `BufferedLog` still has in memory."""
