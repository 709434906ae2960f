"""The directory of one run: `<runs>/<time>-<seed>/` with `events.ndjson` and its reports.

It is made before anything runs, so a place that cannot be written to is found at once. The
runs directory ignores itself in git where we made it. A report is written under another name and
renamed: it is there as a whole or not at all.
"""

import contextlib
import datetime
import errno
import os
import re
import shlex
import shutil

from walcrash.values.errors import HarnessFault, UsageError

# limits
SLUG_CHARACTERS = 40
"""How much of a seed goes into a directory's name."""

NAMES_TRIED = 1_000
"""How many runs may begin in one second with one seed."""

EVENTS = "events.ndjson"
"""The event log's name in a run's directory."""

ENVIRONMENT = "WALCRASH_RUNS"
"""Names another runs directory than the default."""


class RunDirectory:
    """One run's directory, made by `create`, or there already for a run that goes on."""

    def __init__(self, path: str, *, is_new: bool = False) -> None:
        self.path = path
        self._is_new = is_new

    @classmethod
    def create(
        cls, runs: str, seed: str, *, now: datetime.datetime | None = None
    ) -> "RunDirectory":
        """Make a new directory below `runs`, and `runs` itself where it is missing.

        Args:
            runs: the directory that holds all runs.
            seed: the run's seed; what a file name can hold of it goes into the name.
            now: the time, in UTC; None for what the clock says.

        Raises:
            UsageError: the directory cannot be made or written to.
        """
        try:
            _make_runs(runs)
            moment = now or datetime.datetime.now(datetime.UTC)
            return cls(_make_unique(os.path.join(runs, run_name(seed, moment))), is_new=True)
        except OSError as problem:
            raise UsageError(
                f"runs are kept in {runs}, which cannot be written to: {problem.strerror}",
                hint=f"name another directory with --runs DIR or {ENVIRONMENT}=DIR",
            ) from None

    @property
    def events(self) -> str:
        """The path of the event log."""
        return os.path.join(self.path, EVENTS)

    @property
    def report(self) -> str:
        """The path of the Markdown report."""
        return os.path.join(self.path, "report.md")

    @property
    def page(self) -> str:
        """The path of the HTML report."""
        return os.path.join(self.path, "report.html")

    def discard(self) -> None:
        """Take a new directory away again, since nothing has run; one that was there stays."""
        if self._is_new:
            shutil.rmtree(self.path, ignore_errors=True)


def write_whole(path: str, text: str) -> None:
    """Write a report: it is there as a whole or not at all.

    Raises:
        UsageError: there is a directory of that name.
        HarnessFault: the disk is full or failed; nothing is left of it.
    """
    unfinished = f"{path}.part"
    try:
        if os.path.isdir(path):
            raise UsageError(
                f"the report {path} could not be written: it is a directory",
                hint=f"name a file: {shlex.quote(os.path.join(path, 'report'))}",
            )
        with open(unfinished, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(unfinished, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise HarnessFault(
            f"the report {path} could not be written: {problem.strerror}",
            hint=_write_hint(path, problem),
        ) from None


def _write_hint(path: str, problem: OSError) -> str:
    directory = shlex.quote(os.path.dirname(path) or os.curdir)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"free some space (df {directory}), or name another place"
    if problem.errno == errno.EIO:
        return f"dmesg | tail shows whether the disk failed; df {directory}"
    return f"ls -ld {directory} shows whose it is; or name a file in another directory"


def run_name(seed: str, now: datetime.datetime) -> str:
    """Return `20261123T074815Z-3f9c2ab`: sorts by time, and is a plain file name."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", seed)[:SLUG_CHARACTERS].strip("-.")
    return f"{now:%Y%m%dT%H%M%SZ}-{slug or 'seed'}"


def _make_runs(runs: str) -> None:
    try:
        os.makedirs(runs)
    except FileExistsError:
        if not os.path.isdir(runs):
            raise
        return
    ignore = os.path.join(runs, ".gitignore")
    try:
        with open(ignore, "x", encoding="ascii") as file:
            file.write("*\n")
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(ignore)
        raise


def _make_unique(path: str) -> str:
    for attempt in range(1, NAMES_TRIED + 1):
        candidate = path if attempt == 1 else f"{path}-{attempt}"
        try:
            os.mkdir(candidate)
        except FileExistsError:
            continue
        return candidate
    raise OSError(0, f"{NAMES_TRIED} runs of this name are there already")
