"""A problem of a scenario file: where it is, what is wrong, and what to write instead."""

from dataclasses import dataclass

from walcrash.scenario.toml_position import KeyPath


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file.

    Attributes:
        path: where, as keys from the top and positions in arrays.
        message: what was found and what is allowed.
        hint: what to write; empty where there is nothing to say.
    """

    path: KeyPath
    message: str
    hint: str = ""
