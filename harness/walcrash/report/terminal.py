"""Progress while a run lasts: a live bar on a terminal, one line per 10 s on anything else.

All of it goes to stderr; stdout is for results. A terminal is one that can move its cursor:
with `CI` set, with `TERM=dumb`, or where stderr is a file, the lines are used. `NO_COLOR`
takes the colours and leaves the bar.

There is no thread that redraws: a run forks, and a fork while a thread runs can inherit a
lock that nobody will ever release. So the picture changes when a log line comes, and while the
campaign waits for its jobs.

Source: https://no-color.org; the variable CI is set by GitHub, GitLab and most others.
"""

import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from walcrash.report.output import is_terminal
from walcrash.report.text import counted, escape
from walcrash.values.activity import CASES, Activity, Step
from walcrash.values.log import (
    CampaignEnded,
    CaseJudged,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
)
from walcrash.values.verdict import Verdict

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

# limits
LINE_SECONDS = 10.0
"""Between two lines where there is no terminal."""

REDRAW_SECONDS = 0.1
"""Between two pictures on a terminal."""

STOPPING = "stopping; once more to stop at once"

Clock = Callable[[], float]


class Progress(Protocol):
    """Something that gets every line, between `start` and `stop`."""

    def start(self) -> None:
        """Begin to show."""

    def show(self, line: LogLine) -> None:
        """Take in the next line."""

    def wait(self, activity: Activity) -> None:
        """Take in what is done while no line comes."""

    def stopping(self) -> None:
        """Somebody asked to stop; called from a signal handler."""

    def stop(self) -> None:
        """Leave the terminal as it was; may be called twice."""


def open_progress(
    stream: TextIO,
    environment: Mapping[str, str],
    *,
    case_counts: Mapping[str, int | None],
    seconds: float | None,
    color: bool = True,
    clock: Clock = time.monotonic,
) -> Progress:
    """Return the progress that suits the stream.

    Args:
        stream: stderr.
        environment: the environment variables.
        case_counts: for each scenario's name, how many cases it may run; None where no number
            ends it.
        seconds: the campaign's time budget, if it has one.
        color: False takes the colours.
        clock: seconds that only grow.
    """
    counts = _Counts(case_counts, seconds, clock)
    if is_terminal(stream, environment):
        return LiveProgress(stream, counts, color=color and not environment.get("NO_COLOR"))
    return LineProgress(stream, counts)


class _Counts:
    """How far a run is, and how long it may still take."""

    def __init__(
        self, case_counts: Mapping[str, int | None], seconds: float | None, clock: Clock
    ) -> None:
        self._clock = clock
        self._began = clock()
        self.case_counts = dict(case_counts)
        self.seconds = seconds
        self.scenario = next(iter(case_counts), "")
        self.cases_of: Counter[str] = Counter()
        self.cases = 0
        self.failed = 0
        self._new_kinds: deque[tuple[float, int]] = deque()
        self.findings: set[str] = set()
        self._ended_scenarios: set[str] = set()
        self._cases_of_ended = 0
        self.activity = CASES

    def add(self, line: LogLine) -> None:
        match line:
            case ScenarioStarted():
                self.scenario = line.scenario
            case CaseJudged():
                self.scenario = line.scenario
                self.cases += 1
                self.cases_of[line.scenario] += 1
                self.failed += line.verdict is Verdict.FAIL
                if line.states:
                    self._new_kinds.append((self.now, line.new_kinds))
            case FindingReported() if not line.finding.is_portability:
                self.findings.add(line.finding.id)
            case ScenarioEnded():
                self.activity = CASES
                self._ended_scenarios.add(line.scenario)
                self._cases_of_ended += self.cases_of[line.scenario]
            case _:
                pass

    @property
    def now(self) -> float:
        return self._clock()

    @property
    def elapsed(self) -> float:
        return self._clock() - self._began

    @property
    def total(self) -> int | None:
        """Cases in all: what ended scenarios ran, and what the others may run; None: no number."""
        left = total_cases(
            count for name, count in self.case_counts.items() if name not in self._ended_scenarios
        )
        return None if left is None else self._cases_of_ended + left

    @property
    def rate(self) -> float:
        return self.cases / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The sooner of both budgets' ends; None while nothing is known."""
        ends = []
        if self.seconds is not None:
            ends.append(max(self.seconds - self.elapsed, 0.0))
        # What minimising takes is not known from how long the cases took.
        if self.cases and self.total is not None and self.activity.step is Step.CASES:
            ends.append(max(self.total - self.cases, 0) / self.rate)
        return min(ends) if ends else None

    @property
    def new_kinds_rate(self) -> float | None:
        """New kinds of states a second, of late; None where no case searched."""
        if not self._new_kinds:
            return None
        since = max(self._began, self.now - LINE_SECONDS)
        while len(self._new_kinds) > 1 and self._new_kinds[0][0] < since:
            self._new_kinds.popleft()
        seconds = self.now - since
        return sum(new for _, new in self._new_kinds) / seconds if seconds > 0 else None

    def status(self) -> str:
        """Return `43.1 cases/s, 3 new kinds/s, 12 failed, 1 finding, 0:08 left`.

        Before the first case of a scenario it is said in place of the rates what goes on then.
        How many findings failing cases come to is known when they are minimised, so that nothing
        that is counted here ever gets less.
        """
        failed = [f"{self.failed:,} failed"] if self.failed else []
        found = counted(len(self.findings), "finding") if self.findings else "no findings"
        known = [found] if self.findings or not self.failed else []
        left = self.seconds_left
        rate = self.new_kinds_rate
        new = [] if rate is None else [f"{rate:,.1f} new kinds/s"]
        rates = [f"{self.rate:,.1f} cases/s", *new]
        if not self.cases_of[self.scenario] and self.scenario not in self._ended_scenarios:
            rates = ["trying it without a crash"]
        doing = [activity_text(self.activity)] if self.activity.step is not Step.CASES else rates
        text = ", ".join((*doing, *failed, *known))
        return text if left is None else f"{text}, {minutes(left)} left"


def activity_text(activity: Activity) -> str:
    """Return `minimising: 2 of 9 groups of failing cases done, 310 tries`; empty for cases."""
    done = f"{activity.done:,} of {activity.of:,}"
    match activity.step:
        case Step.MINIMISING:
            tries = f", {counted(activity.tries, 'try', 'tries')}" if activity.tries else ""
            return f"minimising: {done} groups of failing cases done{tries}"
        case Step.REPLAYING:
            return f"replaying: {done} findings done"
        case Step.CASES:
            return ""


def minutes(seconds: float) -> str:
    """Return `0:08` or `1:02:03`."""
    whole = int(seconds + 0.5)
    rest = f"{whole // 60 % 60}:{whole % 60:02d}"
    return rest if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def total_cases(counts: Iterable[int | None]) -> int | None:
    """Return how many cases these are; None where one of them has no number."""
    every = list(counts)
    known = [count for count in every if count is not None]
    return sum(known) if len(known) == len(every) else None


def _of(cases: int, total: int | None) -> str:
    return f"{cases:,}" if total is None else f"{cases:,} of {total:,}"


class LineProgress:
    """One line at least `LINE_SECONDS` after the one before."""

    def __init__(self, stream: TextIO, counts: _Counts) -> None:
        self._stream = stream
        self._counts = counts
        self._last = counts.now

    def start(self) -> None:
        """Nothing to show before the first line."""

    def show(self, line: LogLine) -> None:
        """Write a line if it is time for one."""
        self._counts.add(line)
        if not isinstance(line, CampaignEnded):
            self._write_if_due()

    def wait(self, activity: Activity) -> None:
        """Write a line if it is time for one: what is done may take long."""
        self._counts.activity = activity
        self._write_if_due()

    def _write_if_due(self) -> None:
        counts = self._counts
        if counts.now - self._last < LINE_SECONDS:
            return
        self._last = counts.now
        with contextlib.suppress(OSError):  # that nobody reads this is no reason to stop
            self._stream.write(
                f"{escape(counts.scenario)}: {_of(counts.cases, counts.total)} cases in "
                f"{minutes(counts.elapsed)}, {counts.status()}\n"
            )
            self._stream.flush()

    def stopping(self) -> None:
        """Say so at once, past the stream's buffer, which the interrupted code may be filling."""
        with contextlib.suppress(OSError, ValueError):
            os.write(self._stream.fileno(), f"{STOPPING}\n".encode())

    def stop(self) -> None:
        """Nothing to take away."""


class LiveProgress:
    """A bar over all cases and one over the running scenario's; gone when the run ends."""

    def __init__(self, stream: TextIO, counts: _Counts, *, color: bool) -> None:
        self._counts = counts
        self._drawn = counts.now - REDRAW_SECONDS
        self._is_stopping = False
        self._bars, self._all, self._one = _bars(stream, color=color)

    def start(self) -> None:
        """Draw the first picture; the cursor is hidden from here on."""
        self._bars.start()

    def show(self, line: LogLine) -> None:
        """Take in a line; redraw if the last picture is old enough."""
        self._counts.add(line)
        self._draw_if_due()

    def wait(self, activity: Activity) -> None:
        """Redraw if the last picture is old enough: what is done may take long."""
        self._counts.activity = activity
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        if self._counts.now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = self._counts.now
        self._draw()

    def _draw(self) -> None:
        counts = self._counts
        self._bars.update(
            self._all,
            completed=counts.cases,
            total=None if counts.total is None else max(counts.total, 1),
            status=STOPPING if self._is_stopping else counts.status(),
        )
        self._bars.update(
            self._one,
            description=escape(counts.scenario),
            completed=counts.cases_of[counts.scenario],
            total=counts.case_counts.get(counts.scenario),
            visible=len(counts.case_counts) > 1 and bool(counts.scenario),
        )
        self._bars.refresh()

    def stopping(self) -> None:
        """Say so in the next picture; drawing from a signal handler could tear this one."""
        self._is_stopping = True
        self._drawn = float("-inf")

    def stop(self) -> None:
        """Take the picture away and show the cursor."""
        self._bars.stop()


def _bars(stream: TextIO, *, color: bool) -> "tuple[RichProgress, TaskID, TaskID]":
    # rich takes 80 ms to import, which a run without a terminal need not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    console = Console(file=stream, force_terminal=True, no_color=not color, highlight=False)
    bars = RichProgress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=30),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn(
            "{task.fields[status]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis"),
        ),
        console=console,
        auto_refresh=False,
        transient=True,
        # The worker processes inherit stdout and stderr as they are.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    every = bars.add_task("all scenarios", total=None, status="")
    one = bars.add_task("", total=None, status="", visible=False)
    return bars, every, one
