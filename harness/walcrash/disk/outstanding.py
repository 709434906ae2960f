"""What is outstanding: all that a model may still take away, as a set that can be compared.

Where two file systems that went through the same trace have the same outstanding changes, a model
allows the same images of both.

Not here: the images (`build`).
"""

from collections.abc import Iterator

from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem, Past
from walcrash.disk.models import MODELS
from walcrash.values.contract import PersistenceModel
from walcrash.values.moments import Moment

Outstanding = frozenset[tuple[object, ...]]
"""Kind, what it is about, and the moment of each change; the kind of an entry is `name`."""


def outstanding(pending: FileSystem, model: PersistenceModel) -> Outstanding:
    """Return all that a model may still take away; equal ones allow the same images."""
    rules = MODELS[model]
    # What lies before a mark is bound to be there.
    names_mark, files_mark = rules.names_mark(pending), rules.files_mark(pending)
    found: set[tuple[object, ...]] = set()
    for key, name in pending.names.pending.items():
        found.update(("name", *key, moment) for moment, _ in name.changes if moment > names_mark)
    for number, history in pending.modes.items():
        moments = (moment for moment, _ in history.changes)
        found.update(("mode", number, moment) for moment in moments if moment > names_mark)
    needs_all = Past.UNNAMED in rules.needs
    for file in pending.dirty_files():
        for each in file.histories if needs_all else (file,):
            for moment, what in _file_moments(each):
                if moment > files_mark:
                    place = file.number, each.is_without_syncs
                    found.add((*what, *place, moment, moment > names_mark))
    return frozenset(found)


def _file_moments(file: FileHistory) -> Iterator[tuple[Moment, tuple[object, ...]]]:
    for moment in file.size_moments():
        yield moment, ("size",)
    for promise in file.promised:
        yield promise.moment, ("promise", promise.size, promise.is_certain)
    for sector in file.pending_sectors():
        for moment in file.moments_of(sector):
            yield moment, ("sector", sector)
