"""Of planted bugs: what their finding says became of the record is the true cause.

The table has the cause that is planted. A finding may be silent; it may say nothing else.
"""

import json
from pathlib import Path

import pytest
from command import walcrash_here

from walcrash.tools.selftest import choose
from walcrash.values.event import EventKind
from walcrash.values.fate import FateKind, Reading

CAUSES: dict[str, tuple[FateKind, str]] = {
    "buffered-append": (FateKind.NEVER_WRITTEN, ""),
    "compact-in-place": (FateKind.REMOVED, EventKind.TRUNCATE.value),
    "page-tail": (FateKind.REMOVED, EventKind.TRUNCATE.value),
    "uncut-tail": (FateKind.THERE, Reading.TORN.value),
    "early-acknowledgement": (FateKind.NOT_DURABLE, "wal.log"),
    "unsynced-backup": (FateKind.NOT_DURABLE, "wal.bak"),
}
"""For each bug the fate of what is lost, and what took it, was shown of it, or was not synced."""


def told(fate: dict) -> tuple[FateKind, str]:
    """Return what the table has, of a fate in the event log."""
    record = fate["record"]
    kind = FateKind(record["kind"])
    if kind is FateKind.NEVER_WRITTEN:
        return kind, ""
    if kind is FateKind.THERE:
        return kind, record["reading"]
    copy = record["copies"][0]
    return kind, copy["not_synced"] if kind is FateKind.NOT_DURABLE else copy["by"]["kind"]


@pytest.mark.slow
def test_what_became_of_the_record_is_the_planted_cause(tmp_path: Path) -> None:
    files = [str(each.path) for each in choose([]) if each.name in CAUSES]
    assert len(files) == len(CAUSES)
    log = tmp_path / "log.ndjson"
    words = ("--seed", "fate", "--cases", "55", "--runs", str(tmp_path), "--log", str(log))
    assert walcrash_here(tmp_path, "run", *files, *words).returncode == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    found = [line["finding"] for line in lines if line["line"] == "finding-reported"]
    assert {finding["scenario"] for finding in found} == set(CAUSES)
    wrong = {
        finding["scenario"]: told(finding["fate"])
        for finding in found
        if finding["fate"] is not None and told(finding["fate"]) != CAUSES[finding["scenario"]]
    }
    assert wrong == {}
    silent = [finding["scenario"] for finding in found if finding["fate"] is None]
    assert len(silent) <= 1, silent
