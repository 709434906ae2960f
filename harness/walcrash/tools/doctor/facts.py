"""What the system says of itself: kernel, directory, limits, processors, memory, sandbox.

Not here: what is found by trying (`doctor`).

Source: `proc(5)`, `cgroups(7)`, Documentation/admin-guide/LSM/Yama.rst,
Documentation/admin-guide/cgroup-v2.rst.
"""

import os
import platform
import resource
import sys
from importlib import metadata
from typing import Final

import psutil

from walcrash.values.machine import CheckState, MachineCheck

# limits
OLDEST_KERNEL: Final = (5, 9)
"""First Linux whose interception cannot deadlock with a worker that dies."""

FEW_BYTES: Final = 256 * 1024 * 1024
"""Free space or memory under which one job is short of room."""

FEW_FILES: Final = 256
"""Open files that one job can need."""

_MEMORY_FILE_SYSTEMS: Final = frozenset({"tmpfs", "ramfs"})

GVISOR: Final = "gVisor"
DOCKER: Final = "a Docker container"
PODMAN: Final = "a Podman container"
OWN_FILTER: Final = "a seccomp filter on this process"


def machine() -> str:
    """Return the architecture as `uname -m` names it."""
    return platform.machine()


def kernel() -> MachineCheck:
    """Name the kernel; only a hint at what it can do."""
    name = f"{platform.system()} {platform.release()}"
    if platform.system() != "Linux":
        return MachineCheck(
            name="kernel",
            state=CheckState.MISSING,
            found=f"{name}; interception is a feature of Linux",
            follows="no kill at an exact point; kills on a timer remain",
            is_needed=True,
        )
    if _version(platform.release()) < OLDEST_KERNEL:
        return _limited(
            "kernel",
            f"{name}; 5.9 is the oldest that interception works with",
            follows="what works here is what the lines below say",
            hint="Linux 6.6 or later is best",
        )
    return _fine("kernel", name)


def _version(release: str) -> tuple[int, ...]:
    parts = release.split("-")[0].split(".")[:2]
    return tuple(int(part) if part.isdigit() else 0 for part in parts)


def working_directory(path: str) -> MachineCheck:
    """Say where cases work: on what, and how much room there is."""
    status = os.statvfs(path)
    free = status.f_bavail * status.f_frsize
    kind = file_system(path)
    found = f"{os.path.dirname(path)} on {kind}, {_size(free)} free"
    if free < FEW_BYTES:
        return _limited(
            "working directory",
            found,
            follows="a job may run out of room, which ends the campaign",
            hint="WALCRASH_WORK=/some/directory walcrash run",
        )
    if kind not in _MEMORY_FILE_SYSTEMS:
        return _limited(
            "working directory",
            found,
            follows="every sync goes to the disk: campaigns are slower",
            hint="WALCRASH_WORK=/dev/shm walcrash run, where that has room",
        )
    return _fine("working directory", found)


def file_system(path: str) -> str:
    """Return the type of the file system that holds a path; `unknown` if nobody says."""
    best, kind = "", "unknown"
    for mount, name in _mounts():
        inside = mount == "/" or path == mount or path.startswith(mount + "/")
        # A later mount on the same place hides the earlier one.
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind


def _mounts() -> list[tuple[str, str]]:
    try:
        return [(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True)]
    except OSError:
        return []


def open_files() -> MachineCheck:
    """Say how many files a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{soft} at once" if soft == hard else f"{soft} at once, {hard} if asked for"
    if 0 <= soft < FEW_FILES:
        return _limited(
            "open files",
            found,
            follows="a subject with many files may fail for the lack of descriptors",
            hint="ulimit -n 1024",
        )
    return _fine("open files", found)


def processors() -> MachineCheck:
    """Say how many processors the campaign gets."""
    usable, there = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    share = cpu_share()
    if share is not None and share < usable:
        return _limited(
            "processors",
            f"{usable} of {there}, and the control group gives the time of {share:.2g}",
            follows="more jobs than that make the campaign slower",
            hint=f"walcrash run --jobs {max(1, int(share))}",
        )
    found = f"{usable} of {there}" if usable < there else f"{there}"
    return _fine("processors", found)


def cpu_share() -> float | None:
    """Return how many processors' time the control group allows; None where it says nothing."""
    words = _read("/sys/fs/cgroup/cpu.max").split()
    if len(words) != 2 or not words[0].isdigit():
        return None
    return int(words[0]) / int(words[1])


def memory() -> MachineCheck:
    """Say how much memory there is to take."""
    state = psutil.virtual_memory()
    found = f"{_size(state.available)} of {_size(state.total)} available"
    if state.available < FEW_BYTES:
        return _limited(
            "memory", found, follows="the kernel may end jobs", hint="walcrash run --jobs 1"
        )
    return _fine("memory", found)


def hard_memory_limit_mb() -> int | None:
    """Return the highest memory limit of a worker, mebibytes; None if unlimited."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    return None if hard == resource.RLIM_INFINITY else hard >> 20


def sandbox() -> MachineCheck:
    """Say whether something stands between this process and the kernel."""
    signs = sandbox_signs()
    if not {GVISOR, OWN_FILTER}.intersection(signs):
        found = ", ".join(signs) or "no signs of one"
        return _fine("sandbox", found)
    return _limited(
        "sandbox", ", ".join(signs), follows="what is missing above may be forbidden by it"
    )


def sandbox_signs() -> list[str]:
    """Return the signs of a sandbox or container."""
    signs = []
    if "gvisor" in _read("/proc/version").lower() or os.path.exists("/proc/sentry-meminfo"):
        signs.append(GVISOR)
    if os.path.exists("/.dockerenv"):
        signs.append(DOCKER)
    if os.path.exists("/run/.containerenv"):
        signs.append(PODMAN)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        signs.append("Kubernetes")
    if _status("Seccomp") == "2":
        signs.append(OWN_FILTER)
    return signs


def interception_hint() -> str:
    """Return what may help where interception is refused, for the signs that are there."""
    signs = sandbox_signs()
    if GVISOR in signs:
        return "gVisor has no seccomp user notification: another runtime, such as runc"
    if DOCKER in signs:
        return "docker run --security-opt seccomp=unconfined"
    if PODMAN in signs:
        return "podman run --security-opt seccomp=unconfined"
    return ""


def trace_hint() -> str:
    """Return what may help where the memory of workers may not be read."""
    scope = _read("/proc/sys/kernel/yama/ptrace_scope").strip()
    if scope in ("2", "3"):
        return f"kernel.yama.ptrace_scope is {scope}; sysctl kernel.yama.ptrace_scope=1, by root"
    return interception_hint()


def versions() -> list[MachineCheck]:
    """Name what runs the harness, and where the interpreter is."""
    return [
        _fine("python", f"{python_version()}, {sys.executable}"),
        _fine("psutil", psutil_version()),
    ]


def python_version() -> str:
    """Name the interpreter, without its place."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def psutil_version() -> str:
    """Return the version of psutil that is installed."""
    return metadata.version("psutil")


def _limited(name: str, found: str, *, follows: str, hint: str = "") -> MachineCheck:
    return MachineCheck(
        name=name, state=CheckState.LIMITED, found=found, follows=follows, hint=hint
    )


def _fine(name: str, found: str) -> MachineCheck:
    return MachineCheck(name=name, state=CheckState.OK, found=found)


def _status(key: str) -> str:
    for line in _read("/proc/self/status").splitlines():
        if line.startswith(f"{key}:"):
            return line.partition(":")[2].strip()
    return ""


def _size(count: float) -> str:
    return f"{count / (1 << 30):.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MB"


def _read(path: str) -> str:
    """Return a file of the system; empty where there is none, or it is not for us to see."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read()
    except OSError:
        return ""
