"""Subjects on a command line: a scenario, or a subject with options and a fitted workload.

`sqlite,journal_mode=WAL,synchronous=FULL` is the adapter `sqlite` with two options. Anything
that is a scenario's name or path is that scenario.

Not here: scenario files (`scenario.file`), loading an adapter (`subjects.loading`).
"""

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Final

from walcrash.scenario.file import find_scenarios, load_scenario
from walcrash.values.errors import UsageError
from walcrash.values.faults import FaultKind, FaultPlan
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
)
from walcrash.values.verdict import Invariant

OptionValue = str | int | float | bool

_OPTION: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def read_subject(words: str, *, command: str = "probe") -> Scenario:
    """Return the scenario that is named: a file's, or one made for the subject alone.

    Args:
        words: the subject's words.
        command: who asks, as hints name it, with what comes before the subject.

    Raises:
        UsageError: it is neither, or an option has no value.
        ScenarioError: the scenario is broken.
    """
    if _is_scenario(words):
        (path,) = find_scenarios([words])
        scenario = load_scenario(path)
        return scenario if Path(words).exists() else _renamed(scenario, words)
    adapter, *options = words.split(",")
    if not adapter:
        raise UsageError(
            f"a subject is a scenario or an adapter; found {words!r}",
            hint=f"walcrash {command} reference",
        )
    named = dict(_option(option, command) for option in options)
    spec = SubjectSpec(adapter=_absolute(adapter, command), options=named)
    return Scenario(
        name=re.sub(r"[^A-Za-z0-9._=-]+", "-", words.rpartition("/")[2]),
        summary=f"The subject {words} under a workload that is fitted to it.",
        path=words,
        subject=spec,
        contract=None,
        workload=FITTED_WORKLOAD,
        faults=(FaultPlan(kind=FaultKind.KILL), FaultPlan(kind=FaultKind.POWER)),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    )


def _is_scenario(words: str) -> bool:
    if words.endswith(".toml"):
        return True
    return words in {path.stem for path in find_scenarios(())}


def _renamed(scenario: Scenario, words: str) -> Scenario:
    """Return a shipped scenario under its name: its path is that of this installation only."""
    return replace(scenario, path=words)


def _absolute(adapter: str, command: str) -> str:
    """Return a file's adapter by its whole path, since jobs may run in another directory."""
    file, colon, name = adapter.rpartition(":")
    if not (colon and file.endswith(".py")):
        return adapter
    path = Path(file).resolve()
    if not path.is_file():
        raise UsageError(
            f"the subject {adapter!r}: there is no file {path}",
            hint=f"walcrash {command} path/to/my_wal.py:Adapter",
        )
    return f"{path}:{name}"


def _option(text: str, command: str) -> tuple[str, OptionValue]:
    match = _OPTION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"an option of a subject is `key=value`; found {text!r}",
            hint=f"walcrash {command} sqlite,journal_mode=WAL,synchronous=FULL",
        )
    return match[1], read_value(match[2])


def read_value(text: str) -> OptionValue:
    """Read an option's value as TOML would, and what is no value there as text.

    So `10` is a number, `"10"` and `wal` are text, and so is `01`, which TOML refuses.
    """
    try:
        table = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    value = table["value"]
    # More than one line is no value, and there are no options that are dates, lists or tables.
    return value if len(table) == 1 and isinstance(value, str | int | float | bool) else text
