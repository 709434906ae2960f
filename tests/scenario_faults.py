"""The faults of a small scenario, as it is read from a file."""

from pathlib import Path

from walcrash.scenario.file import load_scenario
from walcrash.values.faults import FaultPlan

BASE = 'format = 1\nname = "small"\nsummary = "s"\n[subject]\nadapter = "reference"\n[[faults]]\n'


def loaded(directory: Path, fault: str) -> tuple[FaultPlan, ...]:
    """Return the faults of a scenario with one table in [[faults]] that says this."""
    path = directory / "small.toml"
    path.write_text(BASE + fault, encoding="utf-8")
    return load_scenario(path).faults
