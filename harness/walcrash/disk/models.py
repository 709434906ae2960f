"""The persistence models by name: a table of objects, and what is asked of them.

Not here: the rules of each (`model_kill`, `model_ordered`, `model_ext4`, `model_posix`).
"""

from collections.abc import Iterator
from typing import Final

from walcrash.disk.changes import Change
from walcrash.disk.crash_state import CrashState
from walcrash.disk.file_system import FileSystem, Past
from walcrash.disk.model import DiskModel
from walcrash.disk.model_ext4 import Ext4Model
from walcrash.disk.model_kill import KillModel
from walcrash.disk.model_ordered import OrderedModel
from walcrash.disk.model_posix import PosixModel
from walcrash.disk.space import Space
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import ImageChoice
from walcrash.values.persistence import stricter_than

MODELS: Final[dict[PersistenceModel, DiskModel]] = {
    model.name: model for model in (KillModel(), OrderedModel(), Ext4Model(), PosixModel())
}


def past_needed(weakest: PersistenceModel) -> frozenset[Past]:
    """Return what of the past a model and all stricter ones need."""
    return MODELS[weakest].needs.union(*(MODELS[each].needs for each in stricter_than(weakest)))


def resolve(pending: FileSystem, choice: ImageChoice) -> CrashState:
    """Return the legal crash state that is nearest to a choice."""
    model = MODELS[choice.model]
    assert model.needs <= pending.keeps, "the pending model has forgotten what this one needs"
    return model.resolve(pending, choice)


def pending_changes(pending: FileSystem, model: PersistenceModel) -> list[Change]:
    """Return the changes that a model may still take away, in the order of the trace."""
    return MODELS[model].changes(pending)


def count_states(pending: FileSystem, model: PersistenceModel) -> Space:
    """Return how many crash states a model allows."""
    return MODELS[model].count(pending)


def every_state(pending: FileSystem, model: PersistenceModel) -> Iterator[CrashState]:
    """Yield every crash state that a model allows; for small spaces."""
    return MODELS[model].states(pending)
