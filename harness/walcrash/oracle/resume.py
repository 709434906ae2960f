"""Resumes: a replay from the middle shows the same records as the end of a replay from 0.

Also here: replays that a workload asks for while the subject is alive.

Not here: an offset that is no record boundary. A subject may refuse it, so a refused replay is
no violation.
"""

from walcrash.oracle.log import Log
from walcrash.oracle.records import Shown, compare, compare_offsets
from walcrash.oracle.wording import name, records_listing
from walcrash.values.recovery import Recovery, Resume
from walcrash.values.verdict import Invariant, Violation


def check_resumes(recovery: Recovery, where: str) -> list[Violation]:
    """Judge the replays of one recovery that did not start at 0.

    The one from the checkpoint is what a boot relies on: `checkpoint-state`. Any other is
    judged as `order`.
    """
    violations = []
    for resume in recovery.resumes:
        right = tuple(item for item in recovery.records if item.offset >= resume.from_offset)
        if resume.records == right:
            continue
        state = recovery.state
        is_checkpoint = state is not None and state.checkpoint == resume.from_offset
        at = _first_difference(right, resume.records)
        start = f"{'the checkpoint ' if is_checkpoint else ''}{resume.from_offset}"
        violations.append(
            Violation(
                Invariant.CHECKPOINT_STATE if is_checkpoint else Invariant.ORDER,
                where,
                f"replay from {start} shows {_at(resume.records, at)}, "
                f"where replay from 0 shows {_at(right, at)}",
                records_listing(right, focus=at),
                records_listing(resume.records, focus=at),
            )
        )
    return violations


def check_live_replay(log: Log, replayed: Resume, where: str) -> list[Violation]:
    """Judge a replay in a living subject: all that has replied is there, promised or not.

    A replay from an offset that compaction may have moved is not judged.
    """
    start = 0 if replayed.from_offset == 0 else log.index_at(replayed.from_offset)
    if start is None:
        return []
    expectation = log.expectation(start=start)
    comparison = compare(expectation, replayed.records, where)
    offsets = compare_offsets(expectation, replayed.records, comparison.matches, None, where)
    return [*comparison.violations, *offsets]


def _first_difference(one: Shown, other: Shown) -> int:
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((i for i, (left, right) in enumerate(pairs) if left != right), shorter)


def _at(shown: Shown, position: int) -> str:
    if position >= len(shown):
        return "no more records"
    return f"{name(shown[position].record)} at {shown[position].offset}"
