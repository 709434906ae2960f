"""The session: what records runs, in a process of its own namespaces; root only.

For each task it makes a device with a file system, runs the workload under watch, cuts what was
written, mounts each device that a cut leaves, and reads the tree. A run is one line on stdout.

Not here: who starts it and keeps the runs (`record`).
"""

import contextlib
import errno
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Final

from walcrash.blocks.background import (
    FAILING,
    HELD,
    HELD_SECONDS,
    SLOW,
    SLOW_SECONDS,
    background,
    sync_file_system,
)
from walcrash.blocks.cut_disk import CutDisk, cut_disk
from walcrash.blocks.cuts import Blocks, Devices, blocks_of, cuts, digest
from walcrash.blocks.device import make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS, FileSystemVariant
from walcrash.blocks.isolation import WORKSPACE
from walcrash.blocks.journal import journal_range
from walcrash.blocks.log import BlockLog
from walcrash.case.found_trees import FoundTrees
from walcrash.case.places import Places
from walcrash.recorder.environment import HERE
from walcrash.recorder.tree import capture, restore
from walcrash.recorder.zygote import Zygote
from walcrash.tools.models.overlap import Ticks, overlapped
from walcrash.tools.models.workloads import prepare, run_prepared, watch_plan
from walcrash.values.errors import WalcrashError
from walcrash.values.event import Event
from walcrash.values.image import Image
from walcrash.values.real_tree import RealRun
from walcrash.values.real_tree_file import write_runs
from walcrash.values.seed import Prng, derive_seed

ENTRY: Final = "walcrash.tools.models.session:main"

FAULT: Final = "fault"
"""The key of a line that is no run but says why there is none."""

_SUBJECT: Final = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTask:
    """One run that is asked for.

    Attributes:
        variant: a key of `VARIANTS`.
        workload: its name.
        background: one of `BACKGROUNDS`.
        seed: what everything is drawn from.
        drawn: subsets of writes between every two flushes.
        mounts: most devices that are mounted.
    """

    variant: str
    workload: str
    background: str
    seed: int
    drawn: int
    mounts: int


def packed(task: RecordTask) -> bytes:
    """Return a task as a line that `main` takes."""
    return json.dumps(asdict(task)).encode("ascii") + b"\n"


def main() -> None:
    """Record each task that comes in, a line each; say what came of it, a line each."""
    zygote_directory = f"{WORKSPACE}/zygote"
    os.mkdir(zygote_directory)
    with contextlib.closing(Zygote(HERE, zygote_directory)) as zygote:
        for number, line in enumerate(sys.stdin):
            task, directory = RecordTask(**json.loads(line)), f"{WORKSPACE}/{number}"
            try:
                answer = write_runs((record_run(zygote, task, directory),))
            except (OSError, WalcrashError) as problem:
                answer = json.dumps({FAULT: str(problem), "task": asdict(task)})
            shutil.rmtree(directory, ignore_errors=True)
            print(answer, flush=True)  # noqa: T201 - the other end reads it


def record_run(zygote: Zygote, task: RecordTask, directory: str) -> RealRun:
    """Record one workload on one file system, in a directory that is not there yet.

    Raises:
        OSError: the kernel refuses something that `abilities` has tried.
        WalcrashError: the workload cannot be run, or the device cannot be made.
    """
    variant = VARIANTS[task.variant]
    for name in ("", "/device", "/mounted", "/cuts"):
        os.mkdir(f"{directory}{name}")
    recorded = _record(zygote, task, variant, directory)
    found = FoundTrees(_SUBJECT)
    with cut_disk(variant, f"{directory}/cuts") as disk:
        _cut(found, disk, recorded, task)
    return RealRun(
        file_system=task.variant,
        kernel=platform.release(),
        block_bytes=variant.block_bytes,
        models=variant.models,
        workload=task.workload,
        background=task.background,
        seed=task.seed,
        base=recorded.base,
        events=recorded.events,
        trees=found.trees(),
        cuts=found.cuts,
        mounts=found.mounts,
        unmountable=found.unmountable,
        overlapped=recorded.overlapped,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What a run on a recording device left: its trace, and the device before and during it."""

    base: Image
    events: tuple[Event, ...]
    places: Places
    overlapped: tuple[int, ...]
    blocks: Blocks
    log: BlockLog


def _record(
    zygote: Zygote, task: RecordTask, variant: FileSystemVariant, directory: str
) -> _Recorded:
    """Run the workload on a recording device."""
    target = f"{directory}/mounted"
    subject = f"{target}/{_SUBJECT}"
    prepared = prepare(task.workload, task.seed, subject, zygote)
    hold_seconds = SLOW_SECONDS if task.background == SLOW else 0.0
    data_seconds = HELD_SECONDS if task.background == HELD else 0.0
    prng = Prng(derive_seed(task.seed, "background"))
    with recording_device(
        f"{directory}/device",
        variant.size_bytes,
        hold_seconds=hold_seconds,
        data_seconds=data_seconds,
    ) as device:
        make_file_system(variant, device.path)
        if variant.journals_data:
            device.spare(*journal_range(variant, device.path))
        with mounted(variant, device.path, target):
            os.mkdir(subject)
            restore(Image(prepared.base), subject)
            base = capture(subject)
        blocks = blocks_of(device.begin())
        with mounted(variant, device.path, target):
            ticks = Ticks(device.count)
            plan = watch_plan(ticks.tick, lambda: _sync_all(target, task.background))
            with background(
                task.background, subject, f"{target}/beside", prng, treat_data=device.treat_data
            ) as syncs:
                recording = run_prepared(zygote, prepared, subject, plan)
                end = device.count()
            _sync_all(target, task.background)
            log = device.log()
    events = recording.events()
    return _Recorded(
        base=base,
        events=events,
        places=Places(events, ticks.counts(recording.marks), end),
        overlapped=overlapped(events, ticks.times(recording.marks), syncs),
        blocks=blocks,
        log=log,
    )


def _sync_all(target: str, kind: str) -> None:
    """Sync the file system, as `sync(2)` does: writes that were made to fail are no error of it."""
    try:
        sync_file_system(target)
    except OSError as problem:
        if kind != FAILING or problem.errno != errno.EIO:
            raise


def _cut(found: FoundTrees, disk: CutDisk, recorded: _Recorded, task: RecordTask) -> None:
    """Show what the file system makes of each cut, each device once."""
    log, devices = recorded.log, Devices(recorded.blocks, recorded.log)
    shown: dict[bytes, str | None] = {}
    for cut in cuts(log, Prng(derive_seed(task.seed, "cuts")), drawn=task.drawn):
        device = devices.after(cut)
        key = digest(device)
        if key not in shown:
            if found.mounts == task.mounts:
                continue
            shown[key] = found.mount(disk, device)
        found.note(shown[key], recorded.places.of(cut.arrived), cut.kind.value)
