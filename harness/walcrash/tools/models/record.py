"""Recording real trees: which runs there are, the sessions that make them, the files they get.

Each run is held against the models as soon as it is there, and kept in a file of its own.

Not here: one run (`session`), holding it against the models (`check`).
"""

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from walcrash.blocks.abilities import lacking_for, need
from walcrash.blocks.background import BACKGROUNDS
from walcrash.blocks.file_systems import VARIANTS
from walcrash.blocks.isolation import start_isolated
from walcrash.tools.models.check import Checker
from walcrash.tools.models.files import SUFFIX, write_file
from walcrash.tools.models.litmus import LITMUS
from walcrash.tools.models.session import ENTRY, FAULT, RecordTask, packed
from walcrash.tools.models.workloads import DRAWN, SCENARIOS, known_workloads, no_workload
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.real_tree import ModelCheck
from walcrash.values.real_tree_file import read_runs
from walcrash.values.seed import derive_seed

Say = Callable[[str], None]

# limits
MOST_SESSIONS: Final = 64
_ANSWERS: Final = 64
"""Runs that wait to be held against the models; a session waits where there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan:
    """What is to be recorded.

    Attributes:
        workloads: names of workloads; empty for all litmus workloads, a drawn one for each
            file system and background, and the subjects of `SCENARIOS`.
        file_systems: keys of `VARIANTS`; empty for all whose `mkfs` is there.
        backgrounds: some of `BACKGROUNDS`; each run has one, in turns.
        rounds: how often everything is run, each time with another seed.
        subsets: drawn subsets of writes between every two flushes.
        mounts: most devices that are mounted in one run.
        master_seed: what the seeds of the runs come from.
        directory: where the files go.
        jobs: sessions at a time.
        seconds: after which no more is begun; None for no such limit.
    """

    workloads: tuple[str, ...]
    file_systems: tuple[str, ...]
    backgrounds: tuple[str, ...]
    rounds: int
    subsets: int
    mounts: int
    master_seed: str
    directory: Path
    jobs: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What came of a plan: the check, and the runs that could not be made, with the reason."""

    check: ModelCheck
    missing: tuple[str, ...]


def record_names() -> dict[str, tuple[str, ...]]:
    """Return every name that a plan takes, by what it is."""
    return {
        "file systems": tuple(VARIANTS),
        "backgrounds": BACKGROUNDS,
        "workloads": known_workloads(),
    }


def tasks_of(plan: RecordPlan) -> tuple[RecordTask, ...]:
    """Return the runs of a plan, in order.

    Raises:
        UsageError: a name means nothing.
    """
    known = known_workloads()
    for name in plan.workloads:
        if name not in known:
            raise no_workload(name)
    for given, allowed in (
        (plan.file_systems, VARIANTS), (plan.backgrounds, BACKGROUNDS),
    ):  # fmt: skip
        for name in given:
            if name not in allowed:
                raise UsageError(f"there is no `{name}`; allowed: {', '.join(allowed)}")
    names = plan.workloads or (*LITMUS, *SCENARIOS, *[DRAWN] * len(BACKGROUNDS))
    there = tuple(name for name in VARIANTS if not lacking_for(VARIANTS[name])[0])
    return tuple(
        RecordTask(
            variant=variant,
            workload=name,
            background=plan.backgrounds[(number + turn) % len(plan.backgrounds)],
            seed=derive_seed(plan.master_seed, variant, name, turn, number),
            drawn=plan.subsets,
            mounts=plan.mounts,
        )
        for turn in range(plan.rounds)
        for number, name in enumerate(names)
        for variant in plan.file_systems or there
    )


def record_trees(plan: RecordPlan, *, checker: Checker, say: Say) -> Recorded:
    """Record what a plan says; root only.

    Args:
        plan: what to record.
        checker: what holds each run against the models.
        say: called with a line for each run.

    Raises:
        UsageError: a name means nothing, or the directory is no directory.
        Inconclusive: the machine cannot record real file systems, or not one that is named.
        HarnessFault: a session ended for no reason that it gave, or a file cannot be written.
    """
    tasks = tasks_of(plan)
    need()
    for name in plan.file_systems:
        need(VARIANTS[name])
    try:
        plan.directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"{plan.directory} cannot be made: {problem.strerror}") from None
    missing: list[str] = []
    for line in _sessions(tasks, plan):
        form = json.loads(line)
        if FAULT in form:
            task = RecordTask(**form["task"])
            reason = str(form[FAULT]).splitlines()[0]
            missing.append(f"{task.workload} on {task.variant}: {reason}")
            say(f"not recorded: {missing[-1]}")
        else:
            say(_kept(line, plan.directory, checker))
    return Recorded(check=checker.result(), missing=tuple(missing))


def _kept(line: bytes, directory: Path, checker: Checker) -> str:
    """Keep a run, hold it against the models, and say what came of it."""
    (run,) = read_runs(line, "a session")
    name = f"{run.file_system}-{run.workload}-{run.background}-{run.seed:016x}{SUFFIX}"
    path = directory / name
    write_file(path, (run,))
    refused = checker.add(run, str(path), 0)
    return (
        f"{run.file_system:<15}{run.workload}, background {run.background}: {run.cuts:,} cuts, "
        f"{run.mounts:,} mounts, {len(run.trees):,} trees, {refused:,} refused"
    )


def _sessions(tasks: Sequence[RecordTask], plan: RecordPlan) -> Iterator[bytes]:
    """Yield what the sessions answer, as it comes; each takes one task after the other.

    The processes are started here and not in the threads that talk to them: each ends with the
    thread that has started it.
    """
    deadline = None if plan.seconds is None else time.monotonic() + plan.seconds
    waiting: queue.SimpleQueue[RecordTask] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    answers: queue.Queue[bytes | None] = queue.Queue(_ANSWERS)
    processes = [
        start_isolated(ENTRY, takes_input=True)
        for _ in range(min(plan.jobs, len(tasks), MOST_SESSIONS))
    ]
    for process in processes:
        threading.Thread(target=_talk, args=(process, waiting, answers), daemon=True).start()
    try:
        running = len(processes)
        while running:
            answer = _next(answers, deadline)
            if answer is None:
                running -= 1
            elif answer:
                yield answer
            else:
                return
        _check_ends(processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _talk(
    process: "subprocess.Popen[bytes]",
    waiting: "queue.SimpleQueue[RecordTask]",
    answers: "queue.Queue[bytes | None]",
) -> None:
    """Hand a session its tasks, one after the other, until there is none or it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(queue.Empty, BrokenPipeError):
        while True:
            process.stdin.write(packed(waiting.get_nowait()))
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                break
            answers.put(answer)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    answers.put(None)


def _next(answers: "queue.Queue[bytes | None]", deadline: float | None) -> bytes | None:
    """Return the next answer, None where a session has ended, nothing where time is over."""
    try:
        if deadline is None:
            return answers.get()
        return answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return b""


def _check_ends(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        if process.wait():
            raise HarnessFault(
                f"a session of recording ended with {process.returncode}; what it said is above",
                hint="walcrash doctor",
            )
