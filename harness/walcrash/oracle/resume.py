"""Resumes: a replay from the middle shows the same records as the end of a replay from 0.

The replay from the checkpoint is what a boot relies on, so it is judged as `checkpoint-state`.
Any other one is judged as `order`.

Not here: replays that a workload asks for while the subject is alive. Those are compared with
the log (`comparison`).
"""

from dataclasses import dataclass

from walcrash.oracle.comparison import Shown
from walcrash.oracle.wording import name, records_listing
from walcrash.values.recovery import Recovery
from walcrash.values.verdict import Invariant, Violation


@dataclass(frozen=True, slots=True)
class WrongResume:
    """A replay from the middle that does not show what a replay from 0 shows from there on."""

    from_offset: int
    is_checkpoint: bool
    right: Shown
    shown: Shown

    def violation(self, invariant: Invariant, where: str) -> Violation:
        """Return it as a violation."""
        at = _first_difference(self.right, self.shown)
        start = f"{'the checkpoint ' if self.is_checkpoint else ''}{self.from_offset}"
        return Violation(
            invariant,
            where,
            f"replay from {start} shows {_at(self.shown, at)}, "
            f"where replay from 0 shows {_at(self.right, at)}",
            records_listing(self.right, focus=at),
            records_listing(self.shown, focus=at),
        )


def wrong_resumes(recovery: Recovery, *, at_checkpoint: bool) -> list[WrongResume]:
    """Return the replays of a recovery that are wrong: those from its checkpoint, or all others."""
    checkpoint = None if recovery.state is None else recovery.state.checkpoint
    wrong = []
    for resume in recovery.resumes:
        if (resume.from_offset == checkpoint) is not at_checkpoint:
            continue
        right = tuple(item for item in recovery.records if item.offset >= resume.from_offset)
        if resume.records != right:
            wrong.append(WrongResume(resume.from_offset, at_checkpoint, right, resume.records))
    return wrong


def _first_difference(one: Shown, other: Shown) -> int:
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((i for i, (left, right) in enumerate(pairs) if left != right), shorter)


def _at(shown: Shown, position: int) -> str:
    if position >= len(shown):
        return "no more records"
    return f"{name(shown[position].record)} at {shown[position].offset}"
