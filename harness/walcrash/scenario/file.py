"""Scenario files: TOML in, a `Scenario` out, or every problem of the file at once.

Each problem has its file and line, the key, what was found, what is allowed and a hint. The
keys themselves are in `schema`, what concerns two of them in `checks`.

Importing this module imports pydantic, which costs 90 ms: import it where a scenario is about
to be loaded, and not in a worker.

Source: TOML 1.0.0.
"""

import difflib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.pinned_checks import pinned_problems
from walcrash.scenario.problem import Problem
from walcrash.scenario.problems import problems_of, shown
from walcrash.scenario.schema import (
    FORMAT,
    MixTable,
    PhaseTable,
    ScenarioTable,
    schema_json,
)
from walcrash.scenario.subject import resolve_subject
from walcrash.scenario.toml_position import key_lines, line_of
from walcrash.values.case_file import case_from_text
from walcrash.values.contract import Contract
from walcrash.values.errors import ScenarioError, UsageError
from walcrash.values.faults import FaultKind, FaultPlan, Injectable, class_of
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    OperationMix,
    PhasePlan,
    PinnedCase,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)

__all__ = [
    "find_scenarios",
    "load_scenario",
    "planted_directories",
    "planted_directory",
    "schema_json",
]

# limits
SCENARIO_BYTES: Final = 1024 * 1024
"""Largest scenario file that is read."""

PROBLEMS: Final = 50
"""Most problems of one file that are reported at once."""

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_POSITION: Final = re.compile(
    r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL
)


_FORM_HINT: Final = "walcrash schema says which keys and values a scenario may have"

_TOML_HINT: Final = "see https://toml.io for the form of the line that is named"


def load_scenario(path: Path) -> Scenario:
    """Read and validate a scenario file.

    Raises:
        ScenarioError: the file cannot be read, is not TOML, is of a newer format, or is wrong;
            the message has a block for each problem, in the order of the file.
    """
    text = _read(path)
    document = _parse(path, text)
    _refuse_newer(path, text, document)
    problems = problems_of(document) + _name_problems(path, document)
    subject, subject_problems = resolve_subject(path, document)
    problems += subject_problems
    if not problems:
        problems = pinned_problems(document)
    if problems:
        raise _error(path, text, problems)
    return _scenario(path, ScenarioTable.model_validate(document), subject)


def find_scenarios(names: Sequence[str]) -> list[Path]:
    """Return the files that the names mean, each once, in the order of the names.

    A name is the name of a shipped scenario, or a path; no name at all means all shipped
    scenarios, by name.

    Raises:
        UsageError: there is no such scenario.
    """
    shipped = shipped_scenarios()
    if not names:
        if not shipped:
            raise UsageError(
                "no scenario is shipped with this installation of walcrash",
                hint="pip install --force-reinstall walcrash, or name a scenario file",
            )
        return list(shipped.values())
    found = [shipped[name] if name in shipped else _existing(name, shipped) for name in names]
    return list(dict.fromkeys(found))


def planted_directory() -> Path:
    """Return the directory of the planted subjects and their scenarios."""
    return shipped_directory() / "planted"


def planted_directories() -> list[Path]:
    """Return the directories that say what is expected of planted subjects, each in a table."""
    return sorted(path.parent for path in planted_directory().glob("**/expected.toml"))


def shipped_scenarios() -> dict[str, Path]:
    return {file.stem: file for file in sorted(shipped_directory().glob("*.toml"))}


def shipped_directory() -> Path:
    """Return the directory of the scenarios that ship."""
    # The wheel carries the scenarios inside the package, a checkout has them next to it.
    in_wheel = _PACKAGE / "_scenarios"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parents[1] / "scenarios"


def _existing(name: str, shipped: dict[str, Path]) -> Path:
    path = Path(name)
    try:
        if name and path.exists():
            return path
    except (OSError, ValueError):
        pass  # A name that no file can have is a name that is not found.
    near = difflib.get_close_matches(path.stem, shipped, n=1)
    listed = ", ".join(shipped) or "none"
    raise UsageError(
        f"there is no scenario {shown(name)}: it is neither a file nor one of the shipped ones "
        f"({listed})",
        hint=f"walcrash run {near[0]}" if near else "walcrash run scenarios/my-scenario.toml",
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SCENARIO_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such file", hint=f"ls {path.parent}") from None
    except IsADirectoryError:
        raise ScenarioError(
            f"{path}: a scenario is a file; found a directory", hint=f"walcrash run {path}/*.toml"
        ) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise ScenarioError(
            f"{path}: the scenario cannot be read: {reason}", hint=f"ls -l {path}"
        ) from None
    if len(content) > SCENARIO_BYTES:
        raise ScenarioError(
            f"{path}: a scenario has at most {SCENARIO_BYTES} bytes; found more", hint=_FORM_HINT
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise ScenarioError(
            f"{path}:{line}: a scenario is UTF-8 text; "
            f"found the byte 0x{content[problem.start]:02x} at {problem.start}",
            hint=f"iconv -f latin1 -t utf-8 {path} > fixed.toml",
        ) from None


def _parse(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ScenarioError(
            f"{path}: arrays or tables are nested too deeply", hint=_FORM_HINT
        ) from None
    except ValueError as problem:
        position = _POSITION.match(str(problem))
        line = position and (position[2] or text.count("\n") + 1)
        where = f"{path}:{line}" if line else f"{path}"
        what = position[1] if position else str(problem)
        raise ScenarioError(f"{where}: this is not TOML: {what}", hint=_TOML_HINT) from None


def _refuse_newer(path: Path, text: str, document: dict[str, object]) -> None:
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        problem = Problem(
            ("format",),
            f"scenario format {shown(found)} is newer than this walcrash, "
            f"which reads format {FORMAT}",
            "pip install --upgrade walcrash",
        )
        raise _error(path, text, [problem])


def _name_problems(path: Path, document: dict[str, object]) -> list[Problem]:
    name = document.get("name")
    if not isinstance(name, str) or name == path.stem:
        return []
    message = f"found {shown(name)}; the name is the file's, without .toml"
    return [Problem(("name",), message, f"write `name = {shown(path.stem)}`")]


def _error(path: Path, text: str, problems: Sequence[Problem]) -> ScenarioError:
    """Return one error with a block for each problem, in the order of the file."""
    try:
        lines = key_lines(text)
    except RecursionError:
        lines = {}  # Too deep for the scanner: the problems have no lines.
    placed = sorted(
        ((line_of(lines, problem.path), problem) for problem in problems),
        key=lambda each: (each[0], [str(part) for part in each[1].path]),
    )
    blocks = []
    for line, problem in placed[:PROBLEMS]:
        hint = f"\n    hint: {problem.hint}" if problem.hint else ""
        blocks.append(f"{path}:{line}: {_dotted(problem)}{problem.message}{hint}")
    if len(placed) > PROBLEMS:
        blocks.append(f"{path}: and {len(placed) - PROBLEMS} more problems")
    is_all_said = all(problem.hint for _, problem in placed)
    return ScenarioError("\n".join(blocks), hint="" if is_all_said else _FORM_HINT)


def _dotted(problem: Problem) -> str:
    text = ""
    for part in problem.path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return f"`{text}`: " if text else ""


def _scenario(path: Path, table: ScenarioTable, subject: SubjectSpec) -> Scenario:
    contract = table.contract
    faults = tuple(map(_fault_plan, table.faults))
    has_injected = any(isinstance(class_of(plan), Injectable) for plan in faults)
    return Scenario(
        name=table.name,
        summary=table.summary,
        path=str(path),
        subject=replace(subject, options=dict(table.subject.options)),
        contract=None
        if contract is None
        else Contract(
            acknowledges=contract.acknowledges,
            kill=contract.kill,
            power=contract.power,
            model=contract.model,
            detects=frozenset(contract.detects),
            max_attempts=contract.max_attempts,
            atomic_bytes=contract.atomic_bytes,
        ),
        workload=_workload(table),
        faults=faults,
        invariants=frozenset(table.invariants.check),
        budget=Budget(
            cases=table.budget.cases if "cases" in table.budget.model_fields_set else None,
            seconds=table.budget.seconds,
        ),
        limits=RecoveryLimits(
            seconds=table.limits.recovery_seconds,
            memory_mb=table.limits.recovery_memory_mb,
        ),
        pinned=tuple(
            PinnedCase(
                finding=pin.finding,
                invariant=pin.invariant,
                reaches=tuple(pin.reaches),
                case=case_from_text(pin.case),
            )
            for pin in table.pinned
        ),
        fits_faults="workload" not in table.model_fields_set and not has_injected,
    )


def _workload(table: ScenarioTable) -> WorkloadPlan:
    """Return what the file states; where it states nothing, what is fitted to the subject."""
    if "workload" not in table.model_fields_set:
        return FITTED_WORKLOAD
    stated = table.workload
    return WorkloadPlan(
        boots=stated.boots,
        operations=stated.operations,
        mix=_mix(stated.mix),
        payload_bytes=tuple(stated.payload_bytes),
        ids=stated.ids,
        clean_close=stated.clean_close,
        clock_back=stated.clock_back,
        phases=tuple(map(_phase, stated.phases)),
    )


def _fault_plan(table: FaultTable) -> FaultPlan:
    """Return a plan of the same keys: one of a new class of fault needs no line here."""
    values: dict[str, Any] = {key: getattr(table, key) for key in FaultTable.model_fields}
    frozen: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in values.items()
    }
    draws_times = table.kind is FaultKind.SLOW and "times" not in table.model_fields_set
    return FaultPlan(**frozen, draws_times=draws_times)


def _mix(table: MixTable) -> dict[OperationMix, int]:
    return {kind: getattr(table, kind.value) for kind in OperationMix}


def _phase(table: PhaseTable) -> PhasePlan:
    return PhasePlan(
        operations=table.operations,
        mix=None if table.mix is None else _mix(table.mix),
        payload_bytes=None if table.payload_bytes is None else tuple(table.payload_bytes),
        clean_close=table.clean_close,
    )
