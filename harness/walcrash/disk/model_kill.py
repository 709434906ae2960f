"""The model `kill`: everything is as memory has it.

Source: `harness/walcrash/docs/reference/models/kill.md`.
"""

from walcrash.disk.file_system import FileSystem
from walcrash.disk.one_moment import EverythingAtOneMoment
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Policy
from walcrash.values.moments import Moment


class KillModel(EverythingAtOneMoment):
    """Nothing is lost."""

    name = PersistenceModel.KILL
    policies = (Policy.ALL,)

    def names_mark(self, pending: FileSystem) -> Moment:
        """Return the moment reached: all of it is certain."""
        return pending.now
