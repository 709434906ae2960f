"""Real trees a second: cuts shown and read, against a bare mount and read of the same devices.

One small run of synced files is recorded on each file system. Our side puts each device that a cut
leaves into place, mounts it, reads its tree and unmounts it; and goes through all cuts, of which
each device is mounted once. The bare side finds the device in place already, and does no more than
mount, read and unmount: what nobody can do without.

Not here: watching a workload, and holding trees against models, which need no device.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from walcrash.blocks.abilities import lacking, lacking_for
from walcrash.blocks.cut_disk import CutDisk, NotMountable, cut_disk
from walcrash.blocks.cuts import Blocks, Cut, Devices, blocks_of, cuts, digest
from walcrash.blocks.device import make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS, FileSystemVariant
from walcrash.blocks.isolation import WORKSPACE, start_isolated
from walcrash.blocks.log import BlockLog
from walcrash.recorder.tree import capture
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.seed import Prng

FILE_SYSTEMS: Final = ("ext4", "xfs", "btrfs")

_ENTRY: Final = "walcrash.tools.bench.real_trees:measure_isolated"

# limits
FILES: Final = 6
"""Files that are written and synced."""

FILE_BYTES: Final = 5000
SUBSETS: Final = 4
DEVICES: Final = 10
"""Devices of one sample, spread evenly over the run."""


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Measure each file system; what is lacking stands in its row."""
    say(f"real trees: {rounds} rounds")
    rows: list[Comparison] = []
    for name in FILE_SYSTEMS:
        problem = lacking()[0] or lacking_for(VARIANTS[name])[0]
        samples = {} if problem else _sampled(name, rounds)
        bare = _series(f"{name}: bare mount and read", "mounts/s", samples.get("bare"), problem)
        rows += [
            Comparison(
                name=f"real-trees-{kind}-{name}",
                ours=_series(f"{name}: {text}", unit, samples.get(kind), problem),
                other=bare,
            )
            for kind, text, unit in (
                ("mounts", "devices mounted and read", "mounts/s"),
                ("cuts", "cuts, each device once", "cuts/s"),
            )
        ]
    return rows, ()


def _series(name: str, unit: str, samples: Sequence[float] | None, missing: str) -> Series:
    return Series(
        name=name, unit=unit, better=Better.HIGHER, samples=tuple(samples or ()), missing=missing
    )


def _sampled(name: str, rounds: int) -> dict[str, list[float]]:
    """Measure one file system in an isolated process."""
    process = start_isolated(_ENTRY, [name, str(rounds)])
    said, _ = process.communicate()
    if process.returncode:
        raise HarnessFault(
            f"the bench of {name} ended with {process.returncode}; what it said is above",
            hint="walcrash doctor",
        )
    samples: dict[str, list[float]] = json.loads(said)
    return samples


def measure_isolated() -> None:
    """Take the samples of one file system; arguments: its name, how many rounds."""
    name, rounds = sys.argv[1], int(sys.argv[2])
    variant = VARIANTS[name]
    for each in ("device", "mounted", "cuts"):
        os.mkdir(f"{WORKSPACE}/{each}")
    base, log = _record(variant)
    every = list(cuts(log, Prng(0), drawn=SUBSETS))
    devices = _distinct(base, log, every)
    with cut_disk(variant, f"{WORKSPACE}/cuts") as disk:
        mountable = [device for device in devices if _shows(disk, device)]
        spread = mountable[:: max(1, len(mountable) // DEVICES)][:DEVICES]
        samples = take_turns(
            {
                "mounts": partial(_mounts, disk, spread),
                "bare": partial(_bare, disk, spread),
                "cuts": partial(_cuts, disk, base, log, every),
            },
            rounds,
            len,
            what=name,
        )
    print(json.dumps(samples))  # noqa: T201 - the other end reads it


def _record(variant: FileSystemVariant) -> tuple[Blocks, BlockLog]:
    """Write and sync a few files; return the device at the start, and what reached it."""
    target = f"{WORKSPACE}/mounted"
    with recording_device(f"{WORKSPACE}/device", variant.size_bytes) as device:
        make_file_system(variant, device.path)
        base = blocks_of(device.begin())
        with mounted(variant, device.path, target):
            for number in range(FILES):
                with open(f"{target}/{number}", "wb") as file:
                    file.write(b"x" * FILE_BYTES)
                    file.flush()
                    os.fsync(file)
            return base, device.log()


def _distinct(base: Blocks, log: BlockLog, every: list[Cut]) -> list[Blocks]:
    made = Devices(base, log)
    found: dict[bytes, Blocks] = {}
    for cut in every:
        device = made.after(cut)
        found.setdefault(digest(device), device)
    return list(found.values())


def _shows(disk: CutDisk, device: Blocks) -> bool:
    try:
        with disk.shown(device) as target:
            capture(target)
    except (NotMountable, OSError):
        return False
    return True


def _mounts(disk: CutDisk, devices: list[Blocks]) -> float:
    began = time.perf_counter()
    for device in devices:
        _shows(disk, device)
    return len(devices) / (time.perf_counter() - began)


def _bare(disk: CutDisk, devices: list[Blocks]) -> float:
    taken = 0.0
    for device in devices:
        disk.fill(device)
        began = time.perf_counter()
        with disk.mounted() as target:
            for directory, _, names in os.walk(target):
                for name in names:
                    with open(f"{directory}/{name}", "rb") as file:
                        file.read()
        taken += time.perf_counter() - began
    return len(devices) / taken


def _cuts(disk: CutDisk, base: Blocks, log: BlockLog, every: list[Cut]) -> float:
    began = time.perf_counter()
    made = Devices(base, log)
    shown: set[bytes] = set()
    for cut in every:
        device = made.after(cut)
        key = digest(device)
        if key not in shown:
            shown.add(key)
            _shows(disk, device)
    return len(every) / (time.perf_counter() - began)
