"""What the perturbed environment really varies here, found by looking from inside it.

A process is served as a recoverer is. It looks at its own clock, and starts a program, another
Python, that asks for the time through the vDSO and by a system call, and lists a directory.

Not here: what follows from what is missing (`tools.doctor.perturbed`).
"""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from walcrash.recorder import perturbed_filter
from walcrash.recorder.environment import PERTURBED
from walcrash.recorder.perturbed_calls import read_notes
from walcrash.recorder.zygote import Zygote
from walcrash.values.errors import WalcrashError
from walcrash.values.varied import Surrounding

# limits
_MEMORY_MB: Final = 512
_SECONDS: Final = 20.0
_ANSWER_BYTES: Final = 1 << 16

_LISTED: Final = "listed"

_PROGRAM: Final = """
import ctypes, json, os, sys, time
libc, called = ctypes.CDLL(None), (ctypes.c_long * 2)()
libc.syscall(ctypes.c_long(int(sys.argv[1])), 0, called)
print(json.dumps([time.time(), called[0], os.listdir(sys.argv[2])]))
"""
"""A program that says what it sees: two times and a listing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """What is varied; each is empty, or the reason why it is not.

    Attributes:
        adapter_clock: the clock of an adapter's own process.
        program_clock: the clock of a program that is started, through the vDSO.
        called_clock: the same, by a system call.
        listing: the order in which such a program sees a directory.
    """

    adapter_clock: str
    program_clock: str
    called_clock: str
    listing: str


def probe_perturbed(directory: str) -> Perturbation:
    """Look from inside the perturbed environment.

    Args:
        directory: a working directory; it is removed, as the one of any zygote.
    """
    notes = os.memfd_create("varied")
    try:
        listed = f"{directory}/{_LISTED}"
        for name in ("", "a", "b", "c"):
            os.mkdir(f"{listed}/{name}")
        listing = os.listdir(listed)
        return _held_against(_said_inside(directory, listed, notes), listing, _noted(notes))
    except (OSError, ValueError, WalcrashError) as problem:
        text = problem.message if isinstance(problem, WalcrashError) else str(problem)
        return Perturbation(adapter_clock=text, program_clock=text, called_clock=text, listing=text)
    finally:
        os.close(notes)


def say_what_is_seen(payload: bytes, channel: socket.socket) -> None:
    """Entry for the probing process: look, start the program, say what both saw."""
    number, listed = json.loads(payload)
    words = [sys.executable, "-I", "-c", _PROGRAM, str(number), listed]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seen = json.loads(done.stdout) if done.returncode == 0 else done.stderr
    channel.sendall(json.dumps([time.time(), seen]).encode())


_ENTRY: Final = f"{__name__}:{say_what_is_seen.__name__}"


def _said_inside(directory: str, listed: str, notes: int) -> bytes:
    numbers = {name: number for number, name in perturbed_filter.numbers().items()}
    payload = json.dumps([numbers["clock_gettime"], listed]).encode()
    zygote = Zygote(PERTURBED, directory)
    try:
        pid, channel = zygote.serve(_ENTRY, payload, memory_mb=_MEMORY_MB, notes=notes)
        with channel:
            channel.settimeout(_SECONDS)
            said = channel.recv(_ANSWER_BYTES)
        zygote.finish(pid)
        return said
    finally:
        zygote.close()


def _noted(notes: int) -> dict[Surrounding, str]:
    """Return the reasons that were noted for what was not varied."""
    return {varied.what: varied.problem for varied in read_notes(notes) if varied.problem}


def _held_against(said: bytes, listing: list[str], reasons: dict[Surrounding, str]) -> Perturbation:
    own_time, seen = json.loads(said)
    if isinstance(seen, str):
        raise ValueError(f"the program that looks failed: {seen.strip()}")  # noqa: TRY004
    program_time, called_time, seen_listing = seen
    reason = reasons.get(Surrounding.CLOCK, "it sees the real time")
    return Perturbation(
        adapter_clock="" if _is_shifted(own_time) else reason,
        program_clock="" if _is_shifted(program_time) else reason,
        called_clock="" if _is_shifted(called_time) else reason,
        listing=""
        if seen_listing == listing[::-1]
        else reasons.get(Surrounding.LISTING, "it sees the file system's order"),
    )


def _is_shifted(seconds: float) -> bool:
    return abs(seconds - time.time()) > PERTURBED.clock_shift_seconds / 2
