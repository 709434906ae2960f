"""Escapes, shell words and layout."""

import subprocess

import pytest

from walcrash.report.text import (
    TEXT_CHARACTERS,
    block,
    counted,
    escape,
    shell_path,
    shell_word,
    shorten,
    table,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("op-1", "op-1"),
        ("caf\u00e9 \u4e2d", "caf\u00e9 \u4e2d"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\nb\tc\0", "a\\nb\\tc\\x00"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\udc80", "\\udc80"),
    ],
)
def test_nothing_that_a_terminal_obeys_gets_through(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_a_long_text_says_how_much_was_left_out() -> None:
    assert shorten("x" * (TEXT_CHARACTERS + 5)).endswith("xx ... (5 more characters)")


@pytest.mark.parametrize("text", ["plain", "", "a b", "it's", "$HOME", "-x", "a\nb'\\", "\x1b[0m"])
def test_a_shell_reads_back_the_word(text: str) -> None:
    printed = subprocess.run(
        ["bash", "-c", f"printf %s {shell_word(text)}"], capture_output=True, check=True
    )
    assert printed.stdout.decode() == text


def test_a_path_is_never_taken_for_an_option() -> None:
    assert shell_path("-x.toml") == "./-x.toml"


def test_one_thing_is_not_plural() -> None:
    assert [counted(1, "case"), counted(1600, "recovery", "recoveries")] == [
        "1 case",
        "1,600 recoveries",
    ]


def test_later_lines_of_a_block_stand_under_the_text() -> None:
    lines = block("found", "op-1 " * 12, width=40)
    assert len(lines) > 1
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith(" " * 12 + "op-1") for line in lines[1:])


def test_a_label_that_is_as_long_as_its_column_does_not_touch_the_text() -> None:
    assert block("recovery after new records", "2 records", width=60, label_width=20) == [
        "  recovery after new records  2 records"
    ]
    assert block("label", "", width=60, label_width=5) == ["  label"]


def test_numbers_lean_right_and_names_left() -> None:
    assert table(("name", "n"), [("a", "10"), ("long name", "5")]) == [
        "  name        n",
        "  a          10",
        "  long name   5",
    ]
