"""What was made of images beside their first recovery, and what was left out: the words for it."""

from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import counted
from walcrash.values.history import RecoveryName
from walcrash.values.looks import LookTotals

_NAMES: Final = {
    RecoveryName.AGAIN: "again",
    RecoveryName.AFTER: "after new records",
    RecoveryName.PERTURBED: "in other surroundings",
}


def look_words(report: RunReport) -> str:
    """Return how many images were recovered in which ways; empty where none was left out of any."""
    looks = LookTotals.sum(scenario.looks for scenario in report.scenarios)
    parts = []
    if looks.left_out:
        shown = [
            f"{looks.made.get(name.value, 0):,} of "
            f"{looks.made.get(name.value, 0) + looks.left_out.get(name.value, 0):,} {words}"
            for name, words in _NAMES.items()
            if looks.left_out.get(name.value)
        ]
        parts.append(f"images recovered {', '.join(shown)}; the others had nothing new")
    if looks.later_boots:
        parts.append(f"{counted(looks.later_boots, 'boot')} behind those of cases that passed")
    return "; ".join(parts)
