"""Lost put: the log has a directory of its own, and the directory's name is not durable.

Everything inside was synced: the files, and the directory that they are in. That directory was made
on the first start, and its name is a part of the one above. After a power failure on the first day
there was no directory, and recovery made a new one.

Repair: sync the directory above after mkdir.
"""

from pathlib import Path

from power_base import DurableLog

from walcrash import EffectSink


class Subject(DurableLog):
    """Keeps everything in a directory that may have no name."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        inside = directory / "log"
        inside.mkdir(exist_ok=True)
        super().open(inside, effect)
