"""Nothing of a sandbox outlives it, also where its zygote cannot clean up."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from watching import HERE as TESTS

from walcrash.case.sandbox import Sandbox
from walcrash.recorder import zygote

SECONDS = 10.0
MEMORY_MB = 512

DAEMON = """
import os, sys
while True:
    os.makedirs(sys.argv[1], exist_ok=True)
    open(sys.argv[1] + "/written", "w").close()
"""


def start_daemon(directory: bytes, channel: socket.socket) -> None:
    """Entry of a worker: start what detaches itself and writes on and on, and say who it is."""
    subprocess.Popen(
        [sys.executable, "-c", f"import os\nif os.fork(): os._exit(0)\n{DAEMON}", directory],
        start_new_session=True,
    ).wait()
    channel.send(b"started")
    signal.pause()


def _writers(directory: str) -> list[int]:
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if directory.encode() in words and b"-c" in words:
            found.append(int(name))
    return found


LATE = """
import os, sys
from walcrash.recorder.descendants import end_with_parent
reading, writing = os.pipe()
parent = os.fork()
if parent == 0:
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            pass
        end_with_parent(parent)
        os.write(writing, b"it goes on")
    os._exit(0)
os.waitpid(parent, 0)
os.close(writing)
sys.exit(os.read(reading, 100))
"""


def test_what_is_forked_ends_also_where_its_parent_is_gone_before_it_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"b''\n")


def test_a_daemon_does_not_outlive_a_workplace_whose_zygote_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zygote, "_END_SECONDS", 0.5)
    monkeypatch.setenv("WALCRASH_WORK", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS / "unit")]))
    sandbox = Sandbox()
    directory = f"{sandbox.directory}/daemon"
    entry = f"{__name__}:start_daemon"
    _, channel = sandbox.zygote.serve(entry, directory.encode(), memory_mb=MEMORY_MB)
    channel.settimeout(SECONDS)
    with channel:
        assert channel.recv(10) == b"started"
        assert _writers(directory)
        os.kill(sandbox.zygote.pid, signal.SIGSTOP)
        sandbox.close()
    end = time.monotonic() + SECONDS
    while _writers(directory) and time.monotonic() < end:
        time.sleep(0.05)
    left = _writers(directory)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
    assert os.listdir(tmp_path) == []
