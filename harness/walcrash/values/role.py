"""Roles: what files of one kind are called, whatever their numbers and random letters.

A run of digits is `#`, as in `cause.name_pattern`; what a program draws for the name of a temporary
file is `*`. Characters of the name that look so have a backslash before them.

Source: `mkstemp(3)`: the last six characters are replaced; Python's `tempfile`: `tmp` and eight of
`a-z0-9_`.
"""

import re
from typing import Final

from walcrash.values.cause import name_pattern

_RANDOM: Final = re.compile(
    r"(?<=\btmp)[a-z0-9_]{8}(?![A-Za-z0-9_])"
    # Six letters alone may be a word.
    r"|(?<=\.)(?=[A-Za-z]*\d|[A-Z]*[a-z]+[A-Z]|[a-z]*[A-Z]+[a-z])[A-Za-z0-9]{6}\Z"
)

_PARTS: Final = re.compile(r"\\.|.", re.DOTALL)

_GLOBS: Final = {"#": "[0-9]*", "*": "*", "\\#": "#", "\\\\": "\\", "?": "[?]", "[": "[[]"}


def role_of(path: str) -> str:
    """Return the role of a file."""
    kept = (name_pattern(part).replace("*", "\\*") for part in _RANDOM.split(path))
    return "*".join(kept)


def has_random(role: str) -> bool:
    """Whether a role has random letters in it."""
    return "*" in _PARTS.findall(role)


def role_glob(role: str) -> str:
    """Return the pattern of file names that a role stands for, as the shell has them."""
    return "".join(
        _GLOBS.get(part, f"[{part[-1]}]" if part[0] == "\\" else part)
        for part in _PARTS.findall(role)
    )
