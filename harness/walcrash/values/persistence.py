"""The persistence models by name: what is said of each, and which is weaker than which.

A weaker model allows every image that a stricter one allows. The order is partial: of two models
each can allow images that the other forbids, and then neither is weaker. `WEAKEST` is weaker than
all others.

Not here: what a model allows (`walcrash.disk.models`, an object for each).

Source: `harness/walcrash/docs/reference/models/README.md`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class PersistenceModel(Enum):
    """Which of the changes that are not yet synced a power loss may keep, drop, tear or reorder.

    Listed from strict to weak: every image of a stricter model is one of the weaker ones.
    """

    KILL = "kill"
    ORDERED = "ordered"
    EXT4 = "ext4"
    POSIX = "posix"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model without any trace.

    Attributes:
        stricter: the next stricter models; this one allows all of their images.
        summary: what a crash may take, in one line.
        durable: what reports call durable where this model decides.
    """

    stricter: tuple[PersistenceModel, ...]
    summary: str
    durable: str


FACTS: Final[Mapping[PersistenceModel, ModelFacts]] = {
    PersistenceModel.KILL: ModelFacts(
        stricter=(),
        summary="nothing is lost: the page cache survives the process",
        durable="what memory holds counts as durable",
    ),
    PersistenceModel.ORDERED: ModelFacts(
        stricter=(PersistenceModel.KILL,),
        summary="a prefix of all changes since the last sync, the last write torn",
        durable="durable by the rules of `ordered`: all that was done before a sync",
    ),
    PersistenceModel.EXT4: ModelFacts(
        stricter=(PersistenceModel.ORDERED,),
        summary="data=ordered with delayed allocation: names in order, data of new ranges late",
        durable="durable by the rules of `ext4`",
    ),
    PersistenceModel.POSIX: ModelFacts(
        stricter=(PersistenceModel.EXT4,),
        summary="any subset that no completed sync forbids",
        durable="durable by the rules of `posix`",
    ),
}
"""From strict to weak: each model comes after those that are stricter.

A new model is a member of `PersistenceModel` and an entry here; where it is stricter than one that
is there, that one names it among its `stricter`.
"""

WEAKEST: Final = PersistenceModel.POSIX
"""The model that forbids only what a completed sync forbids."""


def strict_to_weak() -> tuple[PersistenceModel, ...]:
    """Return all models; each comes after those that are stricter."""
    return tuple(FACTS)


def power_models() -> tuple[PersistenceModel, ...]:
    """Return the models of a power loss, in the order of `strict_to_weak`."""
    return tuple(model for model in FACTS if is_power_loss(model))


def is_power_loss(model: PersistenceModel) -> bool:
    """Whether a model is one of power losses, and not that of a killed process."""
    return model is not PersistenceModel.KILL


def stricter_than(model: PersistenceModel) -> tuple[PersistenceModel, ...]:
    """Return the models that are stricter than one, in the order of `strict_to_weak`."""
    found = set(FACTS[model].stricter)
    for stricter in FACTS[model].stricter:
        found.update(stricter_than(stricter))
    return tuple(each for each in FACTS if each in found)


def covers(model: PersistenceModel, other: PersistenceModel) -> bool:
    """Whether every image of another model is one of this model: it is the same, or stricter."""
    return model is other or other in stricter_than(model)


def is_portability(shown_by: PersistenceModel, *, promised: PersistenceModel) -> bool:
    """Whether what one model shows is no breach of a promise that another one limits.

    Such a failure is a matter of portability: a file system may show it, and the contract does
    not cover that file system.
    """
    return not covers(promised, shown_by)


def rank(model: PersistenceModel) -> int:
    """Return the position of a model in `strict_to_weak`."""
    return strict_to_weak().index(model)


def strictest_of(models: Iterable[PersistenceModel]) -> PersistenceModel:
    """Return the one of some models that is first in `strict_to_weak`."""
    return min(models, key=rank)


def weakest_of(models: Iterable[PersistenceModel]) -> PersistenceModel:
    """Return the one of some models that is last in `strict_to_weak`."""
    return max(models, key=rank)
