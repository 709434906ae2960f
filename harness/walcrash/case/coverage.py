"""Coverage: how much of what is legal the images of some boots were.

Not here: which images are judged (`power_loss`, `plane_search`).
"""

from collections import Counter
from dataclasses import dataclass, field

from walcrash.disk import Space
from walcrash.values.log import ImageTotals


@dataclass(slots=True)
class Coverage:
    """What of some boots' images was judged; see `ImageTotals` for the numbers.

    `kinds` counts the events before, within and after which the power was lost.
    """

    positions: int = 0
    all_positions: int = 0
    legal: int = 0
    is_legal_counted: bool = True
    generated: int = 0
    distinct: int = 0
    judged: int = 0
    policies: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def add_space(self, space: Space) -> None:
        """Count what is legal at one more position."""
        self.legal += space.states
        self.is_legal_counted &= space.is_counted

    def add(self, other: "Coverage") -> None:
        """Count another case's coverage too."""
        self.positions += other.positions
        self.all_positions += other.all_positions
        self.legal += other.legal
        self.is_legal_counted &= other.is_legal_counted
        self.generated += other.generated
        self.distinct += other.distinct
        self.judged += other.judged
        self.policies += other.policies
        self.kinds += other.kinds

    def totals(self) -> ImageTotals:
        """Return the numbers as the event log has them."""
        return ImageTotals(
            positions=self.positions,
            all_positions=self.all_positions,
            legal=self.legal,
            is_legal_counted=self.is_legal_counted,
            generated=self.generated,
            distinct=self.distinct,
            judged=self.judged,
            policies=dict(sorted(self.policies.items())),
        )
