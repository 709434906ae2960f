"""Branches: the oracle's state at one point of a history, from which several recoveries are judged.

What is kept is immutable, and stands in lists, dictionaries and sets: new ones of these are all
that a branch needs.
"""

import copy
from typing import TypeVar

T = TypeVar("T")


def branched(state: T) -> T:
    """Return an object that is brought forward by itself from here on."""
    other = copy.copy(state)
    for name, value in vars(state).items():
        if isinstance(value, list | dict | set):
            setattr(other, name, value.copy())
    return other
