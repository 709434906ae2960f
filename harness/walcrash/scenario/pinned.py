"""Pinned cases in a scenario file: findings under version control.

The case stands in the file as it is stored, not as a seed, so it means the same in any version.
"""

from typing import Annotated, Final

from pydantic import Field

from walcrash.scenario.table import Table, member_of
from walcrash.values.verdict import Invariant

# limits
CASE_CHARACTERS: Final = 500_000
"""Longest pinned case, as JSON."""

REACHES: Final = 64
"""Most crash points of a pinned case."""


class PinnedTable(Table):
    """A case that runs before all others of a campaign; `walcrash pin` writes it."""

    finding: str = Field(
        pattern="^F-[0-9a-f]{1,32}$",
        description="The finding that it was.",
        examples=["F-7c1e42"],
    )
    invariant: Annotated[Invariant, member_of(Invariant)] = Field(
        description="The invariant that it broke.", examples=["lost-put"]
    )
    reaches: list[Annotated[str, Field(max_length=200)]] = Field(
        max_length=REACHES,
        description=(
            "Where its crashes fall, in the order of its boots; a case whose crashes fall "
            "at other places has tested something else, and is inconclusive."
        ),
        examples=[["within write in append PutOperation"]],
    )
    case: str = Field(
        min_length=2,
        max_length=CASE_CHARACTERS,
        description="The case as JSON: operations and crash points.",
        examples=["{...}"],
    )
