"""Pinning: a kept finding's minimal case is written into a scenario file.

By default the case is added to the scenario that it came from; `-o` makes a new scenario of it.
What was written is read again at once, and taken back if it is not a right scenario.
"""

import json
import os
import re
from pathlib import Path

from walcrash.findings.store import KeptFinding, Store
from walcrash.scenario.file import load_scenario, shipped_scenarios
from walcrash.values.case_file import case_to_json
from walcrash.values.errors import UsageError, WalcrashError
from walcrash.values.scenario import Scenario


def pin(reference: str, *, runs: Path, output: Path | None) -> tuple[KeptFinding, Path]:
    """Pin a kept finding; return it, and the scenario file.

    Raises:
        UsageError: there is no such finding, its scenario is gone, or the file cannot be written.
        ScenarioError: the scenario file is broken.
    """
    kept = Store(runs).find(reference)
    origin = _origin(kept, output)
    scenario = load_scenario(origin)
    if output is None and any(
        each.finding in (kept.id, *kept.former_ids) for each in scenario.pinned
    ):
        raise UsageError(
            f"{kept.id} is pinned in {origin} already; nothing was written",
            hint=f"walcrash run {origin} runs it",
        )
    before = origin.read_text(encoding="utf-8")
    text = before.rstrip() + "\n"
    if output is None:
        _write(origin, text + pinned_text(kept), before=before)
        return kept, origin
    _write(output, _moved(text, scenario, origin, output) + pinned_text(kept), before=None)
    return kept, output


def pinned_text(kept: KeptFinding) -> str:
    """Return the table of a finding, to stand at the end of a scenario file."""
    reaches = [str(landing.place) for landing in kept.finding.landings]
    # No apostrophe, so that nothing in the case can end the literal string.
    case = json.dumps(case_to_json(kept.stored.case), indent=1).replace("'", "\\u0027")
    return (
        f"\n# Pinned by `walcrash pin {kept.id}`: it runs first in every campaign.\n"
        "[[pinned]]\n"
        f'finding = "{kept.id}"\n'
        f'invariant = "{kept.invariant.value}"\n'
        f"reaches = {json.dumps(reaches)}\n"
        f"case = '''\n{case}\n'''\n"
    )


def _origin(kept: KeptFinding, output: Path | None) -> Path:
    name = kept.finding.scenario_path
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_scenarios().get(name)
    if shipped is None:
        raise UsageError(
            f"the scenario of {kept.id}, {name}, is not there; nothing was written",
            hint="walcrash pin in the directory in which the campaign was run",
        )
    if output is None:
        raise UsageError(
            f"{kept.id} is of the shipped scenario {name}, which belongs to walcrash; nothing was "
            "written",
            hint=f"walcrash pin {kept.id} -o scenarios/{name}-{kept.id[2:]}.toml",
        )
    return shipped


def _moved(text: str, scenario: Scenario, origin: Path, output: Path) -> str:
    """Return a scenario's text for another file: its name, and the way to its subject."""
    if output.suffix != ".toml":
        raise UsageError(
            f"{output}: a scenario file ends in .toml; nothing was written",
            hint=f"--output {output}.toml",
        )
    text = re.sub(
        r"^name\s*=.*$", f"name = {json.dumps(output.stem)}", text, count=1, flags=re.MULTILINE
    )
    if output.resolve().parent == origin.resolve().parent:
        return text
    if scenario.subject.driver:
        raise UsageError(
            f"the driver of {origin} is named relative to it; nothing was written",
            hint=f"-o {origin.parent / output.name}",
        )
    file, colon, kind = scenario.subject.adapter.rpartition(":")
    if not colon or not file.endswith(".py"):
        return text
    adapter = f"{os.path.relpath(file, output.resolve().parent)}:{kind}"
    return re.sub(
        r"^adapter\s*=.*$",
        lambda _: f"adapter = {json.dumps(adapter)}",
        text,
        count=1,
        flags=re.MULTILINE,
    )


def _write(target: Path, text: str, *, before: str | None) -> None:
    """Replace a file whole; put back what was there if the new one is no right scenario."""
    if before is None and target.exists():
        raise UsageError(
            f"{target} is there already; nothing was written", hint="name another file"
        )
    _replace(target, text)
    try:
        load_scenario(target)
    except WalcrashError:
        if before is None:
            target.unlink(missing_ok=True)
        else:
            _replace(target, before)
        raise


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise UsageError(
            f"{target} cannot be written: {problem.strerror}", hint=f"ls -ld {target.parent}"
        ) from None
