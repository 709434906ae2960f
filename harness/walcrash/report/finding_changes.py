"""What became of findings since the last run, as text."""

from collections.abc import Sequence

from walcrash.report.text import block
from walcrash.values.finding import FindingChange, FindingState

_WORDS = {
    FindingState.NEW: "new",
    FindingState.BACK: "back after they were fixed",
    FindingState.AGAIN: "known",
    FindingState.FIXED: "fixed, by their kept cases",
}


def change_lines(changes: Sequence[FindingChange], *, width: int) -> list[str]:
    """Return a line for each state, worst first; nothing where no finding was ever kept."""
    lines: list[str] = []
    for state, words in _WORDS.items():
        for is_seen in (True, False):
            ids = [c.id for c in changes if c.state is state and c.is_seen is is_seen]
            if not ids:
                continue
            is_missed = not is_seen and state is not FindingState.FIXED
            note = "; no case of this run showed them, their kept cases did" if is_missed else ""
            text = f"{len(ids)} {words}: {', '.join(ids)}{note}"
            lines += block("" if lines else "findings", text, width=width)
    return lines
