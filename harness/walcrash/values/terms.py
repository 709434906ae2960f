"""Terms: what one case is judged by.

Not here: the case itself, which is a history.
"""

from dataclasses import dataclass

from walcrash.values.contract import Contract
from walcrash.values.verdict import Invariant


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subject is held to.

    Attributes:
        contract: what the subject promises.
        supports: the subject's capabilities, as in the driver protocol.
        invariants: the rules that were asked for; violations of others are not reported.
    """

    contract: Contract
    supports: frozenset[str]
    invariants: frozenset[Invariant]
