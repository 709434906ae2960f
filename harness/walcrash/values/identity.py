"""Ids: a few hexadecimal digits for what a failure is, from facts and never from a sentence.

The facts are written as JSON without a choice: arrays, with ASCII only and no blanks. The same
facts give the same id in any process, Python and version; rewording a message changes none.

Not here: which facts a finding or a group has (`values.cause`, `minimise.cause`).

Source: BLAKE2, RFC 7693.
"""

import hashlib
import json
from typing import Final, TypeAlias

from walcrash.values.scenario import SubjectSpec

Facts: TypeAlias = "str | int | float | bool | tuple[Facts, ...] | None"
"""Values of enums, names, numbers, yes and no; tuples of them in a stated order."""

ID_DIGITS: Final = 6
"""Hexadecimal digits of an id."""


def finding_id(
    scenario: str, subject: SubjectSpec, cause: Facts, *, is_portability: bool = False
) -> str:
    """Return the id of the finding with this cause: `F-` and digits."""
    return f"F-{_digits(scenario, subject, cause, is_portability=is_portability)}"


def group_id(
    scenario: str, subject: SubjectSpec, group: Facts, *, is_portability: bool = False
) -> str:
    """Return the id of a group of failing cases: `G-` and digits."""
    return f"G-{_digits(scenario, subject, group, is_portability=is_portability)}"


def canonical(facts: Facts) -> str:
    """Return the one text that stands for these facts and for no others."""
    return json.dumps(facts, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _digits(scenario: str, subject: SubjectSpec, facts: Facts, *, is_portability: bool) -> str:
    options = tuple(sorted(subject.options.items()))
    text = canonical((scenario, subject.name, options, facts, is_portability))
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()[:ID_DIGITS]
