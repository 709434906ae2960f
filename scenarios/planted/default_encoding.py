"""Determinism, another locale: recovery reads a text file in the encoding of the locale.

Operations of the log's tail are labelled with the store's name, kept in a small UTF-8 file. The
recovery job ran under `LC_ALL=C`, where Python reads ASCII; a careful colleague had added
`errors="replace"` so that it would not fail, and it recovered question marks.

Repair: say `encoding="utf-8"` wherever text is read or written.
"""

from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink

STORE_NAME = "Entrepôt nº 7"


class Subject(PlainLog):
    """Recovers something else in another locale."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        name = directory / "name.txt"
        if not name.exists():
            self.save("name.txt", STORE_NAME.encode("utf-8"))
        label = name.read_text(errors="replace")
        for _, record in self.replay(self.applied):
            entry = self.outbox.get(record.id)
            if entry is not None and entry.status == "pending":
                entry.error = f"interrupted in {label}"
