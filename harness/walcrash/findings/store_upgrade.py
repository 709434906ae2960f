"""The store's tables, and the way from older versions of them."""

import json
import sqlite3
from typing import Final

from walcrash.findings.evidence import upgrade_packed
from walcrash.values.contract import PersistenceModel
from walcrash.values.finding import Finding, FindingState
from walcrash.values.landing_upgrade import upgrade_landings
from walcrash.values.plain import to_plain
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Violation

FORMAT: Final = 4
"""The store's version; a newer one is refused by name."""

CREATE: Final = (
    "create table finding (id text primary key, scenario text not null, state text not null, "
    "finding text not null, stored text not null, origin text not null, "
    "evidence text not null default '')"
)


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring an older format, 1 to 3, to this one."""
    if version == 1:
        _upgrade_from_1(connection)
    elif version == 2:
        connection.execute("alter table finding add column evidence text not null default ''")
    _give_landings_their_facts(connection)


def _give_landings_their_facts(connection: sqlite3.Connection) -> None:
    """Bring format 3 to 4: it kept a landing's event and operation as texts."""
    rows = connection.execute("select id, finding, evidence from finding").fetchall()
    for id_, finding, evidence in rows:
        facts = json.dumps(upgrade_landings(json.loads(finding)))
        packed = upgrade_packed(evidence) if evidence else ""
        connection.execute(
            "update finding set finding = ?, evidence = ? where id = ?", (facts, packed, id_)
        )


def _upgrade_from_1(connection: sqlite3.Connection) -> None:
    """Bring format 1 to 3: it kept no violations and no landings."""
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
            "insert into finding (id, scenario, state, finding, stored, origin) "
            "values (?, ?, ?, ?, ?, ?)",
            (id_, scenario, FindingState.NEW.value, json.dumps(to_plain(finding)), stored, stored),
        )
