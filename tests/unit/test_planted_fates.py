"""What the finding of a planted bug says is held against the marks that the bug states."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report_lines import finding

from walcrash.report.fates_text import fates_text, publish_fates
from walcrash.report.planted_page import Page
from walcrash.tools.selftest import choose
from walcrash.values.errors import ExitCode
from walcrash.values.event import EventKind
from walcrash.values.fate import CopyFate, EventRef, Fate, FateKind, FoundFate, RecordFate
from walcrash.values.fate_mark import fate_mark
from walcrash.values.made import Made
from walcrash.values.planted import FateVerdict, Planted, PlantedFate
from walcrash.values.verdict import Invariant

WRITTEN = EventRef(boot=1, event=4, kind=EventKind.WRITE, path="wal.7")
COPY = CopyFate(
    kind=FateKind.NOT_DURABLE, path="wal.7", start=0, end=9, written=WRITTEN, not_synced="wal.7"
)
RECORD = RecordFate(
    record="PutOperation op-1", is_missing=True, kind=FateKind.NOT_DURABLE, copies=(COPY,)
)
LOST = Fate(record=RECORD)
NEW = Fate(found=FoundFate(new=(replace(WRITTEN, kind=EventKind.CREATE, path="wal.tmp"),)))
BUG = Planted(
    name="bug",
    invariant=Invariant.LOST_PUT,
    needs="a power loss",
    within_cases=3,
    path=Path("bug.toml"),
    fates=("not-durable: wal.#",),
)


def told(*fates: Fate | None) -> PlantedFate:
    findings = tuple(finding(fate=fate) for fate in fates)
    return PlantedFate(planted=BUG, cause="Lost put: it never syncs.", findings=findings)


def test_a_mark_is_the_same_for_every_number_in_a_name() -> None:
    assert fate_mark(LOST) == "not-durable: wal.#"
    assert fate_mark(NEW) == "new: wal.tmp"
    assert fate_mark(None) == ""
    shown = replace(RECORD, is_missing=False)
    assert fate_mark(Fate(record=shown)) == "shown: wal.#, not-durable"
    nameless = replace(RECORD, copies=(replace(COPY, is_nameless=True),))
    assert fate_mark(Fate(record=nameless)) == "nameless: wal.#"


@pytest.mark.parametrize(
    ("fate", "verdict", "is_right"),
    [
        (LOST, FateVerdict.RIGHT, True),
        (None, FateVerdict.SILENT, True),
        (NEW, FateVerdict.WRONG, False),
    ],
)
def test_what_the_bug_does_not_state_is_wrong_and_silence_is_not(
    fate: Fate | None, verdict: FateVerdict, is_right: bool
) -> None:
    result = told(fate)
    assert result.verdict(result.findings[0]) is verdict
    assert result.is_right is is_right
    # One wrong finding among right ones is enough, and a bug that is not found says nothing.
    assert told(LOST, fate).is_right is is_right
    assert not told().is_right


def test_the_text_has_what_is_said_beside_what_is_planted() -> None:
    text = fates_text([told(LOST), told(NEW), told()])
    assert "right  bug · lost-put\n  planted   Lost put: it never syncs.\n  said      " in text
    assert "and was not durable: no sync of wal.7 came after it" in " ".join(text.split())
    assert "mark      new: wal.tmp; expected not-durable: wal.#" in text
    assert "MISSED  bug" in text
    assert text.endswith("FAIL  2 findings: 1 right, 0 silent, 1 WRONG, 1 bug not found")
    assert fates_text([told(LOST)]).endswith("PASS  1 finding: 1 right, 0 silent, 0 WRONG")


def test_a_wrong_sentence_is_a_fault_of_the_harness(capsys: pytest.CaptureFixture[str]) -> None:
    assert publish_fates([told(NEW)], as_json=True) is ExitCode.HARNESS_FAULT
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["is_right"], one["findings"][0]["mark"]) == (False, "new: wal.tmp")
    assert publish_fates([told(LOST)], as_json=False) is ExitCode.PASSED
    assert publish_fates([], as_json=True) is ExitCode.HARNESS_FAULT


def test_a_page_has_the_same_text_below_how_it_was_made(tmp_path: Path) -> None:
    made = Made(command="walcrash selftest --fates", commit="", processors=1, load=3.25)
    page = Page(path=str(tmp_path / "fates.md"), made=made)
    publish_fates([told(LOST)], as_json=True, page=page)
    text = (tmp_path / "fates.md").read_text()
    first = "Made by `walcrash selftest --fates`, on 1 processor with a load of 3.2."
    assert text.startswith(f"# What findings say became of a record\n\n{first}\n")
    assert text.endswith(f"\n```text\n{fates_text([told(LOST)])}\n```\n")


def test_every_mark_of_a_planted_bug_is_one_that_there_is() -> None:
    first = {kind.value for kind in FateKind} | {"there", "shown", "nameless", "used twice"}
    first |= {"torn", "torn and kept", "lost", "failed", "new", "gone", "half done"}
    marks = [(bug.name, mark) for bug in choose([]) for mark in bug.fates]
    assert marks
    strange = [each for each in marks if each[1].split(":")[0].split(" by ")[0] not in first]
    assert strange == []
