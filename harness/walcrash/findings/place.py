"""Where a kept subject's files are now: a store goes from machine to machine, and checkouts move.

A stored case names its subject by absolute paths. They are sought where the store is now, in the
same relation to it as before; then where the scenario of the same name, in the present directory,
has a subject of the same name; then where they were. What is given to the subject (its options and
other words) is always the stored case's.

Not here: bundles, which start nothing that nobody has named (`bundle`).
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from walcrash.scenario.file import load_scenario
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import WalcrashError
from walcrash.values.scenario import SubjectSpec


def found_again(stored: StoredCase, *, was: Path, now: Path, scenario_path: str) -> StoredCase:
    """Return a stored case with its subject's paths as they are here and now.

    Args:
        stored: as it was kept.
        was: the store's directory at that time; the empty path if it is not known.
        now: the store's directory.
        scenario_path: the scenario as it was named.
    """
    subject = stored.subject
    if was.is_absolute() and was != now:
        moved = _with_paths(subject, lambda path: _moved(path, was, now))
        subject = moved if missing_file(moved) is None else subject
    if missing_file(subject) is not None:
        subject = _by_scenario(subject, scenario_path) or subject
    return stored if subject == stored.subject else replace(stored, subject=subject)


def missing_file(subject: SubjectSpec) -> str | None:
    """Return the file that a subject needs and that is not there; None if all are."""
    file = _adapter_file(subject)
    needed = [file] if file else [word for word in subject.driver[:1] if os.path.isabs(word)]
    return next((path for path in needed if not os.path.isfile(path)), None)


def _moved(path: str, was: Path, now: Path) -> str:
    """Return the path in the same relation to the store, if something is there."""
    moved = os.path.normpath(os.path.join(now, os.path.relpath(path, was)))
    return moved if os.path.exists(moved) else path


def _by_scenario(subject: SubjectSpec, scenario_path: str) -> SubjectSpec | None:
    """Return the subject with the paths of a scenario's that has the same name; None without."""
    path = Path(scenario_path)
    if path.suffix != ".toml" or not path.is_file():
        return None
    try:
        named = load_scenario(path).subject
    except WalcrashError:
        return None
    if named.name != subject.name or bool(named.driver) != bool(subject.driver):
        return None
    return replace(subject, adapter=named.adapter, driver=named.driver)


def _with_paths(subject: SubjectSpec, change: Callable[[str], str]) -> SubjectSpec:
    file = _adapter_file(subject)
    driver = tuple(change(word) if os.path.isabs(word) else word for word in subject.driver)
    if not file:
        return replace(subject, driver=driver)
    return replace(subject, adapter=f"{change(file)}:{subject.adapter.rpartition(':')[2]}")


def _adapter_file(subject: SubjectSpec) -> str:
    """Return the file of an adapter; empty if it is a module's, one that ships or a driver."""
    file, colon, _ = subject.adapter.rpartition(":")
    return file if colon and file.endswith(".py") else ""
