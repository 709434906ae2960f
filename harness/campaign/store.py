"""The store: findings in an embedded SQLite file, each an explicit case and not a seed.

A finding survives upgrades, since the case holds all that is needed to run it. A bug that is
found again replaces its older case. Several campaigns may write at the same time.

Source: `sqlite3` of the standard library.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.campaign.case_file import StoredCase, stored_case_from_json
from harness.values.errors import UsageError
from harness.values.finding import Finding
from harness.values.verdict import Invariant

FORMAT: Final = 1
"""The store's version; a newer one is refused by name."""

NAME: Final = "walcrash.sqlite"

_WAIT_SECONDS: Final = 30.0

_COLUMNS: Final = (
    "id, scenario, scenario_path, master_seed, case_index, invariant, seen, cases, stored"
)

Row = tuple[str, str, str, str, int, str, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFinding:
    """A finding as it was kept: where it came from, what it broke, and its case."""

    id: str
    scenario: str
    scenario_path: str
    master_seed: str
    case_index: int
    invariant: Invariant
    seen: int
    cases: int
    stored: StoredCase


class Store:
    """The findings of one folder of runs."""

    def __init__(self, runs: Path) -> None:
        self._path = runs / NAME

    def keep(self, finding: Finding, stored: str) -> None:
        """Keep a finding with the stored form of its case (JSON).

        Raises:
            UsageError: the file is of a newer version, is no store, or cannot be written.
        """
        with self._open() as connection:
            connection.execute(
                f"insert or replace into finding ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
                (
                    finding.id,
                    finding.scenario,
                    finding.scenario_path,
                    finding.master_seed,
                    finding.case_index,
                    finding.violations[0].invariant.value,
                    finding.seen,
                    finding.cases,
                    stored,
                ),
            )

    def find(self, reference: str) -> KeptFinding:
        """Return a finding by its id or the beginning of it.

        Raises:
            UsageError: there is none, or more than one; or the store cannot be read.
        """
        rows = self._rows(reference)
        if len(rows) == 1:
            return _read(rows[0])
        known = ", ".join(row[0] for row in rows[:8] or self._rows("")[:8]) or "none"
        what = "more than one" if rows else "no finding"
        raise UsageError(
            f"`{reference}`: {what} in {self._path}; there: {known}",
            hint="walcrash run, or --runs DIR if the findings are elsewhere",
        )

    def _rows(self, beginning: str) -> list[Row]:
        if not self._path.is_file():
            return []
        with self._open() as connection:
            return connection.execute(
                f"select {_COLUMNS} from finding where substr(id, 1, ?) = ? order by id",  # noqa: S608 - our own columns
                (len(beginning), beginning),
            ).fetchall()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
            with contextlib.closing(connection):
                self._check(connection)
                with connection:
                    yield connection
        except (sqlite3.Error, OSError) as problem:
            raise UsageError(
                f"the findings in {self._path} cannot be used: {problem}",
                hint=f"move {self._path} away, or --runs DIR",
            ) from None

    def _check(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version > FORMAT:
            raise UsageError(
                f"{self._path} has format {version}; this walcrash reads format {FORMAT}",
                hint="pip install --upgrade walcrash",
            )
        if version == 0:
            with connection:
                connection.execute(
                    "create table if not exists finding (id text primary key, scenario text, "
                    "scenario_path text, master_seed text, case_index integer, invariant text, "
                    "seen integer, cases integer, stored text)"
                )
                connection.execute(f"pragma user_version = {FORMAT}")


def _read(row: Row) -> KeptFinding:
    return KeptFinding(
        id=row[0],
        scenario=row[1],
        scenario_path=row[2],
        master_seed=row[3],
        case_index=row[4],
        invariant=Invariant(row[5]),
        seen=row[6],
        cases=row[7],
        stored=stored_case_from_json(json.loads(row[8])),
    )
