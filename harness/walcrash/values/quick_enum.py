"""Enumerations whose members are keys of many sets and tables.

`Enum` hashes a member by its name, in Python: 4 % of a search's time. A member is one object in a
process, so its own address does as well.

Not here: the enumerations themselves.
"""

from enum import Enum


class QuickEnum(Enum):
    """An enumeration that is hashed as the one object that each member is."""

    __hash__ = object.__hash__
