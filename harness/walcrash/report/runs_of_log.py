"""From an event log to the directory that keeps its run's findings.

A log names no directory, so that the same seed gives the same bytes. One in a run's directory
lies below the store. One that `--log` wrote elsewhere has a twin there, with the same bytes: it
is looked for beside the log and where commands look by themselves.

Not here: what is kept (`findings.store`, which this room does not know).
"""

import filecmp
import os
from collections.abc import Iterator
from itertools import islice
from typing import Final

from walcrash.report.finding_text import DEFAULT_RUNS
from walcrash.report.log_reader import STDIN
from walcrash.report.run_directory import EVENTS
from walcrash.values.finding import STORE_NAME

# limits
ENTRIES: Final = 1_000
"""Most entries of one directory that are looked at."""


def runs_of_log(path: str) -> str | None:
    """Return the directory of runs that a log belongs to, as seen from here.

    Args:
        path: the log, or the directory of a run; `-` is stdin.

    Returns:
        A path that begins as `path` does; None if there is no such directory.
    """
    if path == STDIN:
        return None
    log = os.path.join(path, EVENTS) if os.path.isdir(path) else path
    directory = os.path.dirname(log)
    above = os.path.normpath(os.path.join(directory, os.pardir))
    if _has_store(above) and os.path.basename(log) == EVENTS:
        return above
    return next((runs for runs in _near(directory) if _has_twin(runs, log)), None)


def _near(directory: str) -> Iterator[str]:
    """Yield the directories that keep findings: below a log's, and the default one."""
    for child in _directories(directory):
        yield from (each for each in (child, *_directories(child)) if _has_store(each))
    if _has_store(DEFAULT_RUNS):
        yield DEFAULT_RUNS


def _directories(path: str) -> list[str]:
    try:
        with os.scandir(path or os.curdir) as entries:
            names = [each.name for each in islice(entries, ENTRIES) if each.is_dir()]
    except OSError:
        return []
    return [os.path.join(path, name) for name in sorted(names)]


def _has_store(path: str) -> bool:
    return os.path.isfile(os.path.join(path, STORE_NAME))


def _has_twin(runs: str, log: str) -> bool:
    return any(_is_twin(os.path.join(run, EVENTS), log) for run in _directories(runs))


def _is_twin(other: str, log: str) -> bool:
    try:
        return filecmp.cmp(other, log, shallow=False)
    except OSError:
        return False
