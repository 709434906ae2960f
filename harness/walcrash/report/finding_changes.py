"""What became of findings since the last run, as text."""

from collections.abc import Sequence

from walcrash.report.text import block, listed
from walcrash.values.finding import FindingChange, FindingState, Unfollowed
from walcrash.values.limits import KEPT_CASES

# limits
IDS_SHOWN = 10
"""How many findings are named of which nothing is known."""

NOTHING = Unfollowed()

_LEFT_OUT = f"not run again: a run does so with at most {KEPT_CASES} cases of a scenario"
_SILENT = "whose cases are inconclusive now or cannot be run"
_LATE = "not run again: kept cases have half of the time, and it was over"

_WORDS = {
    FindingState.NEW: "new",
    FindingState.BACK: "back after they were fixed",
    FindingState.AGAIN: "known",
    FindingState.FIXED: "fixed, by their kept cases",
}


def change_lines(
    changes: Sequence[FindingChange], unfollowed: Unfollowed = NOTHING, *, width: int
) -> list[str]:
    """Return a line for each state, worst first; nothing where no finding was ever kept.

    Portability findings, which do not count against the subject, are lines of their own: `notes`.

    Args:
        changes: what became of findings.
        unfollowed: kept findings of which nothing is known.
        width: columns to wrap at.
    """
    lines = _of_states("findings", [c for c in changes if not c.is_portability], width)
    notes = _of_states("notes", [c for c in changes if c.is_portability], width)
    unknown = (
        (unfollowed.left_out, _LEFT_OUT),
        (unfollowed.silent, _SILENT),
        (unfollowed.late, _LATE),
    )
    for left, why in unknown:
        if left:
            named = listed(left, IDS_SHOWN)
            text = f"{len(left)} kept, {why}: {named}; `walcrash replay` runs one alone"
            lines += block("" if lines else "findings", text, width=width)
    return lines + notes


def _of_states(label: str, changes: Sequence[FindingChange], width: int) -> list[str]:
    lines: list[str] = []
    for state, words in _WORDS.items():
        for is_seen in (True, False):
            ids = [c.id for c in changes if c.state is state and c.is_seen is is_seen]
            if not ids:
                continue
            is_missed = not is_seen and state is not FindingState.FIXED
            note = "; no case of this run showed them, their kept cases did" if is_missed else ""
            text = f"{len(ids)} {words}: {', '.join(ids)}{note}"
            lines += block("" if lines else label, text, width=width)
    return lines
