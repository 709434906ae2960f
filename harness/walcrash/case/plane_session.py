"""The plane's session: boots on a recorded device, in a process of its own namespaces; root only.

For each task it makes a device with a file system, mounts it where the sandbox has its directory,
runs the boots there under watch, cuts what the last one wrote, mounts each device that a cut
leaves, and reads the tree.

A cut says what had arrived at the device. What the worker had done by then is told by the marks of
its trace (`places`): at the last moment at which the device was like that it had been promised the
most, and that moment is what a tree is kept for.

Not here: who starts it (`plane`), what the subject makes of a tree (`recovery_runs`).

Source: `harness/walcrash/docs/explanation/decisions/0064-a-plane-of-real-file-systems.md`.
"""

import contextlib
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from walcrash.blocks.background import SLOW, SLOW_SECONDS, background, sync_file_system
from walcrash.blocks.cut_disk import cut_disk
from walcrash.blocks.cuts import Blocks, Cut, CutKind, Devices, blocks_of, cuts, digest
from walcrash.blocks.device import RecordingDevice, make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS, FileSystemVariant
from walcrash.blocks.isolation import WORKSPACE
from walcrash.blocks.log import BlockLog
from walcrash.case.found_trees import FoundTrees
from walcrash.case.places import Places
from walcrash.case.subject_requests import LOAD, RUN_WATCHED, load_request, watched_request
from walcrash.recorder.environment import HERE
from walcrash.recorder.tree import restore
from walcrash.recorder.watch import Watched, watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import LoadError, Zygote
from walcrash.subjects.messages import read_reply
from walcrash.values.errors import HarnessFault, WalcrashError
from walcrash.values.faults import End, Fault
from walcrash.values.framing import frame, read_message
from walcrash.values.image import Image
from walcrash.values.operation import Operation
from walcrash.values.real_tree import RealTree
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.seed import Prng, derive_seed

ENTRY: Final = "walcrash.case.plane_session:main"

WHOLE_SHARE: Final = 4
"""One of so many devices is one that lost something that had arrived, where there are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneBoot:
    """One boot that is run on the device.

    Attributes:
        operations: what it does.
        kill: what ends it; None where it runs to its end.
        faults: what is injected.
        tear_bytes: at what a kill within a write cuts it.
    """

    operations: tuple[Operation, ...]
    kill: End | None
    faults: tuple[Fault, ...]
    tear_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneTask:
    """Boots that are to be recorded, the last of them to be cut.

    Attributes:
        variant: a key of `VARIANTS`.
        directory: the subject's directory, as the sandbox has it.
        subject, limits: what is booted.
        base: what is durable in the directory at the start.
        boots: in order.
        background: what else writes back meanwhile, one of `BACKGROUNDS`.
        seed: what the background and the cuts are drawn from.
        drawn: subsets of writes between every two flushes.
        mounts: most devices that are mounted.
        is_torn: whether single writes are cut at sectors.
    """

    variant: str
    directory: str
    subject: SubjectSpec
    limits: RecoveryLimits
    base: Image
    boots: tuple[PlaneBoot, ...]
    background: str
    seed: int
    drawn: int
    mounts: int
    is_torn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneAnswer:
    """What boots on a device left.

    Attributes:
        watched: each of them.
        trees: what the cuts of the last one showed, each with its place in that boot's trace.
        cuts: how many cuts were made.
        mounts: how many different devices they came to.
        unmountable: how many of those the file system refused.
    """

    watched: tuple[Watched, ...]
    trees: tuple[RealTree, ...]
    cuts: int
    mounts: int
    unmountable: int


def send(pipe: IO[bytes], value: object) -> None:
    """Write a value to the other end."""
    pipe.write(frame(pickle.dumps(value)))
    pipe.flush()


def main() -> None:
    """Answer each task that comes in, with a `PlaneAnswer` or a `WalcrashError`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.dup(1), "wb") as answers:
        # What a subject prints must not come between two answers.
        os.dup2(2, 1)
        with _Session() as session:
            while (task := read_message(sys.stdin.buffer.read)) is not None:
                try:
                    send(answers, session.answer(pickle.loads(task)))  # noqa: S301 - our own
                except WalcrashError as problem:
                    send(answers, problem)
                except OSError as problem:
                    send(answers, HarnessFault(f"the plane cannot be used: {problem}"))


class _Session(contextlib.AbstractContextManager["_Session"]):
    """A zygote with the subjects that were loaded, and a directory for each task."""

    def __init__(self) -> None:
        self._work = tempfile.mkdtemp(dir=WORKSPACE, prefix="plane-")
        os.mkdir(f"{self._work}/zygote")
        self._zygote = Zygote(HERE, f"{self._work}/zygote")
        self._loaded: set[str] = set()

    def __exit__(self, *_: object) -> None:
        self._zygote.close()

    def answer(self, task: PlaneTask) -> PlaneAnswer:
        """Record a task's boots, and show what cuts leave.

        Raises:
            WalcrashError: the subject cannot be loaded, or the device cannot be made.
            OSError: the kernel refuses something that `abilities` has tried.
        """
        self._load(task)
        directory = tempfile.mkdtemp(dir=self._work)
        try:
            for name in ("device", "cuts"):
                os.mkdir(f"{directory}/{name}")
            return self._answer(task, VARIANTS[task.variant], directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _load(self, task: PlaneTask) -> None:
        if task.subject.identity in self._loaded:
            return
        with tempfile.TemporaryDirectory(dir=self._work, prefix="scratch-") as scratch:
            request = load_request(task.subject, task.limits, scratch)
            try:
                reply = read_reply(self._zygote.load(LOAD, request))
            except LoadError as problem:
                reply = {"ok": False, "error": problem.message}
        if not reply["ok"]:
            raise HarnessFault(f"the subject cannot be loaded on the plane: {reply.get('error')}")
        self._loaded.add(task.subject.identity)

    def _answer(self, task: PlaneTask, variant: FileSystemVariant, directory: str) -> PlaneAnswer:
        root = os.path.dirname(task.directory)
        os.makedirs(root, exist_ok=True)
        hold_seconds = SLOW_SECONDS if task.background == SLOW else 0.0
        with recording_device(
            f"{directory}/device", variant.size_bytes, hold_seconds=hold_seconds
        ) as device:
            make_file_system(variant, device.path)
            with mounted(variant, device.path, root):
                os.mkdir(task.directory, 0o700)
                restore(task.base, task.directory)
            blocks = blocks_of(device.begin())
            with mounted(variant, device.path, root):
                watched, first = self._run(task, device, root)
                end = device.count()
                sync_file_system(root)
                log = device.log()
        recording = watched[-1].recording
        places = Places(recording.events(), recording.marks, end)
        found = FoundTrees(os.path.basename(task.directory))
        devices = Devices(blocks, log)
        with cut_disk(variant, f"{directory}/cuts") as disk:
            for _, same in chosen_cuts(blocks, log, task, first):
                tree = found.mount(disk, devices.after(same[0]))
                for cut in same:
                    # Of the moments at which the device was like that, the last.
                    found.note(tree, places.of(cut.arrived)[:1], cut.kind.value)
        return PlaneAnswer(
            watched=watched,
            trees=found.trees(),
            cuts=found.cuts,
            mounts=found.mounts,
            unmountable=found.unmountable,
        )

    def _run(
        self, task: PlaneTask, device: RecordingDevice, root: str
    ) -> tuple[tuple[Watched, ...], int]:
        """Run the boots; return them, and how much had arrived when the last one began."""
        watched: list[Watched] = []
        first = device.count()
        prng = Prng(derive_seed(task.seed, "background"))
        beside = f"{root}/beside"
        with background(
            task.background, task.directory, beside, prng, treat_data=device.treat_data
        ):
            for boot in task.boots:
                first = device.count()
                payload = watched_request(
                    task.subject,
                    task.limits,
                    task.directory,
                    boot.operations,
                    awaits_kill=boot.kill is not None,
                )
                plan = WatchPlan(
                    crash=boot.kill,
                    seconds_per_call=task.limits.seconds,
                    tear_bytes=boot.tear_bytes,
                    injections=tuple(fault.injection() for fault in boot.faults),
                    sees_reads=any(fault.sees_reads for fault in boot.faults),
                    reverts_files=any(fault.reverts_files for fault in boot.faults),
                    count=device.count,
                    sync_all=lambda: sync_file_system(root),
                )
                watched.append(
                    watch(
                        self._zygote,
                        RUN_WATCHED,
                        payload,
                        directory=task.directory,
                        plan=plan,
                        memory_mb=task.limits.memory_mb,
                    )
                )
        return tuple(watched), first


def chosen_cuts(
    blocks: Blocks, log: BlockLog, task: PlaneTask, first: int
) -> Iterator[tuple[bytes, list[Cut]]]:
    """Yield the devices that are mounted, as digests, each with the cuts that come to it.

    A device that a cut leaves which loses nothing of what has arrived goes first: such a one tells
    most of a sync that was not one. They are yielded in the order of what has arrived.

    Args:
        blocks: the device before the log.
        log: what arrived at the device.
        task: says how many devices may be mounted, and what is drawn.
        first: how much had arrived when the last boot began.
    """
    prng = Prng(derive_seed(task.seed, "cuts"))
    devices, found = Devices(blocks, log), dict[bytes, list[Cut]]()
    for cut in cuts(log, prng, drawn=task.drawn):
        if cut.arrived >= first and (task.is_torn or cut.kind is not CutKind.TORN):
            found.setdefault(digest(devices.after(cut)), []).append(cut)
    whole = [key for key in found if any(cut.kind is CutKind.PREFIX for cut in found[key])]
    rest = [key for key in found if key not in set(whole)]
    most = max(task.mounts - len(rest), task.mounts - task.mounts // WHOLE_SHARE)
    chosen = prng.shuffled(whole)[:most]
    chosen += prng.shuffled(rest)[: task.mounts - len(chosen)]
    wanted = set(chosen)
    yield from ((key, found[key]) for key in found if key in wanted)
