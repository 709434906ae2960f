"""What a published page was made from: a command, a commit, a machine and what else it did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How to make a page again.

    Attributes:
        command: the command line, without the page's own path.
        commit: of the checkout that ran it, ending in `-dirty` where files differed from it; empty
            where walcrash is not run from a checkout.
        processors: how many were there.
        load: how many processes wanted one, over the last five minutes before it began.
    """

    command: str
    commit: str
    processors: int
    load: float
