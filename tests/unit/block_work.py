"""What the tests of the recording device run in an isolated process."""

import json
import os
import subprocess
import sys

from walcrash.blocks.cut_disk import NotMountable, cut_disk
from walcrash.blocks.cuts import Cut, CutKind, Devices, blocks_of
from walcrash.blocks.data_writes import DataWrites
from walcrash.blocks.device import make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS
from walcrash.blocks.isolation import WORKSPACE
from walcrash.recorder.tree import capture
from walcrash.values.image import FileEntry


def in_isolation() -> None:
    """Sync one file and not another; say what the cut before and after the sync show."""
    variant = VARIANTS["ext4"]
    names = ("device", "mounted", "cut")
    directory, target, cut_directory = (f"{WORKSPACE}/{name}" for name in names)
    for each in (directory, target, cut_directory):
        os.mkdir(each)
    killed: list[object] = []
    kill = subprocess.Popen.kill
    subprocess.Popen.kill = lambda process: killed.append(process) or kill(process)  # type: ignore[assignment,method-assign,func-returns-value]
    with recording_device(directory, variant.size_bytes) as device:
        make_file_system(variant, device.path)
        base = blocks_of(device.begin())
        with mounted(variant, device.path, target):
            for name in ("synced", "lost"):
                with open(f"{target}/{name}", "wb") as file:
                    file.write(name.encode() * 2000)
                    file.flush()
                    before = device.count()
                    if name == "synced":
                        os.fsync(file)
                        marks = before, device.count()
            log = device.log()[: device.count()]
    shown = {}
    with cut_disk(variant, cut_directory) as disk:
        for arrived in marks:
            blocks = Devices(base, log).after(Cut(CutKind.PREFIX, arrived))
            with disk.shown(blocks) as where:
                files = capture(where).entries
                shown[arrived] = {
                    path: len(entry.content)
                    for path, entry in files.items()
                    if isinstance(entry, FileEntry)
                }
        try:
            with disk.shown({}):
                shown[-1] = {"mounted": 0}
        except NotMountable as problem:
            shown[-1] = {str(problem): 0}
    flushes = sum(entry.is_flush for entry in log[marks[0] : marks[1]])
    print(json.dumps([list(shown.values()), flushes, len(killed)]))


def hold_and_fail() -> None:
    """Rename over a file while its data is held; then have a sync fail; say what came of it."""
    variant = VARIANTS["ext4"]
    directory, target, cut_directory = (f"{WORKSPACE}/{n}" for n in ("device", "mounted", "cut"))
    for each in (directory, target, cut_directory):
        os.mkdir(each)
    with recording_device(directory, variant.size_bytes, data_seconds=0.1) as device:
        make_file_system(variant, device.path)
        with mounted(variant, device.path, target):
            for name in ("file", "other"):
                with open(f"{target}/{name}", "wb") as file:
                    file.write(b"o" * 5000)
        base = blocks_of(device.begin())
        with mounted(variant, device.path, target), open(f"{target}/other", "r+b") as other:
            device.treat_data(DataWrites.HELD)
            with open(f"{target}/tmp", "wb") as file:
                file.write(b"n" * 9000)
            os.rename(f"{target}/tmp", f"{target}/file")
            fd = os.open(target, os.O_DIRECTORY)
            os.fsync(fd)
            os.close(fd)
            committed = device.count()
            os.sync()
            device.treat_data(DataWrites.FAILED)
            other.write(b"n" * 5000)
            other.flush()
            failures = []
            for _ in range(2):
                try:
                    failures.append(os.fsync(other.fileno()))
                except OSError as problem:
                    failures.append(problem.errno)
            device.treat_data(DataWrites.MADE)
        log = device.log()
    shown = []
    with cut_disk(variant, cut_directory) as disk:
        for arrived in (committed, len(log)):
            blocks = Devices(base, log).after(Cut(CutKind.PREFIX, arrived))
            with disk.shown(blocks) as where:
                entries = capture(where).entries
                for name in ("file", "other"):
                    entry = entries[name]
                    assert isinstance(entry, FileEntry)
                    shown.append([len(entry.content), sorted(set(entry.content))])
    print(json.dumps([shown, failures]))


def stay() -> None:
    """Have a mounted device, and something that writes to it, until somebody ends it."""
    variant = VARIANTS[sys.argv[1]]
    for name in ("device", "mounted"):
        os.mkdir(f"{WORKSPACE}/{name}")
    target = f"{WORKSPACE}/mounted"
    print("started", flush=True)
    with recording_device(f"{WORKSPACE}/device", variant.size_bytes) as device:
        print("device", device.path, flush=True)
        make_file_system(variant, device.path)
        with mounted(variant, device.path, target):
            print("mounted", device.path, flush=True)
            write = f"while :; do date > {target}/f; sync {target}/f; done"
            subprocess.run(["sh", "-c", write], check=False)
