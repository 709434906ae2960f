"""`walcrash check`: a right subject passes, a wrong one is told what it does wrong."""

import json
from pathlib import Path

import pytest
from bad_drivers import driver
from command import inherited, walcrash
from needs import lacking

from walcrash.cli import main
from walcrash.subjects.loading import BUILT_IN


def check(*words: str) -> tuple[int, dict[str, object], str]:
    """Check a subject; return the exit code, the checks by name, and what went to stderr."""
    done = walcrash(Path.cwd(), "check", "--json", *words, **inherited())
    found = json.loads(done.stdout) if done.stdout else {"checks": []}
    return done.returncode, {each["name"]: each for each in found["checks"]}, done.stderr


@pytest.mark.parametrize("way", ["reopens", pytest.param("right", marks=pytest.mark.slow)])
def test_a_right_driver_passes(way: str) -> None:
    code, checks, said = check(*driver(way))
    assert code == 0, checks
    assert len(checks) == 24
    # It has no checksums, as is said.
    damage = checks.pop("damage")
    assert damage["outcome"] == "note"  # type: ignore[index]
    assert 'state no "rot" in `detects`' in damage["found"]  # type: ignore[index]
    outcomes = {each["outcome"] for each in checks.values()}  # type: ignore[index]
    assert outcomes == {"ok", "skipped"}
    assert "check kill-and-reopen" in said


def test_the_reference_passes_as_a_python_adapter() -> None:
    code, checks, _ = check("reference")
    assert code == 0
    outcomes = [each["outcome"] for each in checks.values()]  # type: ignore[index]
    assert set(outcomes) == {"ok"}
    assert len(outcomes) >= 8


@pytest.mark.slow
def test_an_adapter_is_named_by_its_module_and_has_options() -> None:
    code, _, _ = check("--option", "sync=none", "walcrash.subjects.reference:ReferenceAdapter")
    assert code == 0


def test_a_scenario_is_its_subject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = 'format = 1\nname = "of-mine"\nsummary = "Mine."\n[subject]\n'
    subject = 'adapter = "reference"\noptions = { sync = "sometimes" }\n'
    text = f'{head}{subject}[[faults]]\nkind = "kill"\n'
    (tmp_path / "of-mine.toml").write_text(text, encoding="ascii")
    assert main(["check", "--json", str(tmp_path / "of-mine.toml")]) == 2
    refused = capsys.readouterr()
    assert refused.out == ""
    assert "sync" in refused.err
    code, checks, _ = check("--option", "sync=none", str(tmp_path / "of-mine.toml"))
    assert code == 0
    assert len(checks) >= 8


@pytest.mark.parametrize(
    ("detects", "outcome", "said"),
    [
        pytest.param(
            "",
            "note",
            'the contract has no "rot" in `detects`, so this breaks no promise',
            marks=pytest.mark.slow,
        ),
        ('detects = ["rot"]\n', "failed", 'the contract has "rot" in `detects`'),
    ],
)
def test_what_is_believed_of_damage_is_held_against_the_contract_of_the_scenario(
    tmp_path: Path, detects: str, outcome: str, said: str
) -> None:
    words = json.dumps(list(driver("reopens")))
    scenario = tmp_path / "mine.toml"
    head = 'format = 1\nname = "mine"\nsummary = "Mine."\n'
    fault = '[[faults]]\nkind = "kill"\n'
    text = f"{head}[subject]\ndriver = {words}\n[contract]\n{detects}{fault}"
    scenario.write_text(text, encoding="ascii")
    code, checks, _ = check(str(scenario))
    damage = checks["damage"]
    assert damage["outcome"] == outcome  # type: ignore[index]
    assert said in damage["found"]  # type: ignore[index]
    assert code == (1 if outcome == "failed" else 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "reference"])
def test_every_subject_that_ships_passes(name: str) -> None:
    code, checks, said = check(name)
    if code == 2 and "this subject needs" in said:
        assert "hint: pip install 'walcrash[" in said or "hint: apt-get install" in said
        lacking(said)
    assert code == 0, (checks, said)
    outcomes = [each["outcome"] for each in checks.values()]  # type: ignore[index]
    assert outcomes.count("ok") >= 8
    assert set(outcomes) <= {"ok", "skipped"}


LITTERING = """
import tempfile

from walcrash.subjects.reference import ReferenceAdapter


class Littering(ReferenceAdapter):
    def introduce(self, scratch, memory_mb):
        (scratch.parent / "template").mkdir(exist_ok=True)

    def open(self, directory, emit):
        if not (directory.parent / "template").exists():
            tempfile.mkdtemp(prefix="template-")
        super().open(directory, emit)
"""


def test_what_a_subject_made_where_it_was_not_introduced_does_not_stay_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "littering.py").write_text(LITTERING, encoding="ascii")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = ("check", f"{tmp_path / 'littering.py'}:Littering")
    done = walcrash(tmp_path, *words, **inherited(), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []


FAILS = {
    "exits": {"open"},
    "version": {"open"},
    "memory": {"open"},
    "without": {
        "records", "replay-from-the-middle", "replay-then-append", "close-and-reopen", "sync",
        "odd-records",
    },
    "same": {"records", "replay-from-the-middle", "close-and-reopen"},
    "backwards": {
        "records", "replay-from-the-middle", "replay-then-append", "close-and-reopen",
        "odd-records", "unknown-keys", "spelling", "kill-and-reopen",
    },
    "status": {"open"},
    "daemon": {"no-daemons"},
    "deaf": {"unknown-request"},
    "stubborn": {"end-of-stdin"},
    "forgets": {"close-and-reopen", "odd-records"},
    "liar": {"capabilities"},
}  # fmt: skip
"""Of each way to be wrong: checks that must fail."""

SLOW_WAYS = {
    "same", "forgets", "deaf", "stubborn", "backwards", "without", "exits", "status",
}  # fmt: skip
"""Three break much of what `without` breaks, whose failures are read on the terminal below; two are
waited for; two fail in `open`, as `version` does.
"""


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.slow if way in SLOW_WAYS else ()) for way in FAILS]
)
def test_a_wrong_driver_is_told_which_checks_fail_and_why(way: str) -> None:
    code, checks, _ = check("--seconds", "2", "--memory", "200", *driver(way))
    assert code == 1, checks
    failed = {name for name, each in checks.items() if each["outcome"] == "failed"}  # type: ignore[index]
    assert failed >= FAILS[way]
    for name in failed:
        each = checks[name]
        assert each["rule"]  # type: ignore[index]
        assert each["found"]  # type: ignore[index]
        assert each["hint"]  # type: ignore[index]


@pytest.mark.slow
def test_a_kill_that_loses_records_is_noted_and_no_failure() -> None:
    code, checks, _ = check(*driver("buffers"))
    assert code == 0, checks
    note = checks["kill-and-reopen"]
    assert note["outcome"] == "note"  # type: ignore[index]
    assert 'state `kill = "prefix"` or "none" in [contract]' in note["found"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["./no-such-driver"], "there is no driver ./no-such-driver: neither a file nor"),
        (["nowhere.py:Wal"], "the adapter nowhere.py:Wal cannot be loaded"),
        (["--option", "sync", "reference"], "--option is NAME=VALUE; found 'sync'"),
        (["--option", "sync=1", "sh"], "a driver gets its options as words"),
        (["--seconds", "nan", "reference"], "--seconds is a number of seconds; found nan"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_checked_is_a_usage_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "hint: " in captured.err


def test_a_failure_is_explained_on_the_terminal() -> None:
    done = walcrash(Path.cwd(), "check", "--seconds", "5", *driver("without"))
    assert done.returncode == 1
    text = done.stdout
    for name in FAILS["without"]:
        assert f"failed   {name}" in text
    assert "its reply to `append` has no `offset`; found `ok`" in text
    assert '            sent {"do":"append","record":{"type":"PutOperation"' in text
    assert '            back {"ok": true}' in text
    assert "FAIL  " in text.splitlines()[-1]
