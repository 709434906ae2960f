"""Names and options of subjects: what is refused is answered with what there is."""

import inspect
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from walcrash.subjects.loading import (
    NotAnAdapter,
    OptionRefused,
    find_adapter,
    import_hint,
    make_adapter,
)
from walcrash.subjects.reference import ReferenceAdapter


def test_an_unknown_option_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(NotAnAdapter) as refused:
        make_adapter(find_adapter("sqlite"), {"journal_mod": "wal"})
    assert str(refused.value) == (
        "SqliteAdapter has no option `journal_mod`; there: acknowledges, autocheckpoint, "
        "journal_mode, synchronous; near: journal_mode"
    )


def test_pragmas_may_be_written_as_the_documentation_of_sqlite_writes_them() -> None:
    kind = find_adapter("sqlite")
    capitals = make_adapter(kind, {"journal_mode": "WAL", "synchronous": "NORMAL"})
    assert capitals.contract == make_adapter(kind, {"synchronous": "normal"}).contract


class Picky(ReferenceAdapter):
    def __init__(self, *, level: int = 1, fast: bool = False, mode: str = "plain") -> None:
        super().__init__()
        if mode != "plain":
            raise KeyError(mode)


TAKES = "its options, with their defaults: level=1, fast=False, mode='plain'"


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({"level": "7"}, "Picky: `level` is a whole number; found '7'", TAKES),
        ({"level": True}, "Picky: `level` is a whole number; found True", TAKES),
        ({"fast": "maybe"}, "Picky: `fast` is `true` or `false`; found 'maybe'", TAKES),
        ({"fast": 7}, "Picky: `fast` is `true` or `false`; found 7", TAKES),
        ({"moda": "x"}, "has no option `moda`; there: fast, level, mode", "write `mode`"),
        ({"zzz": "x"}, "has no option `zzz`; there: fast, level, mode", "take `zzz` out"),
    ],
)
def test_an_option_that_is_refused_is_answered_with_what_the_constructor_takes(
    options: dict[str, Any], said: str, hint: str
) -> None:
    with pytest.raises(OptionRefused) as refused:
        make_adapter(Picky, options)
    assert said in str(refused.value)
    assert refused.value.hint == hint


def test_whatever_a_constructor_raises_of_its_options_is_told_with_its_line() -> None:
    with pytest.raises(OptionRefused) as refused:
        make_adapter(Picky, {"mode": "wild"})
    line = inspect.getsourcelines(Picky)[1] + 4
    assert str(refused.value) == f"Picky(mode='wild') in {__file__}, line {line}: KeyError: 'wild'"
    assert refused.value.hint == TAKES
    assert make_adapter(Picky, {"fast": 1, "level": 3})


def test_a_policy_that_the_reference_does_not_have_is_told_with_those_that_it_has() -> None:
    with pytest.raises(OptionRefused, match='`sync` is one of "append", "group", "none"; found F'):
        make_adapter(find_adapter("reference"), {"sync": False})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sqlit", "write `sqlite`"),
        ("nothing-near", "an adapter of your own has its class in it: path/to/nothing-near.py:Wal"),
        ("walcrash.subjects.vixw:Vixw", "write `walcrash.subjects.vixw:VixwAdapter`"),
        ("json:JSONDecoder", "write `class JSONDecoder(walcrash.Adapter):` there"),
        ("json:Nothing", "write `class Nothing(walcrash.Adapter):` there, or name another file"),
        ("nowhere.py:Wal", "name the file that is there"),
    ],
)
def test_a_name_that_leads_nowhere_has_a_hint_that_can_be_followed(name: str, hint: str) -> None:
    with pytest.raises(NotAnAdapter) as refused:
        find_adapter(name)
    assert hint in refused.value.hint


def test_an_import_that_fails_is_repeated_by_the_hint(tmp_path: Path) -> None:
    file = tmp_path / "my log.py"
    file.write_text("raise RuntimeError('my own fault')\n")
    for name in (f"{file}:Wal", "walcrash_nowhere.log:Wal"):
        command, alone = import_hint(name).split(" imports it alone")
        python, *words = shlex.split(command)
        assert python == "python"
        ended = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, alone) == (1, "")
        assert "my own fault" in ended.stderr or "walcrash_nowhere" in ended.stderr
    assert import_hint("reference") == ""
