"""The store's tables, and the way from older versions of them."""

import json
import sqlite3
from typing import Final

from walcrash.findings.evidence import upgrade_packed
from walcrash.findings.former_ids import IdScheme
from walcrash.values.contract import PersistenceModel
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.finding import Finding, FindingState
from walcrash.values.plain import to_plain
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Violation

FORMAT: Final = 4
"""The store's version; a newer one is refused by name."""

CREATE: Final = (
    "create table finding (id text primary key, scenario text not null, state text not null, "
    "finding text not null, stored text not null, origin text not null, "
    "evidence text not null default '', former text, id_scheme integer not null)"
)


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring an older format, 1 to 3, to this one."""
    if version == 1:
        _upgrade_from_1(connection)
        return
    if version == 2:
        connection.execute("alter table finding add column evidence text not null default ''")
    _upgrade_from_3(connection)


def _upgrade_from_3(connection: sqlite3.Connection) -> None:
    """Bring format 3 to 4: it kept landings and causes as texts, and made ids of the latter.

    An id stays what it is until the finding is found again, since what a power loss took is known
    only when its case has run; see `Store.keep`.
    """
    scheme = IdScheme.CAUSE_AS_TEXT.value
    connection.execute("alter table finding add column former text")
    connection.execute(
        f"alter table finding add column id_scheme integer not null default {scheme}"
    )
    rows = connection.execute("select id, finding, evidence from finding").fetchall()
    for id_, text, evidence in rows:
        finding = json.loads(text)
        facts = json.dumps(upgrade_facts(finding))
        packed = upgrade_packed(evidence) if evidence else ""
        told_apart_by = IdScheme.CAUSE_AS_TEXT if finding.get("cause") else IdScheme.INVARIANT
        connection.execute(
            "update finding set finding = ?, evidence = ?, id_scheme = ? where id = ?",
            (facts, packed, told_apart_by, id_),
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
                json.dumps(to_plain(finding)),
                stored,
                stored,
                IdScheme.INVARIANT,
            ),
        )
