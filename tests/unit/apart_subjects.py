"""Subjects that start processes in `open`, as a driver of a database server does."""

import os
import signal
import subprocess
import time
from pathlib import Path

from walcrash.subjects.adapter import EffectSink
from walcrash.subjects.reference import ReferenceAdapter

SLEEP = ["sleep", "3600"]


def note(directory: Path, *pids: int) -> None:
    """Say which processes were started, where the directory's content does not show it."""
    with (directory.parent / "pids").open("a", encoding="ascii") as listing:
        listing.writelines(f"{pid}\n" for pid in pids)


class _NotReopened(ReferenceAdapter):
    supports = ReferenceAdapter.supports - {"reopen"}


class StartsChild(_NotReopened):
    """A child in the same process group."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        note(directory, subprocess.Popen(SLEEP).pid)


def detach(directory: Path) -> None:
    """Be in a session of its own, deaf to polite signals."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    note(directory, os.getpid())


class StartsDaemon(_NotReopened):
    """A daemon that started a daemon; the second one goes on writing into the directory."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        told, tell = os.pipe()
        if os.fork() == 0:
            detach(directory)
            if os.fork():
                os._exit(0)
            detach(directory)
            if os.fork():
                time.sleep(3600)
            detach(directory)
            os.write(tell, b".")
            while True:
                (directory / f"late-{time.monotonic_ns() % 100}").touch()
        os.read(told, 1)


class DiesWithDaemon(StartsDaemon):
    """Is killed right after its daemon started."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        os.kill(os.getpid(), signal.SIGSEGV)


class HangsWithDaemon(StartsDaemon):
    """Never comes back from `open`."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        time.sleep(3600)


class KillsItsGroup(_NotReopened):
    """Ends its process group, as a careless test of a server does."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        os.killpg(os.getpgrp(), signal.SIGKILL)


class Counts(_NotReopened):
    """Is refused by what an earlier recovery left in the memory of its process."""

    opened = 0

    def open(self, directory: Path, effect: EffectSink) -> None:
        Counts.opened += 1
        if Counts.opened > 1:
            raise RuntimeError("this process has opened an image before")
        super().open(directory, effect)


class RefusesOnce(_NotReopened):
    """Refuses a directory that has a file `bad` in it."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        if (directory / "bad").exists():
            raise RuntimeError("bad")
        super().open(directory, effect)
