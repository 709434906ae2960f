"""The state of a campaign: what it has done so far, so that it can go on after it was killed.

It is an SQLite file in the run's directory, written batch by batch and gone when the campaign has
ended. A campaign that goes on draws the same cases as before: what the file has of them is taken
from there, the rest is run, and the event log is written anew from its first line.

While a campaign runs it has the file to itself; a process that is killed lets go of it.

Not here: what a campaign does (`campaign`), findings that are kept for good (`findings.store`).

Source: `sqlite3` of the standard library.
"""

import contextlib
import hashlib
import os
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from walcrash.campaign.state_rows import WrongRow, check_outcomes, check_rows
from walcrash.case.outcome import CaseOutcome
from walcrash.minimise.job import MinimalCase
from walcrash.values.codec import Codec, Refused, dumps
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.finding import FindingState
from walcrash.values.forms import SPARSE, EncodableText, Whole
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.log import FindingReported, StopReason
from walcrash.values.scenario import Scenario
from walcrash.values.version import VERSION

NAME: Final = "state.sqlite"
"""The file's name in a run's directory."""

FORMAT: Final = 3
"""The file's version; another one is refused by name."""

_CODEC: Final = Codec(hint="begin again with walcrash run", takes_surrogates=True)

_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite calls a disk that is full, has failed, or may not be written."""

_TABLES: Final = (
    "create table asked (request text not null, seconds real not null)",
    "create table begun (scenario text primary key, seconds real not null)",
    "create table judged (scenario text, number integer, outcome text not null, "
    "primary key (scenario, number))",
    "create table done (scenario text primary key, reason text not null)",
    "create table minimal (scenario text, failures text, made text not null, "
    "primary key (scenario, failures))",
    "create table reported (scenario text, finding text, change text not null, "
    "line text not null, primary key (scenario, finding))",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a campaign was asked for, so that it can be asked for the same again.

    Attributes:
        version: of walcrash.
        directory: the working directory, which paths are relative to.
        names: the scenarios as they were named; none for all that ship.
        seed: the master seed.
        cases: cases a scenario; None if the command line did not say.
        seconds: the time budget; None if the command line did not say.
        digests: for each scenario's name what it says, and the adapter's or driver's own file.
        plane: the real file system that the images are made from; empty for none.
        confirm: the real file system on which findings are tried as well; empty for none.
        quiet_seconds: a scenario ends when nothing new came for so long; None for no such end.
    """

    version: str
    directory: str
    names: tuple[str, ...]
    seed: EncodableText
    cases: Annotated[int, Whole(1, CASES_PER_SCENARIO)] | None
    seconds: float | None
    digests: tuple[tuple[str, str], ...]
    plane: Annotated[str, SPARSE] = ""
    confirm: Annotated[str, SPARSE] = ""
    quiet_seconds: Annotated[float | None, SPARSE] = None

    @classmethod
    def of(
        cls,
        scenarios: Sequence[Scenario],
        *,
        names: Sequence[str],
        seed: str,
        cases: int | None,
        seconds: float | None,
        plane: str = "",
        confirm: str = "",
        quiet_seconds: float | None = None,
    ) -> Self:
        """Return the request for these loaded scenarios, made here and now."""
        return cls(
            version=VERSION,
            directory=os.getcwd(),
            names=tuple(names),
            seed=seed,
            cases=cases,
            seconds=seconds,
            digests=tuple((scenario.name, _digest(scenario)) for scenario in scenarios),
            plane=plane,
            confirm=confirm,
            quiet_seconds=quiet_seconds,
        )

    def check_place(self, run: str) -> None:
        """See that the campaign can go on here, before its scenarios are loaded.

        Raises:
            UsageError: this is another version, or another directory.
        """
        if self.version != VERSION:
            raise UsageError(
                f"{run} was begun by walcrash {self.version}; this is {VERSION}, "
                "which may draw other cases",
                hint=f"pip install walcrash=={self.version}, or begin again with walcrash run",
            )
        if self.names and self.directory != os.getcwd():
            raise UsageError(
                f"{run} was begun in {self.directory}; this is {os.getcwd()}, and its scenarios "
                "are named from there",
                hint=f"go to {self.directory} and say walcrash run --resume {os.path.abspath(run)}",
            )

    def check_scenarios(self, scenarios: Sequence[Scenario], run: str) -> None:
        """See that the scenarios, now loaded again, are what they were.

        Raises:
            UsageError: one has changed, or there are more or fewer.
        """
        now = {scenario.name: _digest(scenario) for scenario in scenarios}
        before = dict(self.digests)
        changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if changed:
            raise UsageError(
                f"{run} cannot go on: {', '.join(changed[:3])} or its subject has changed since "
                "it was begun; its verdict would be about two different things",
                hint=f"begin again: {self._command()}",
            )

    def _command(self) -> str:
        """Return the command that asks for the same."""
        budget = [] if self.cases is None else ["--cases", str(self.cases)]
        budget += [] if self.seconds is None else ["--time", f"{self.seconds:g}s"]
        if self.quiet_seconds is not None:
            budget += ["--until-quiet", f"{self.quiet_seconds:g}s"]
        budget += [*(("--plane", self.plane) if self.plane else ())]
        budget += [*(("--confirm", self.confirm) if self.confirm else ())]
        return shlex.join(["walcrash", "run", *self.names, "--seed", self.seed, *budget])


class CampaignState:
    """What one campaign has done so far; made by `begin` or `resume`.

    Attributes:
        request: what was asked for.
        seconds: how long the campaign has run so far, in earlier processes.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, request: Request) -> None:
        self.request = request
        self.seconds = 0.0
        self._path = path
        self._connection = connection

    @classmethod
    def begin(cls, directory: str, request: Request) -> Self:
        """Make the state of a new campaign.

        Args:
            directory: the run's, which is there.
            request: what was asked for.

        Raises:
            HarnessFault: it cannot be written.
        """
        path = os.path.join(directory, NAME)
        with _faults(path), contextlib.ExitStack() as failed:
            connection = _connect(path)
            failed.callback(connection.close)
            with connection:
                # All of it or nothing: a process may be killed between two of these.
                connection.execute("begin exclusive")
                for table in _TABLES:
                    connection.execute(table)
                asked = _CODEC.to_text(request)
                connection.execute("insert into asked values (?, 0)", (asked,))
                connection.execute(f"pragma user_version = {FORMAT}")
            failed.pop_all()
        return cls(path, connection, request)

    @classmethod
    def resume(cls, directory: str) -> Self:
        """Open the state of a campaign that has not ended.

        Raises:
            UsageError: there is none, it is in use, or it is of another version.
            HarnessFault: its rows are not those of a campaign that was asked for this.
        """
        path = os.path.join(directory, NAME)
        if not os.path.isfile(path):
            raise _nothing_there(directory)
        try:
            connection = _connect(path)
            with connection:
                connection.execute("begin exclusive")
                (version,) = connection.execute("pragma user_version").fetchone()
                if version == 0 and not os.path.getsize(path) and _is_alone(directory):
                    raise _not_begun(directory)
                if version != FORMAT:
                    raise UsageError(
                        f"{path} has format {version}; this walcrash reads format {FORMAT}",
                        hint="begin again with walcrash run",
                    )
                rows = connection.execute("select request, seconds from asked").fetchall()
                if len(rows) != 1:
                    raise WrongRow(f"asked: found {len(rows)} rows; allowed: one")
                ((text, seconds),) = rows
            request = _CODEC.from_text(Request, text, "request")
            seconds = _number(seconds)
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem):
                raise _unreadable(path, problem) from None
            raise UsageError(
                f"{directory} is still running: another process has its state",
                hint="wait for it, or stop it",
            ) from None
        except (sqlite3.Error, Refused, ValueError, TypeError) as problem:
            raise _unreadable(path, problem) from None
        with _faults(path), contextlib.ExitStack() as failed:
            # Before anything is written: a log that is there stays as it is.
            failed.callback(connection.close)
            check_rows(connection, dict(request.digests))
            failed.pop_all()
        state = cls(path, connection, request)
        state.seconds = seconds
        return state

    def begin_scenario(self, scenario: str) -> float:
        """Say that a scenario begins, or goes on; return how long it ran in earlier processes.

        It is asked for before anything of this process is kept.
        """
        with _faults(self._path), self._connection as connection:
            connection.execute(
                "insert or ignore into begun values (?, ?)", (scenario, self.seconds)
            )
            query = "select seconds from begun where scenario = ?"
            (begun,) = connection.execute(query, (scenario,)).fetchone()
            return max(0.0, self.seconds - _number(begun))

    def judged(self, scenario: str, *, most: int) -> list[CaseOutcome]:
        """Return the cases of a scenario that were judged before, from the first without a hole.

        Args:
            scenario: its name.
            most: how many cases it has at most.

        Raises:
            HarnessFault: the file cannot be read, or has other cases.
        """
        with _faults(self._path):
            rows = self._connection.execute(
                "select outcome from judged where scenario = ? order by number", (scenario,)
            ).fetchall()
            if len(rows) > most:
                raise WrongRow(f"found {len(rows)} cases of {scenario}; allowed: at most {most}")
            outcomes = [_CODEC.from_text(CaseOutcome, text, "outcome") for (text,) in rows]
            check_outcomes(outcomes, scenario, self.request.seed)
            return outcomes

    def add_judged(
        self, scenario: str, number: int, outcomes: Sequence[CaseOutcome], seconds: float
    ) -> None:
        """Keep cases that have come back.

        Args:
            scenario: its name.
            number: how many of its cases came before these.
            outcomes: the cases, in order.
            seconds: how long the campaign has run, all processes together.

        Raises:
            HarnessFault: the file cannot be written.
        """
        rows = [
            (scenario, at, _CODEC.to_text(outcome))
            for at, outcome in enumerate(outcomes, start=number)
        ]
        with _faults(self._path), self._connection as connection:
            connection.executemany("insert or replace into judged values (?, ?, ?)", rows)
            connection.execute("update asked set seconds = ?", (seconds,))

    def is_begun(self, scenario: str) -> bool:
        """Whether a scenario has begun."""
        with _faults(self._path):
            query = "select 1 from begun where scenario = ?"
            return self._connection.execute(query, (scenario,)).fetchone() is not None

    def why_done(self, scenario: str) -> StopReason | None:
        """Return why a scenario gets no more cases; None if it does."""
        with _faults(self._path):
            query = "select reason from done where scenario = ?"
            row = self._connection.execute(query, (scenario,)).fetchone()
            return None if row is None else StopReason(row[0])

    def set_done(self, scenario: str, reason: StopReason) -> None:
        """Say that a scenario gets no more cases, and why."""
        with _faults(self._path), self._connection as connection:
            connection.execute(
                "insert or replace into done values (?, ?)", (scenario, reason.value)
            )

    def minimal(self, scenario: str, group: str) -> MinimalCase | None:
        """Return what a group of failing cases was minimised to, where it was."""
        with _faults(self._path):
            query = "select made from minimal where scenario = ? and failures = ?"
            row = self._connection.execute(query, (scenario, group)).fetchone()
            return None if row is None else _CODEC.from_text(MinimalCase, row[0], "minimal case")

    def add_minimal(self, scenario: str, group: str, made: MinimalCase) -> None:
        """Keep what a group of failing cases was minimised to."""
        row = (scenario, group, _CODEC.to_text(made))
        with _faults(self._path), self._connection as connection:
            connection.execute("insert or replace into minimal values (?, ?, ?)", row)

    def reported(self, scenario: str, finding: str) -> tuple[FindingReported, FindingState] | None:
        """Return a finding's line, and what became of it, where it was reported before."""
        with _faults(self._path):
            row = self._connection.execute(
                "select line, change from reported where scenario = ? and finding = ?",
                (scenario, finding),
            ).fetchone()
            if row is None:
                return None
            line, change = _CODEC.from_text(FindingReported, row[0], "line"), FindingState(row[1])
            if (line.finding.scenario, line.finding.id) != (scenario, finding):
                raise WrongRow(
                    f"reported.line: found {line.finding.id} of {line.finding.scenario}; "
                    f"allowed: {finding} of {scenario}"
                )
            return line, change

    def add_reported(self, line: FindingReported, change: FindingState) -> None:
        """Keep the line of a finding that was minimised and replayed, and what became of it."""
        finding = line.finding
        row = (finding.scenario, finding.id, change.value, _CODEC.to_text(line))
        with _faults(self._path), self._connection as connection:
            connection.execute("insert or replace into reported values (?, ?, ?, ?)", row)

    def end(self) -> None:
        """Take the file away: the campaign has ended."""
        self.close()
        for suffix in ("", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path + suffix)

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._connection.close()


def _nothing_there(directory: str) -> UsageError:
    """Return why there is no state in a directory."""
    if os.path.isdir(directory) and not os.listdir(directory):
        return _not_begun(directory)
    return UsageError(
        f"{directory} has no {NAME}: the run has ended, or this is no run's directory",
        hint=f"walcrash report {directory} shows what a run has found",
    )


def _is_alone(directory: str) -> bool:
    """Whether nothing but a state was written to a run's directory: a log shows that it began."""
    own = (NAME, f"{NAME}-journal")
    with os.scandir(directory) as entries:
        return all(each.name in own or not each.stat().st_size for each in entries)


def _not_begun(directory: str) -> UsageError:
    return UsageError(
        f"{directory} was stopped before the run had begun: nothing says what was asked for",
        hint="begin again with walcrash run",
    )


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0)
    # From its first transaction on the process has the file to itself until it is gone.
    connection.execute("pragma locking_mode = exclusive")
    return connection


@contextlib.contextmanager
def _faults(path: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, Refused, ValueError, TypeError) as problem:
        is_disk = getattr(problem, "sqlite_errorcode", None) in _DISK
        raise HarnessFault(
            f"the campaign's state {path} cannot be used: {_why(problem)}",
            hint="free some space, or name another directory with --runs"
            if is_disk
            else _CODEC.hint,
        ) from None


def _unreadable(path: str, problem: Exception) -> UsageError:
    return UsageError(f"{path} cannot be read: {_why(problem)}", hint=_CODEC.hint)


def _why(problem: Exception) -> str:
    return problem.message if isinstance(problem, Refused) else str(problem)


def _number(value: object) -> float:
    if not isinstance(value, float) or not 0 <= value < float("inf"):
        raise ValueError(f"found {value!r} where seconds belong")
    return value


def _digest(scenario: Scenario) -> str:
    """Return what a scenario says, its adapter's or driver's own file too, in few digits.

    What an adapter imports is not compared.
    """
    found = hashlib.blake2b(dumps(_CODEC.to_json(scenario), is_sorted=True).encode())
    subject = scenario.subject
    for word in (subject.adapter.rpartition(":")[0], *subject.driver):
        if os.path.isfile(word):
            with open(word, "rb") as file:
                found.update(hashlib.file_digest(file, "blake2b").digest())
    return found.hexdigest()[:32]
