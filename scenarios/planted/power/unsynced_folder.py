"""Lost put: the log has a folder of its own, and the folder's name is not durable.

Everything inside was synced: the files, and the folder that they are in. That folder was made on
the first start, and its name is a part of the one above. After a power failure on the first day
there was no folder, and recovery made a new one.

Repair: sync the folder above after mkdir.
"""

from pathlib import Path

from power_base import DurableLog

from walcrash.subjects.adapter import EffectSink


class Subject(DurableLog):
    """Keeps everything in a folder that may have no name."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        inside = directory / "log"
        inside.mkdir(exist_ok=True)
        super().open(inside, effect)
