"""A new invariant takes its own file and a few lines in two others, and is then used everywhere.

The recipe is followed in a copy of the package, in a process of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import walcrash

SOURCES = Path(walcrash.__file__).parent

OWN_FILE = '''
"""`long-id`: no id is longer than three characters."""

from walcrash.oracle.evidence import Evidence, Replayed
from walcrash.values.verdict import Invariant, Violation


def judge_long_id(evidence: Evidence) -> list[Violation]:
    """Judge the ids of the records that a replay shows."""
    match evidence:
        case Replayed(where=where, comparison=comparison):
            ids = [item.record.id for item in comparison.shown if len(item.record.id) > 3]
            return [Violation(Invariant.LONG_ID, where, f"{each} is long") for each in ids]
    return []
'''

RULE = """
    Invariant.LONG_ID: Rule(
        text="no id is longer than three characters",
        rank=15,
        capability="effects",
    ),
"""

LINES = {
    "values/rules.py": (
        ('    LOST_PUT = "lost-put"\n', '    LONG_ID = "long-id"\n'),
        ("RULES: Final[Mapping[Invariant, Rule]] = {\n", RULE),
    ),
    "oracle/rules.py": (
        (
            "from walcrash.oracle.evidence import Evidence\n",
            "from walcrash.oracle.long_id import judge_long_id\n",
        ),
        (
            "JUDGES: Final[Mapping[Invariant, JudgeRule]] = {\n",
            "    Invariant.LONG_ID: judge_long_id,\n",
        ),
    ),
}
"""What is added behind which line of which file beside the rule's own."""

BEFORE = """
from oracle_builder import acked, killed, put, shows, verdict_on
from report_lines import finding, passing_run, story
from walcrash.report.explain_text import explanation_text
from walcrash.report.run_report import RunReport
from walcrash.report.sarif import sarif_report
from walcrash.report.markdown import invariant_table
from walcrash.values.rules import Invariant

LONG_ID, A, LONG = Invariant("long-id"), put("a", 1), put("op-1000", 2)
boot = killed(acked(put("b", 0)), acked(A), acked(LONG))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a copy of the package, to which the rule was added."""
    target = tmp_path_factory.mktemp("copy")
    package = target / "walcrash"
    shutil.copytree(SOURCES, package, ignore=shutil.ignore_patterns("docs", "__pycache__"))
    (package / "oracle" / "long_id.py").write_text(OWN_FILE.lstrip(), encoding="utf-8")
    for name, additions in LINES.items():
        text = (package / name).read_text(encoding="utf-8")
        for line, added in additions:
            assert text.count(line) == 1
            text = text.replace(line, line + added)
        (package / name).write_text(text, encoding="utf-8")
    return target


def run(copy: Path, script: str) -> None:
    tests = Path(__file__).parent
    # The first of these processes compiles the copy for the others.
    environment = {
        **os.environ,
        "PYTHONPATH": f"{copy}{os.pathsep}{tests}",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_new_rule_takes_two_files_beside_its_own() -> None:
    assert len(LINES) == 2


def test_a_new_rule_is_judged_and_ranked(copy: Path) -> None:
    run(
        copy,
        """
judgement = verdict_on(boot, first=shows(A, LONG))
assert [each.invariant.value for each in judgement.violations][:2] == ["long-id", "lost-put"]
judgement = verdict_on(killed(acked(A)), first=shows(A))
assert not judgement.violations and LONG_ID in judgement.judged
""",
    )


def test_a_new_rule_is_unjudged_for_the_reason_that_its_needs_say(copy: Path) -> None:
    run(
        copy,
        """
judgement = verdict_on(boot, first=shows(A, LONG), supports=frozenset({"checkpoint"}))
assert (LONG_ID, "the subject lacks `effects`") in judgement.unjudged
assert LONG_ID not in {each.invariant for each in judgement.violations}
judgement = verdict_on(first=shows())
assert (LONG_ID, "no recovery after a boot was made") in judgement.unjudged
""",
    )


def test_a_new_rule_is_named_in_reports_with_its_text(copy: Path) -> None:
    run(
        copy,
        """
(violation, *_) = verdict_on(boot, first=shows(A, LONG)).violations
text = explanation_text(finding(violations=(violation,)), story(), width=100, runs="reports")
assert "torn-tail · long-id" in text
assert "broken    long-id: no id is longer than three characters" in text

report = RunReport("abc", scenario_paths={"quickstart": "quickstart"})
for line in passing_run():
    report.add(line)
assert "| `long-id` | not judged: no scenario asked for it |" in invariant_table(report)
assert '"text": "no id is longer than three characters"' in sarif_report(report)
""",
    )
