"""The model `ordered`: everything is at one moment, at or after the last sync.

Source: `harness/walcrash/docs/reference/models/ordered.md`.
"""

from walcrash.disk.file_system import FileSystem
from walcrash.disk.one_moment import EverythingAtOneMoment
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Policy
from walcrash.values.moments import Moment


class OrderedModel(EverythingAtOneMoment):
    """A prefix of all changes since the last sync of any kind."""

    name = PersistenceModel.ORDERED
    policies = (Policy.NOTHING, Policy.ALL, Policy.PREFIX, Policy.TORN)

    def names_mark(self, pending: FileSystem) -> Moment:
        """Return the last sync of any kind."""
        return pending.barrier
