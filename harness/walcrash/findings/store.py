"""The store: findings in an embedded SQLite file, each an explicit case and not a seed.

A finding survives upgrades, since the case holds all that is needed to run it. A bug that is
found again replaces its older case. A subject is sought where the store is
now (`place`). Several campaigns may write at the same time.

A finding is new once, again while it keeps failing, fixed when its kept case passes, and back
when it fails after that.

Source: `sqlite3` of the standard library.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from walcrash.findings.former_ids import IdScheme, id_by_text, is_same_now
from walcrash.findings.place import found_again
from walcrash.findings.store_errors import damaged, store_error
from walcrash.findings.store_file import is_there
from walcrash.findings.store_upgrade import CREATE, FINDINGS, FORMAT, UNREADABLE, upgrade
from walcrash.values.case_file import StoredCase, stored_case_from_text, stored_case_to_text
from walcrash.values.errors import UsageError
from walcrash.values.finding import STORE_NAME, Finding, FindingState
from walcrash.values.verdict import Invariant

NAME: Final = STORE_NAME

_WAIT_SECONDS: Final = 30.0
"""How long another process that keeps a finding is waited for."""

_CHECK_SECONDS: Final = 5.0
"""How long it is waited for before a campaign."""

_COLUMNS: Final = "id, scenario, id_scheme, state, finding, stored, origin, evidence, former, place"

_SCHEMES: Final = frozenset(scheme.value for scheme in IdScheme)

_STATES: Final = frozenset(state.value for state in FindingState)

Row = tuple[str, str, int, str, str, str, str, str, str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFinding:
    """A finding as it was kept.

    Attributes:
        finding: as it was reported last.
        state: what became of it since it was first seen.
        stored: its minimal case.
        origin: the campaign's own case, which the minimal one was made from.
        evidence: a run of the minimal case, packed (`evidence.unpack`), where it did not fail in
            every replay; else empty.
        former_ids: the ids that older versions kept it under, each as a finding of its own.
    """

    finding: Finding
    state: FindingState
    stored: StoredCase
    origin: StoredCase
    evidence: str = ""
    former_ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The finding's id."""
        return self.finding.id

    @property
    def invariant(self) -> Invariant:
        """The invariant that the finding is named for."""
        return self.finding.worst.invariant


class Store:
    """The findings of one directory of runs."""

    def __init__(self, runs: Path) -> None:
        self._path = runs / STORE_NAME
        self._directory = runs.resolve()

    def keep(
        self, finding: Finding, stored: StoredCase, origin: StoredCase, *, evidence: str = ""
    ) -> FindingState:
        """Keep a finding with its minimal case and the campaign's own.

        Args:
            finding: as it is reported.
            stored: the minimal case.
            origin: the campaign's own.
            evidence: packed, of a run of the minimal case, where it may not fail again.

        Returns:
            New, again, or back after it was fixed.

        Raises:
            UsageError: the file is of a newer version, is no store, or cannot be written.
        """
        with self._open() as connection:
            found = connection.execute(
                "select state, former from finding where id = ?", (finding.id,)
            ).fetchone() or _take_over(connection, finding, stored)
            state, former = FindingState.NEW, None
            if found is not None:
                is_back = FindingState(found[0]) is FindingState.FIXED
                state, former = FindingState.BACK if is_back else FindingState.AGAIN, found[1]
            text = FINDINGS.to_text(finding)
            connection.execute(
                "insert or replace into finding "
                "(id, scenario, state, finding, stored, origin, evidence, former, id_scheme, "
                "place) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    finding.id,
                    finding.scenario,
                    state.value,
                    text,
                    stored_case_to_text(stored),
                    stored_case_to_text(origin),
                    evidence,
                    former,
                    IdScheme.CAUSE_AS_FACTS,
                    str(self._directory),
                ),
            )
        return state

    def set_state(self, finding_id: str, state: FindingState) -> None:
        """Say what became of a finding.

        Raises:
            UsageError: as `keep`.
        """
        with self._open() as connection:
            connection.execute(
                "update finding set state = ? where id = ?", (state.value, finding_id)
            )

    def all(self, *, scenario: str | None = None) -> list[KeptFinding]:
        """Return the findings, of one scenario if one is named, by scenario and id.

        Raises:
            UsageError: the store cannot be read.
        """
        where, values = ("where scenario = ?", (scenario,)) if scenario is not None else ("", ())
        return [self._read(row) for row in self._rows(f"{where} order by scenario, id", values)]

    def find(self, reference: str) -> KeptFinding:
        """Return a finding by its id, or the one that it had before, or the beginning of one.

        Raises:
            UsageError: there is none, or more than one; or the store cannot be read.
        """
        begins = "where substr(id, 1, ?1) = ?2 or instr(' ' || former, ' ' || ?2) order by id"
        rows = self._rows(begins, (len(reference), reference))
        if len(rows) == 1:
            return self._read(rows[0])
        if not rows:
            self._check_readable(reference)
        there = rows or self._rows("order by id", ())
        known = ", ".join(self._read(row).id for row in there[:8]) or "none"
        what = "more than one" if rows else "no finding"
        raise UsageError(
            f"`{reference}`: {what} in {self._path}; there: {known}",
            hint="walcrash run, or --runs DIR if the findings are in another directory",
        )

    def _check_readable(self, reference: str) -> None:
        """Say why a finding that an older walcrash kept is not there any more, if it is not."""
        if not is_there(self._path):
            return
        with self._open() as connection:
            row = connection.execute(
                "select id, why from unreadable where substr(id, 1, ?) = ? order by id",
                (len(reference), reference),
            ).fetchone()
        if row is not None:
            raise UsageError(
                f"{row[0]} in {self._path} was kept by an older walcrash, and this one cannot "
                f"read it: {row[1]}",
                hint="read it with the walcrash that kept it, or find it again with walcrash run",
            )

    def _rows(self, condition: str, values: tuple[object, ...]) -> list[Row]:
        if not is_there(self._path):
            return []
        with self._open() as connection:
            query = f"select {_COLUMNS} from finding {condition}"  # noqa: S608 - our own words
            return connection.execute(query, values).fetchall()

    def _read(self, row: Row) -> KeptFinding:
        return _read(row, self._directory)

    def check_usable(self) -> None:
        """See that findings can be kept, before there are any; nothing is changed.

        Raises:
            UsageError: the file is of a newer version, may not be written, or is no file.
            HarnessFault: the file is damaged, or another process does not let go of it.
        """
        if not is_there(self._path):
            return
        with self._open(wait_seconds=_CHECK_SECONDS) as connection:
            connection.execute("begin immediate")
            (state,) = connection.execute("pragma quick_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(state)
            connection.rollback()

    @contextlib.contextmanager
    def _open(self, *, wait_seconds: float = _WAIT_SECONDS) -> Iterator[sqlite3.Connection]:
        try:
            is_there(self._path)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=wait_seconds)
            with contextlib.closing(connection):
                self._check(connection)
                with connection:
                    yield connection
        except (sqlite3.Error, OSError, UnicodeError) as problem:
            raise store_error(self._path, problem) from None

    def _check(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version > FORMAT:
            raise UsageError(
                f"{self._path} has format {version}; this walcrash reads format {FORMAT}",
                hint="pip install --upgrade walcrash",
            )
        if version < 0:
            raise sqlite3.DatabaseError(f"found format {version}; allowed: 1 to {FORMAT}")
        if version == FORMAT:
            return
        with connection:
            # Whoever comes second waits here, and finds the work done.
            connection.execute("begin immediate")
            (version,) = connection.execute("pragma user_version").fetchone()
            if version == 0:
                connection.execute(CREATE)
                connection.execute(UNREADABLE)
            elif version < FORMAT:
                upgrade(connection, version)
            connection.execute(f"pragma user_version = {FORMAT}")


def _take_over(
    connection: sqlite3.Connection, finding: Finding, stored: StoredCase
) -> tuple[str, str] | None:
    """Take away the same finding as an older version kept it, under another id or under several.

    Returns:
        What had become of it, and its ids; None if there is none.
    """
    older = connection.execute(
        "select id, state, finding, id_scheme, former from finding where scenario = ? "
        "order by id_scheme desc, id",
        (finding.scenario,),
    ).fetchall()
    by_text = _id_by_text(finding, stored)
    taken: list[tuple[str, str]] = []
    for id_, state, text, scheme, former in older:
        if scheme == IdScheme.CAUSE_AS_FACTS:
            is_same = is_same_now(_finding(text), finding, stored.subject)
        else:
            # What did not tell all bugs apart is one of them, the first that is found again.
            is_first = not taken
            is_same = is_first and (
                (scheme == IdScheme.CAUSE_AS_TEXT and id_ == by_text)
                or (scheme == IdScheme.INVARIANT and _is_alike(text, finding))
            )
        if is_same:
            connection.execute("delete from finding where id = ?", (id_,))
            taken.append((state, f"{id_} {former}" if former else id_))
    if not taken:
        return None
    is_fixed = all(FindingState(state) is FindingState.FIXED for state, _ in taken)
    state = FindingState.FIXED.value if is_fixed else FindingState.AGAIN.value
    return state, " ".join(ids for _, ids in taken)


def _id_by_text(finding: Finding, stored: StoredCase) -> str | None:
    if finding.cause is None:
        return None
    return id_by_text(
        finding.scenario,
        stored.subject,
        finding.cause,
        is_portability=finding.is_portability,
    )


def _is_alike(text: str, finding: Finding) -> bool:
    """Whether a finding of a version that distinguished them by their invariant is this one."""
    kept = _finding(text)
    return (
        kept.worst.invariant is finding.worst.invariant
        and kept.is_portability == finding.is_portability
    )


def _finding(text: str) -> Finding:
    return FINDINGS.from_text(Finding, text, "a kept finding")


def _read(row: Row, directory: Path) -> KeptFinding:
    id_, scenario, scheme, state, text, stored, origin, evidence, former, place = row
    if state not in _STATES:
        raise damaged(f"the state {state!r}")
    if not isinstance(evidence, str) or not isinstance(former, str | None):
        raise damaged("no text where one belongs")
    if not isinstance(place, str):
        raise damaged("no text where one belongs")
    if scheme not in _SCHEMES:
        raise damaged(f"the id scheme {scheme!r:.80}; allowed: {min(_SCHEMES)} to {max(_SCHEMES)}")
    finding = _finding(text)
    if (id_, scenario) != (finding.id, finding.scenario):
        raise damaged(
            f"the id {id_!r:.80} and the scenario {scenario!r:.80} of another finding than its "
            f"own, {finding.id} of {finding.scenario}"
        )
    find = partial(found_again, was=Path(place), now=directory, scenario_path=finding.scenario_path)
    return KeptFinding(
        finding=finding,
        state=FindingState(state),
        stored=find(stored_case_from_text(stored)),
        origin=find(stored_case_from_text(origin)),
        evidence=evidence,
        former_ids=tuple(former.split()) if former else (),
    )
