"""Plain text: escapes, shell words, wrapped blocks and aligned tables.

Everything that a subject or a scenario may have put into a report passes through `escape`, so
an id with a terminal control sequence in it can neither move the cursor nor hide a line.

Not here: what is said (`finding_text`, `summary`, `markdown`).
"""

import os
import shlex
import textwrap
from collections.abc import Sequence

# limits
TEXT_CHARACTERS = 2_000
"""Longest text of a subject that a report shows; the event log has all of it."""

LABEL_WIDTH = 10
"""Columns of a block's label, the blanks behind it included."""

INDENT = "  "


def escape(text: str) -> str:
    r"""Return the text with every character that is not printable as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    # A lone surrogate stands for a byte that was not UTF-8; ascii() shows it as \udc80.
    return ascii(character)[1:-1]


def shorten(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """Return the text escaped and shortened to the limit, saying how much was left out."""
    if len(text) <= limit:
        return escape(text)
    return f"{escape(text[:limit])} ... ({len(text) - limit:,} more characters)"


def listed(names: Sequence[str], most: int) -> str:
    """Return names with commas, at most so many, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def shell_word(text: str) -> str:
    """Return the text as one word that a POSIX shell, or bash for odd bytes, reads back."""
    if text.isprintable():
        return shlex.quote(text)
    quoted = "".join(_shell_byte(byte) for byte in file_bytes(text))
    return f"$'{quoted}'"


def file_bytes(text: str) -> bytes:
    """Return a text as the bytes of a file name; a surrogate that stands for no byte has its own.

    A log from elsewhere can hold such a one, which no file system here has ever given.
    """
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _shell_byte(byte: int) -> str:
    character = chr(byte)
    if character in "\\'":
        return f"\\{character}"
    return character if 32 <= byte < 127 else f"\\x{byte:02x}"


def shell_path(path: str) -> str:
    """Return a path as a shell word that is never taken for an option."""
    return shell_word(f"./{path}" if path.startswith("-") else path)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 case`, `2 cases`, `1,600 recoveries`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def paragraph(text: str, *, width: int, indent: str = INDENT) -> list[str]:
    """Return the text as lines of at most `width` columns, all indented alike."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def block(label: str, text: str, *, width: int, label_width: int = LABEL_WIDTH) -> list[str]:
    """Return `  label     text`, later lines indented to the text's column."""
    first = f"{INDENT}{label:<{label_width}}"
    if not first.endswith(" ") and text:
        first += "  "
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    ) or [first.rstrip()]


def command(label: str, text: str) -> str:
    """Return a block whose text is never wrapped, since it is there to be pasted."""
    return f"{INDENT}{label:<{LABEL_WIDTH}}{text}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Return aligned lines; the first `left` columns lean left, the others right."""
    everything = [head, *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(head))]
    return [
        INDENT
        + INDENT.join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in everything
    ]
