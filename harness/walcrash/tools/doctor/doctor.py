"""The doctor: what this machine can and cannot do, each with the reason and what follows.

What a kill needs is tried for real, in the zygotes and the directory that a case would use.

Not here: the kernel's part of it (`recorder.probe`), the second environment (`perturbed`), how
it is shown (`report.doctor_text`), and what the system says of itself (`facts`).
"""

from collections.abc import Callable

from walcrash.case.sandbox import refusal_by_user
from walcrash.recorder import abi, probe
from walcrash.recorder.environment import HERE
from walcrash.recorder.probe import Interception
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.recorder.zygote import Zygote
from walcrash.tools.doctor import facts as machine_facts
from walcrash.tools.doctor.perturbed import perturbed_checks
from walcrash.tools.doctor.real_file_systems import real_file_systems
from walcrash.values.errors import WalcrashError
from walcrash.values.machine import CheckState, MachineCheck

_NO_EXACT_KILLS = "no kill at an exact point; kills on a timer remain"
_FALLBACK = 'scenarios with `kind = "kill-timer"` still run: walcrash run random-kill'


def run_doctor() -> tuple[MachineCheck, ...]:
    """Run every check, what is needed most first."""
    checks = [machine_facts.kernel(), _architecture()]
    checks += _with_directory(_probe)
    checks += [
        real_file_systems(),
        machine_facts.open_files(),
        machine_facts.processors(),
        machine_facts.memory(),
        machine_facts.sandbox(),
        *machine_facts.versions(),
    ]
    return tuple(checks)


def _architecture() -> MachineCheck:
    name = machine_facts.machine()
    if abi.architecture() is not None:
        return MachineCheck(
            name="architecture", state=CheckState.OK, found=f"{name} has a table", is_needed=True
        )
    return MachineCheck(
        name="architecture",
        state=CheckState.MISSING,
        found=f"no system-call table for {name}; there is one for x86_64 and aarch64",
        follows=_NO_EXACT_KILLS,
        hint=_FALLBACK,
        is_needed=True,
    )


def _with_directory(check: Callable[[str], list[MachineCheck]]) -> list[MachineCheck]:
    """Make the directory that a case would work in, check it, and remove it."""
    try:
        work = WorkingDirectory()
    except WalcrashError as problem:
        return [
            MachineCheck(
                name="working directory",
                state=CheckState.MISSING,
                found=problem.message,
                follows="no case can run",
                hint=problem.hint,
                is_needed=True,
            )
        ]
    with work:
        return [machine_facts.working_directory(work.path), *check(work.path)]


def _probe(directory: str) -> list[MachineCheck]:
    try:
        zygote = Zygote(HERE, directory)
    except WalcrashError as problem:
        return [
            MachineCheck(
                name="fork server",
                state=CheckState.MISSING,
                found=problem.message,
                follows="no case can run",
                is_needed=True,
            )
        ]
    try:
        checks = _interception(probe.probe_interception(zygote, directory))
        return [
            *checks,
            _memory_limit(probe.probe_memory_limit(zygote)),
            *perturbed_checks(directory),
        ]
    finally:
        zygote.close()


def _interception(seen: Interception) -> list[MachineCheck]:
    hint = machine_facts.interception_hint() or _FALLBACK
    trace_hint = machine_facts.trace_hint() or _FALLBACK
    refusal = refusal_by_user()
    intercepted = refusal.message if refusal is not None else seen.interception
    return [
        _needed("interception", intercepted, "a worker's system call waits for us", hint),
        _needed("worker files", seen.descriptors, "pidfd_getfd works", trace_hint),
        _needed("worker memory", seen.memory, "/proc/PID/mem can be read", trace_hint),
        _needed("recording", seen.recording, "a file made and written came out as events", hint),
        _flag(
            "WAIT_KILLABLE_RECV",
            seen.wait_killable,
            "a signal cannot restart a call that was already seen",
            "a runtime with many signals (Go, SIGCHLD) may show a call twice",
            "Linux 5.19 or later",
        ),
        _flag(
            "SYNC_WAKE_UP",
            seen.wake_up,
            "an answered worker runs at once",
            "everything works, and interception is slower",
            "Linux 6.6 or later",
        ),
    ]


def _needed(name: str, problem: str, found: str, hint: str) -> MachineCheck:
    if not problem:
        return MachineCheck(name=name, state=CheckState.OK, found=found, is_needed=True)
    return MachineCheck(
        name=name,
        state=CheckState.MISSING,
        found=problem,
        follows=_NO_EXACT_KILLS,
        hint=hint,
        is_needed=True,
    )


def _flag(name: str, problem: str, found: str, follows: str, hint: str) -> MachineCheck:
    if not problem:
        return MachineCheck(name=name, state=CheckState.OK, found=found)
    return MachineCheck(
        name=name, state=CheckState.LIMITED, found=problem, follows=follows, hint=hint
    )


def _memory_limit(problem: str) -> MachineCheck:
    hard_mb = machine_facts.hard_memory_limit_mb()
    if problem:
        return MachineCheck(
            name="memory limit",
            state=CheckState.LIMITED,
            found=problem,
            follows="a recovery that eats memory is not found, and may take the machine with it",
        )
    if hard_mb is not None:
        return MachineCheck(
            name="memory limit",
            state=CheckState.LIMITED,
            found=f"RLIMIT_DATA works, and cannot be more than {hard_mb} MB here",
            follows="a scenario with a higher `memory_mb` cannot start its workers",
            hint="ulimit -H -d unlimited, by root",
        )
    return MachineCheck(name="memory limit", state=CheckState.OK, found="RLIMIT_DATA works")
