"""Stored pages: where a store through a mapping begins to change a file.

A store is recorded as the whole pages that it touched, so a record that is put behind others comes
with these, as they were. They are no bytes that it has gone over.

Not here: the pages' records (`carriers`).
"""

from dataclasses import dataclass, field
from typing import Final

from walcrash.values.event import Event
from walcrash.values.tears import PAGE_BYTES

# limits
PAGES: Final = 4096
"""So many pages are known at most; of others nothing is said."""


@dataclass(slots=True)
class StoredPages:
    """What stores of one case have left in pages, as far as nothing else has touched them since."""

    _pages: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def first_change(self, event: Event, file: int) -> int:
        """Return where a write begins to change a file, as a position in it, and note the write.

        It is where the write begins, for all that is no store, and for pages that are not known.
        """
        data = event.data[: event.result]
        if not event.is_stored or event.offset % PAGE_BYTES:
            self._forget(file, event.offset, event.offset + len(data))
            return event.offset
        # Stores come in whole pages, but for the end of a file.
        pages = {
            (file, event.offset + at): data[at : at + PAGE_BYTES]
            for at in range(0, len(data), PAGE_BYTES)
        }
        first = next((at for at in map(self._changed, pages.items()) if at is not None), None)
        self._pages.update(pages)
        if len(self._pages) > PAGES:
            self.forget_all()
        return event.offset if first is None else first

    def forget_all(self) -> None:
        """Forget what is known: a power loss may have taken any of it."""
        self._pages.clear()

    def _changed(self, page: tuple[tuple[int, int], bytes]) -> int | None:
        (file, start), data = page
        known = self._pages.get((file, start))
        if known is None:
            return start
        if known == data:
            return None
        same = zip(known, data, strict=False)
        return start + next(
            (at for at, (old, new) in enumerate(same) if old != new), min(len(known), len(data))
        )

    def _forget(self, file: int, start: int, end: int) -> None:
        for key in [each for each in self._pages if each[0] == file]:
            if start < key[1] + PAGE_BYTES and key[1] < end:
                del self._pages[key]
