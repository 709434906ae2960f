"""Real trees: what real file systems left after cuts of their block writes, and what models say.

A run is one workload on one file system: the durable image at its start, the trace, and every
tree that the file system showed after a cut of what it had written. A tree belongs to the places
in the trace at which the power may have been lost with that result.

Not here: the file that holds them (`real_tree_file`), recording (`tools.models.record`), holding
them against models (`tools.models.check`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from walcrash.values.event import Event
from walcrash.values.forms import Whole
from walcrash.values.image import Image
from walcrash.values.image_choice import Policy
from walcrash.values.moments import BLOCK_BYTES
from walcrash.values.persistence import PersistenceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTree:
    """One tree that a file system showed, at one place of the trace.

    Attributes:
        image: the tree.
        returned: how many events of the trace had returned when the power was lost.
        begun: how many had begun; the same where no call was under way.
        cuts: how many cuts showed it, by the kind of cut.
    """

    image: Image
    returned: Annotated[int, Whole(0)]
    begun: Annotated[int, Whole(0)]
    cuts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRun:
    """One workload on one file system.

    Attributes:
        file_system: the file system and its variant, such as `ext4-1k`.
        kernel: the release that was running.
        block_bytes: what the file system allocates at a time.
        models: the models that have to allow each tree.
        workload: what was run.
        background: what else was written back meanwhile, and why.
        seed: what the workload, the background and the cuts were drawn from.
        base: the durable image at the start.
        events: the trace.
        trees: what the cuts showed; each tree at one place once.
        cuts: how many cuts there were.
        mounts: how many different devices they came to, each of which was mounted once.
        unmountable: how many of those the file system refused to mount.
        overlapped: which events, by number, are syncs of a file of which another process had a
            sync under way meanwhile.
    """

    file_system: str
    kernel: str = ""
    block_bytes: Annotated[int, Whole(1)] = BLOCK_BYTES
    models: tuple[PersistenceModel, ...]
    workload: str
    background: str = "none"
    seed: Annotated[int, Whole(0)] = 0
    base: Image
    events: tuple[Event, ...]
    trees: tuple[RealTree, ...]
    cuts: Annotated[int, Whole(0)] = 0
    mounts: Annotated[int, Whole(0)] = 0
    unmountable: Annotated[int, Whole(0)] = 0
    overlapped: tuple[Annotated[int, Whole(0)], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedTree:
    """A tree that a model does not allow: a contradicted rule, or one of those not judged.

    Attributes:
        where: the file that holds it.
        run: the number of its run in the file, from 0.
        tree: its number in the run, from 0.
        model: the model.
        reason: what the nearest image of the model has in its place, or why it is not judged.
    """

    where: str
    run: int
    tree: int
    model: PersistenceModel
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyShare:
    """How many images of one policy a model has where cuts fell, and how many of them were seen."""

    images: int
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystemCheck:
    """What became of the trees of one file system.

    Attributes:
        file_system: the file system and its variant.
        kernels: the releases that were running.
        runs: how many runs there are.
        cuts: how many cuts, with those that showed what another one had shown.
        mounts: how many devices were mounted.
        unmountable: how many of them could not be.
        trees: how many different trees, each at its place in its trace.
        refused: how many of these each model does not allow.
        not_judged: how many of these are none of its images, for a reason that it leaves out.
        undecided: how many of these no answer was found for.
        shares: by policy of the weakest of its models; empty where that was not asked for.
    """

    file_system: str
    kernels: tuple[str, ...]
    runs: int
    cuts: int
    mounts: int
    unmountable: int
    trees: int
    refused: Mapping[PersistenceModel, int]
    not_judged: Mapping[PersistenceModel, int]
    undecided: Mapping[PersistenceModel, int]
    shares: Mapping[Policy, PolicyShare]


@dataclass(frozen=True, slots=True, kw_only=True)
class LitmusOutcome:
    """One answer to the question of a litmus workload.

    Attributes:
        workload: the litmus workload.
        outcome: the answer, in a few words.
        allowed: the models whose enumeration has it.
        seen: how many cuts showed it, by file system.
    """

    workload: str
    outcome: str
    allowed: tuple[PersistenceModel, ...]
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What holding real trees against the models came to.

    Attributes:
        file_systems: the counts of each file system.
        refused: every tree that a model refuses, once for each model.
        outcomes: of litmus workloads; empty where they were not asked for.
        not_judged: every tree that is no image, once for each model, and is not held against it.
    """

    file_systems: tuple[FileSystemCheck, ...]
    refused: tuple[RefusedTree, ...]
    outcomes: tuple[LitmusOutcome, ...] = ()
    not_judged: tuple[RefusedTree, ...] = ()
