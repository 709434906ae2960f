"""Conformance of one subject: each check in a process and a directory of its own.

A subject may hang, die or leave processes behind: a check is a fork with a time limit, and what
it leaves is killed and counted against it.

Not here: what is checked (`subjects.conformance`), how it is shown (`report.check_text`).
"""

import contextlib
import json
import linecache
import os
import resource
import select
import shlex
import shutil
import signal
import tempfile
import time
import unittest
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil

from walcrash.recorder.descendants import adopt_orphans, end_with_parent, kill_children
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.subjects import conformance
from walcrash.subjects.adapter import NotOpened, Refused, SubjectGone
from walcrash.subjects.conformance import Check
from walcrash.subjects.contract_words import Noted, Unmet
from walcrash.subjects.driver_process import DriverProcess
from walcrash.subjects.driver_replies import Introduction
from walcrash.subjects.loading import (
    BUILT_IN,
    MissingPackage,
    NotAnAdapter,
    find_adapter,
    import_hint,
    registered_adapters,
)
from walcrash.subjects.messages import MalformedOutput
from walcrash.tools.check_costs import measure_costs
from walcrash.values.conformance import CheckOutcome, Conformance, ConformanceCheck
from walcrash.values.errors import UsageError
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

# limits
CALLS_PER_CHECK: Final = 12
"""A check may last so many times as long as one call."""

RESULT_BYTES: Final = 1 << 20
"""Longest result of a check."""

FOUND_CHARACTERS: Final = 600
"""How much of what was found is reported."""

NAME_CHARACTERS: Final = 200
"""How much of a process's command line names it."""

_STARTS: Final = "It starts, and answers `open` with its protocol, name, version and `supports`."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """What is checked: the words of a driver, or the one word of a Python adapter.

    `detects_rot` says whether its contract has `rot` in `detects`; None where none is known.
    `left` gathers what the checks left behind.
    """

    words: tuple[str, ...]
    options: Mapping[str, str | int | float | bool]
    seconds: float
    memory_mb: int
    detects_rot: bool | None = None
    left: set[str] = field(default_factory=set)


def run_checks(plan: CheckPlan, *, say: Callable[[str], None]) -> Conformance:
    """Check one subject.

    Raises:
        UsageError: there is no such adapter or program.
    """
    adopt_orphans()
    if is_adapter(plan.words):
        return _with_costs(_check_adapter(plan, say), _adapter_spec(plan), plan, say)
    return _with_costs(_check_driver(plan, say), _driver_spec(plan), plan, say)


def _with_costs(
    found: Conformance, subject: SubjectSpec, plan: CheckPlan, say: Callable[[str], None]
) -> Conformance:
    """Measure what a subject costs that did all that it should."""
    if found.failed:
        return found
    say("measure costs")
    limits = RecoveryLimits(seconds=plan.seconds, memory_mb=plan.memory_mb)
    return replace(found, costs=measure_costs(subject, limits))


def _adapter_spec(plan: CheckPlan) -> SubjectSpec:
    file, colon, name = plan.words[0].rpartition(":")
    is_file = bool(colon) and os.path.isfile(file)
    adapter = f"{os.path.abspath(file)}:{name}" if is_file else plan.words[0]
    return SubjectSpec(adapter, plan.options)


def _driver_spec(plan: CheckPlan) -> SubjectSpec:
    return SubjectSpec.of_driver(_absolute(plan.words))


def _absolute(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a driver's words with the whole path of its program, where that is a file."""
    return (os.path.abspath(words[0]), *words[1:]) if os.path.isfile(words[0]) else words


def is_adapter(words: Sequence[str]) -> bool:
    """Whether the words name a Python adapter: one word, known or with a class behind it."""
    name = words[0]
    place, colon, class_name = name.rpartition(":")
    is_class = bool(colon and place and class_name.isidentifier())
    return len(words) == 1 and (name in BUILT_IN or name in registered_adapters() or is_class)


def _check_adapter(plan: CheckPlan, say: Callable[[str], None]) -> Conformance:
    name = plan.words[0]
    hint = import_hint(name)
    try:
        find_adapter(name)
        # What is raised from here on is not about an import.
        hint = ""
        make = conformance.python_maker(name, plan.options)
        supports = tuple(sorted(make().supports))
    except MissingPackage as problem:
        raise UsageError(f"the adapter {name}: {problem}", hint=problem.hint) from None
    except NotAnAdapter as problem:
        raise _not_loaded(name, str(problem), problem.hint) from None
    except Exception as problem:
        raise _not_loaded(name, f"{type(problem).__name__}: {problem}", hint) from None
    checks = [_run(check, plan, say) for check in conformance.adapter_checks(make)]
    checks.append(_daemons(plan))
    return Conformance(subject=name, introduced="", supports=supports, checks=checks)


def _not_loaded(name: str, why: str, hint: str) -> UsageError:
    return UsageError(
        f"the adapter {name} cannot be loaded: {why}",
        hint=hint or "walcrash check path/to/mywal_adapter.py:MyWal",
    )


def _check_driver(plan: CheckPlan, say: Callable[[str], None]) -> Conformance:
    words = plan.words
    if plan.options:
        raise UsageError(
            "a driver gets its options as words; found --option",
            hint=f"walcrash check -- {shlex.join(words)} --sync=always",
        )
    if shutil.which(words[0]) is None and not os.path.exists(words[0]):
        raise UsageError(
            f"there is no driver {words[0]}: neither a file nor a program on the PATH, and no "
            f"Python adapter ({', '.join(sorted(BUILT_IN))}, `module:Class`, `file.py:Class`)",
            hint="walcrash check ./mywal-driver",
        )
    words = _absolute(words)
    subject = " ".join(plan.words)
    first, introduction = _introduction(words, plan, say)
    if introduction is None:
        return Conformance(subject=subject, introduced="", supports=(), checks=[first])
    make = conformance.driver_maker(words, plan.seconds, introduction)
    checks = conformance.adapter_checks(make)
    checks += conformance.driver_checks(
        words, plan.seconds, introduction.supports, detects_rot=plan.detects_rot
    )
    return Conformance(
        subject=subject,
        introduced=f"{introduction.name} {introduction.version}",
        supports=tuple(sorted(introduction.supports)),
        checks=[first, *[_run(check, plan, say) for check in checks], _daemons(plan)],
    )


def _daemons(plan: CheckPlan) -> ConformanceCheck:
    """Say what the checks left behind."""
    return ConformanceCheck(
        name="no-daemons",
        outcome=CheckOutcome.FAILED if plan.left else CheckOutcome.PASSED,
        rule="What it starts ends with it.",
        found=f"it left processes behind: {', '.join(sorted(plan.left))}" if plan.left else "",
        hint="do not put processes into a session of their own" if plan.left else "",
    )


def _introduction(
    words: tuple[str, ...], plan: CheckPlan, say: Callable[[str], None]
) -> tuple[ConformanceCheck, Introduction | None]:
    def run(directory: Path) -> None:
        scratch = directory / "introduced"
        scratch.mkdir()
        introduction = conformance.introduce(words, plan.seconds, plan.memory_mb, scratch)
        text = json.dumps([introduction.name, introduction.version, sorted(introduction.supports)])
        (directory / "introduction").write_text(text, encoding="utf-8")

    kept: list[str] = []
    check = Check("open", _STARTS, 'run it by hand, and type {"do":"open"}', run)
    result = _run(check, plan, say, keep=lambda f: kept.append((f / "introduction").read_text()))
    if result.outcome is not CheckOutcome.PASSED:
        return result, None
    name, version, supports = json.loads(kept[0])
    return result, Introduction(name, version, frozenset(supports))


def _run(
    check: Check,
    plan: CheckPlan,
    say: Callable[[str], None],
    *,
    keep: Callable[[Path], object] | None = None,
) -> ConformanceCheck:
    """Run one check in a process and a directory of its own."""
    say(f"check {check.name}")
    # On a disk where /tmp is one: a store may ask for what memory does not have.
    with WorkingDirectory(parent=tempfile.gettempdir()) as work:
        # The working directory itself is locked by its keeper.
        directory = Path(work.path, "subject")
        directory.mkdir()
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            end_with_parent(parent)
            _be_a_check(check, directory, plan, writing)
        os.close(writing)
        text = _read_result(reading, plan.seconds * CALLS_PER_CHECK)
        left = _end(pid, keep=work.keeper_pid)
        form = _form(text, plan)
        if keep is not None and form["outcome"] == CheckOutcome.PASSED.value:
            keep(directory)
    plan.left.update(left)
    outcome = CheckOutcome(form["outcome"])
    return ConformanceCheck(
        name=check.name,
        outcome=outcome,
        rule=check.rule,
        found=str(form["found"])[:FOUND_CHARACTERS],
        exchanged=tuple(str(line) for line in form["exchanged"]),
        hint=(str(form["hint"]) or check.hint) if outcome is CheckOutcome.FAILED else "",
    )


def _form(text: str, plan: CheckPlan) -> dict[str, list[str] | str]:
    if text:
        form: dict[str, list[str] | str] = json.loads(text)
        return form
    found = f"the check did not end within {plan.seconds * CALLS_PER_CHECK:g} seconds, or died"
    return {"outcome": CheckOutcome.FAILED.value, "found": found, "exchanged": [], "hint": ""}


def _be_a_check(check: Check, directory: Path, plan: CheckPlan, writing: int) -> None:
    """Run a check, write what came of it, and end this process."""
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        os.setsid()
        _keep_temporary_files_beside(directory)
        limit_bytes = plan.memory_mb << 20
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
        outcome, found, hint = _outcome(check, directory)
        is_reported = outcome is CheckOutcome.FAILED
        exchanged = list(DriverProcess.exchanged) if is_reported else []
        form = {"outcome": outcome.value, "found": found, "exchanged": exchanged, "hint": hint}
        os.write(writing, json.dumps(form).encode()[:RESULT_BYTES])
    finally:
        os._exit(0)


def _keep_temporary_files_beside(directory: Path) -> None:
    """Have temporary files made where they are removed: this process ends without its cleanup."""
    beside = directory.with_name("tmp")
    beside.mkdir()
    os.environ["TMPDIR"] = str(beside)
    tempfile.tempdir = None


def _outcome(check: Check, directory: Path) -> tuple[CheckOutcome, str, str]:
    """Run a check; return its outcome, what was found, and a hint that fits better than its own."""
    try:
        check.run(directory)
    except unittest.SkipTest as reason:
        return CheckOutcome.SKIPPED, str(reason), ""
    except Noted as note:
        return CheckOutcome.NOTED, str(note), ""
    except Unmet as problem:
        return CheckOutcome.FAILED, str(problem), problem.hint
    except MalformedOutput as problem:
        return CheckOutcome.FAILED, str(problem), problem.hint
    except AssertionError as problem:
        return CheckOutcome.FAILED, str(problem) or _broken_line(problem), ""
    except (NotOpened, Refused, SubjectGone) as problem:
        # Our own words for what a driver did; their class says nothing to its author.
        return CheckOutcome.FAILED, str(problem), ""
    except Exception as problem:
        return CheckOutcome.FAILED, f"{type(problem).__name__}: {problem}", ""
    return CheckOutcome.PASSED, "", ""


def _broken_line(problem: AssertionError) -> str:
    """Return the line of the suite that did not hold: it has no words of its own."""
    traceback = problem.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "an assertion did not hold"
    code = traceback.tb_frame.f_code
    line = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
    return f"this did not hold: {line.removeprefix('assert ')}"


def _read_result(reading: int, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    taken = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
            piece = pipe.read(1 << 16)
            if not piece:
                return taken.decode()
            taken += piece
            if taken.endswith(b"}"):
                # What it has started may hold the pipe for longer.
                return taken.decode()
    return ""


def _end(pid: int, *, keep: int) -> list[str]:
    """Kill a check with all below it; return what had got away from its process group.

    Args:
        pid: the check's process.
        keep: a process of our own, which is none of the check's.
    """
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    left: list[str] = []

    def note(child: int) -> None:
        with contextlib.suppress(OSError):
            if os.getpgid(child) != pid:
                left.append(_name(child))

    kill_children(keep=frozenset({keep}), doom=note)
    return left


def _name(pid: int) -> str:
    """Return the command line of a process that is alive, else nothing."""
    with contextlib.suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())[:NAME_CHARACTERS].strip()
    return ""
