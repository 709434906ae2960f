"""Lines of a TOML document: where each key stands.

`tomllib` gives values without positions, and a message about a value needs its line. This
scanner walks over a document that `tomllib` has already accepted and notes the line of every
table header, key, and element of an array; it checks nothing itself.

Not here: columns, values, and documents that are not valid TOML.

Source: TOML 1.0.0, https://toml.io/en/v1.0.0.
"""

import re
import tomllib
from typing import Final

KeyPath = tuple[str | int, ...]
"""The way to a value from the top: keys of tables, and positions in arrays from 0."""

_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}\n#]+")
_STRINGS: Final = {
    # A closing delimiter of three quotes may have up to two more that belong to the text.
    '"""': re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''.*?'{3,5}", re.DOTALL),
    '"': re.compile(r'"(?:\\.|[^"\\])*"'),
    "'": re.compile(r"'[^']*'"),
}


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every table, key and array element of a valid document.

    A table that has no header of its own has the line of its first key.

    Raises:
        RecursionError: arrays or inline tables are nested too deeply, as in `tomllib`.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of `path`, or of the nearest table around it; line 1 is the document."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    """A position in the text, and the lines found up to there."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._tables: dict[KeyPath, int] = {}  # arrays of tables: how many tables so far

    def document(self) -> None:
        table: KeyPath = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._took("[["):
                table = self._next_table(self._dotted_key())
                self._took("]]")
            elif self._took("["):
                table = self._inside_arrays(self._dotted_key())
                self._note(table)
                self._took("]")
            else:
                self._pair(table)
            self._take(_BLANK)

    def _next_table(self, name: tuple[str, ...]) -> KeyPath:
        array = (*self._inside_arrays(name[:-1]), name[-1])
        position = self._tables.get(array, 0)
        self._tables[array] = position + 1
        self._note((*array, position))
        return (*array, position)

    def _inside_arrays(self, name: tuple[str, ...]) -> KeyPath:
        """Return the path of a header's name, which means the last table of each array."""
        path: KeyPath = ()
        for part in name:
            path = (*path, part)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = (*table, *self._dotted_key())
        self._note(path)
        self._took("=")
        self._take(_SPACE)
        self._value(path)

    def _dotted_key(self) -> tuple[str, ...]:
        parts = [self._key()]
        while self._took("."):
            parts.append(self._key())
        return tuple(parts)

    def _key(self) -> str:
        self._take(_SPACE)
        quote = self._text[self._at]
        part = self._take(_STRINGS.get(quote, _BARE_KEY))
        self._take(_SPACE)
        # Only tomllib knows all escapes, so that it is asked for what a quoted key says.
        return str(tomllib.loads(f"key = {part}")["key"]) if quote in _STRINGS else part

    def _value(self, path: KeyPath) -> None:
        if self._took("["):
            self._array(path)
        elif self._took("{"):
            self._inline_table(path)
        else:
            first = self._text[self._at]
            opening = self._text[self._at : self._at + 3]
            self._take(_STRINGS.get(opening) or _STRINGS.get(first) or _BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        position = 0
        self._take(_BLANK)
        while not self._took("]"):
            self._note((*path, position))
            self._value((*path, position))
            position += 1
            self._take(_BLANK)
            self._took(",")
            self._take(_BLANK)

    def _inline_table(self, path: KeyPath) -> None:
        self._take(_BLANK)
        while not self._took("}"):
            self._pair(path)
            self._take(_BLANK)
            self._took(",")
            self._take(_BLANK)

    def _note(self, path: KeyPath) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self._line)

    def _took(self, symbol: str) -> bool:
        is_there = self._text.startswith(symbol, self._at)
        self._at += len(symbol) if is_there else 0
        return is_there

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, f"tomllib accepted what is on line {self._line}"
        self._at = found.end()
        self._line += found.group().count("\n")
        return found.group()
