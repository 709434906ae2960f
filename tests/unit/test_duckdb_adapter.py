"""DuckDB's instance outlives a store, and serves only those with the same settings."""

from pathlib import Path

from needs import lacking

from walcrash.subjects.engines.duckdb import DuckDbAdapter
from walcrash.subjects.loading import MissingPackage


def threshold(adapter: DuckDbAdapter) -> object:
    (row,) = adapter._execute("SELECT current_setting('checkpoint_threshold')").fetchall()
    return row[0]


def test_a_store_has_the_settings_that_it_asks_for_whatever_the_last_one_had(
    tmp_path: Path,
) -> None:
    seen = []
    for number, mebibytes in enumerate([16, 4, 16]):
        try:
            adapter = DuckDbAdapter(checkpoint_mebibytes=mebibytes)
        except MissingPackage as missing:
            lacking(f"{missing}; {missing.hint}")
        directory = tmp_path / str(number)
        directory.mkdir()
        adapter.open_store(directory)
        seen.append(threshold(adapter))
        adapter.close()
    assert seen[0] == seen[2] != seen[1]
