"""The lines of keys in a TOML document, on documents written by hand."""

import tomllib

from walcrash.scenario.toml_position import key_lines, line_of

DOCUMENT = '''\
# a comment with = and [brackets]
name = "x" # and another ["]
a.b . "c d" = 1
"k\\u0041" = 'literal # not a comment'

[table] # after a header
text = """
line = 7
\\"""
""""
other = 2
list = [
  1, # one
  [2,
   "]"],
]

[[faults]]
kind = { x = 1, y = [ 2, { z = 3 } ] }
  [faults.sub]
  deep = 1979-05-27 07:32:00

[[faults]]
  [[faults.steps]]
  go = true
  [[faults.steps]]
  go = false
'''


def test_every_key_has_the_line_on_which_it_stands():
    tomllib.loads(DOCUMENT)
    lines = key_lines(DOCUMENT)
    expected = {
        ("name",): 2,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", "c d"): 3,
        ("kA",): 4,
        ("table",): 6,
        ("table", "text"): 7,
        ("table", "other"): 11,
        ("table", "list"): 12,
        ("table", "list", 0): 13,
        ("table", "list", 1): 14,
        ("table", "list", 1, 0): 14,
        ("table", "list", 1, 1): 15,
        ("faults",): 18,
        ("faults", 0): 18,
        ("faults", 0, "kind"): 19,
        ("faults", 0, "kind", "x"): 19,
        ("faults", 0, "kind", "y"): 19,
        ("faults", 0, "kind", "y", 0): 19,
        ("faults", 0, "kind", "y", 1): 19,
        ("faults", 0, "kind", "y", 1, "z"): 19,
        ("faults", 0, "sub"): 20,
        ("faults", 0, "sub", "deep"): 21,
        ("faults", 1): 23,
        ("faults", 1, "steps"): 24,
        ("faults", 1, "steps", 0): 24,
        ("faults", 1, "steps", 0, "go"): 25,
        ("faults", 1, "steps", 1): 26,
        ("faults", 1, "steps", 1, "go"): 27,
    }
    assert lines == expected


def test_windows_line_ends_count_once():
    assert key_lines('a = 1\r\nb = """x\r\ny"""\r\nc = 3\r\n') == {("a",): 1, ("b",): 2, ("c",): 4}


def test_a_missing_key_has_the_line_of_the_table_around_it():
    lines = key_lines("x = 1\n\n[table]\ny = 2\n")
    assert line_of(lines, ("table", "z", "deeper")) == 3
    assert line_of(lines, ("nowhere",)) == 1
    assert line_of(lines, ()) == 1


def test_an_empty_document_has_no_lines():
    assert key_lines("") == {}
    assert key_lines("# only a comment") == {}
