"""The store's tables, and the way from older versions of them."""

import sqlite3
from typing import Final

from walcrash.findings.evidence import upgrade_packed
from walcrash.findings.former_ids import IdScheme
from walcrash.values.case_file import stored_case_from_text, stored_case_to_text
from walcrash.values.codec import Codec
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import UsageError
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.finding import Finding, FindingState
from walcrash.values.finding_form import FINDING_CHECKS
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Violation

FORMAT: Final = 6
"""The store's version; a newer one is refused by name."""

CREATE: Final = (
    "create table finding (id text primary key, scenario text not null, state text not null, "
    "finding text not null, stored text not null, origin text not null, "
    "evidence text not null default '', former text, id_scheme integer not null, "
    "place text not null default '')"
)


Kept = tuple[str, str, str, str, str]
"""A finding's id, what was reported, its minimal case, the campaign's own, and its evidence."""

UNREADABLE: Final = (
    "create table if not exists unreadable (id text primary key, why text not null, "
    "finding text not null, stored text not null, origin text not null, evidence text not null)"
)
"""What an older walcrash kept and this one cannot read, as it was, with the reason."""

FINDINGS: Final = Codec(
    hint="move the store away, or name another directory with --runs",
    takes_surrogates=True,
    checks=FINDING_CHECKS,
)
"""How findings are written and read."""


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring an older format, 1 to 5, to this one; what cannot be is put into `unreadable`."""
    connection.execute(UNREADABLE)
    if version > 1:
        _add_place(connection)
    if version == 5:
        return
    if version == 1:
        _upgrade_from_1(connection)
    if version == 2:
        connection.execute("alter table finding add column evidence text not null default ''")
    if version in (2, 3):
        _add_ids(connection)
    rows = connection.execute(
        "select id, finding, stored, origin, evidence from finding order by id"
    ).fetchall()
    for row in rows:
        _upgrade_finding(connection, row, tells_causes=version in (2, 3))


def _add_place(connection: sqlite3.Connection) -> None:
    """Bring format 5 to 6: it did not tell where the store was when a finding was kept."""
    columns = [row[1] for row in connection.execute("pragma table_info(finding)")]
    if "place" not in columns:
        connection.execute("alter table finding add column place text not null default ''")


def _add_ids(connection: sqlite3.Connection) -> None:
    """Bring format 3 to 4: it kept causes as texts, and made ids of them.

    An id stays what it is until the finding is found again, since what a power loss took is known
    only when its case has run; see `Store.keep`.
    """
    scheme = IdScheme.CAUSE_AS_TEXT.value
    connection.execute("alter table finding add column former text")
    connection.execute(
        f"alter table finding add column id_scheme integer not null default {scheme}"
    )


def _upgrade_finding(connection: sqlite3.Connection, was: Kept, *, tells_causes: bool) -> None:
    """Bring one finding to this format: facts are fields, some by other names; cases are format 2.

    Args:
        connection: of the store.
        was: the finding as it is kept.
        tells_causes: whether a cause that is not there says how its id was made.
    """
    id_, finding, stored, origin, evidence = was
    try:
        form = FINDINGS.loads(finding, "finding")
        facts = FINDINGS.upgraded(upgrade_facts, form, "finding")
        made = FINDINGS.to_text(FINDINGS.from_json(Finding, facts, "finding"))
        cases = [stored_case_to_text(stored_case_from_text(text)) for text in (stored, origin)]
    except UsageError as problem:
        _set_aside(connection, was, problem.message)
        connection.execute("delete from finding where id = ?", (id_,))
        return
    try:
        packed = upgrade_packed(evidence) if evidence else ""
    except UsageError as problem:
        _set_aside(connection, was, problem.message)
        packed = ""
    connection.execute(
        "update finding set finding = ?, stored = ?, origin = ?, evidence = ? where id = ?",
        (made, *cases, packed, id_),
    )
    if tells_causes and not form.get("cause"):
        connection.execute(
            "update finding set id_scheme = ? where id = ?", (IdScheme.INVARIANT, id_)
        )


def _set_aside(connection: sqlite3.Connection, was: Kept, why: str) -> None:
    connection.execute(
        "insert or replace into unreadable (id, finding, stored, origin, evidence, why) "
        "values (?, ?, ?, ?, ?, ?)",
        (*was, why),
    )


def _upgrade_from_1(connection: sqlite3.Connection) -> None:
    """Bring format 1 to this one: it kept no violations and no landings."""
    rows = connection.execute(
        "select id, scenario, scenario_path, master_seed, case_index, invariant, seen, cases, "
        "stored from finding order by id"
    ).fetchall()
    connection.execute("drop table finding")
    connection.execute(CREATE)
    for id_, scenario, path, seed, index, name, seen, cases, stored in rows:
        invariant = Invariant(name)
        finding = Finding(
            id=id_,
            scenario=scenario,
            scenario_path=path,
            master_seed=seed,
            case_index=index,
            violations=(Violation(invariant, "an earlier walcrash", RULES[invariant].text),),
            landings=(),
            model=PersistenceModel.KILL,
            operations=0,
            seen=seen,
            cases=cases,
            replays=0,
            replays_alike=0,
        )
        connection.execute(
            "insert into finding (id, scenario, state, finding, stored, origin, id_scheme) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            (
                id_,
                scenario,
                FindingState.NEW.value,
                FINDINGS.to_text(finding),
                stored,
                stored,
                IdScheme.INVARIANT,
            ),
        )
