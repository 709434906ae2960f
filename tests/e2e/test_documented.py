"""A probe answers with what is documented: the settings of SQLite, and LMDB's flags.

The rows are those of the published table, with its seed and its numbers of cases and images.
"""

from pathlib import Path

import pytest

from walcrash.scenario.file import shipped_directory
from walcrash.tools import validate
from walcrash.tools.validate import (
    TABLE,
    ValidationPlan,
    choose_rows,
    read_documented,
    run_validation,
)
from walcrash.values.validation import Agreement

ROWS = [
    row.subject
    for row in read_documented(shipped_directory() / "engines" / TABLE)
    if row.subject.partition(",")[0] in ("sqlite", "lmdb")
]
SEED = "11"
CASES = 8
IMAGES = 30

WEAKER = "lmdb,sync=false"
"""The one row that keeps less than is documented; `reports/validation.md` says why."""

pytestmark = pytest.mark.usefixtures("interception")


def test_the_table_has_all_modes_of_sqlite_and_all_flags_of_lmdb() -> None:
    sqlite = {tuple(row.split(",")[1:]) for row in ROWS if row.startswith("sqlite,")}
    for mode in ("wal", "delete", "truncate", "persist"):
        for synchronous in ("off", "normal", "full", "extra"):
            assert (f"journal_mode={mode}", f"synchronous={synchronous}") in sqlite
    lmdb = {row for row in ROWS if row.startswith("lmdb")}
    assert {"lmdb", "lmdb,sync=false", "lmdb,metasync=false"} < lmdb
    assert "lmdb,writemap=true,map_async=true" in lmdb


@pytest.mark.slow
@pytest.mark.parametrize("subject", ROWS)
def test_a_probe_finds_what_is_documented(
    subject: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name stands for all rows that begin with it, which would run LMDB's default with its flags.
    every = [row for row in choose_rows((subject,), is_short=False) if row.subject == subject]
    monkeypatch.setattr(validate, "choose_rows", lambda *_, **__: every)
    plan = ValidationPlan(
        names=(subject,),
        is_short=False,
        master_seed=SEED,
        runs=tmp_path / "runs",
        cases=CASES,
        images=IMAGES,
        jobs=1,
    )
    (row,) = run_validation(plan, say=lambda _: None)
    kept = {model.value: row.kept(model) for model in row.documented.keeps}
    agreement = Agreement.WEAKER if subject == WEAKER else Agreement.AGREES
    assert row.agreement is agreement, kept
