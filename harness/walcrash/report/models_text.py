"""What real file systems said to the models, as text, Markdown and JSON."""

import json
from collections.abc import Mapping, Sequence

from walcrash.report.output import publish
from walcrash.report.text import command, counted, escape, shell_path, table
from walcrash.values.errors import ExitCode
from walcrash.values.image_choice import Policy
from walcrash.values.persistence import PersistenceModel
from walcrash.values.real_tree import FileSystemCheck, LitmusOutcome, ModelCheck, PolicyShare

FORMAT = 1
"""Version of the JSON."""

# limits
MOST_REFUSED = 50
"""Refused trees that are shown, of each file system's and in all."""

_HEAD = ("file system", "held against", "runs", "cuts", "mounts", "no mount", "trees", "refused",
         "not judged", "undecided")  # fmt: skip


def publish_models(
    check: ModelCheck, *, form: str, missing: Sequence[str] = (), seed: str = ""
) -> ExitCode:
    """Print the table and the refused trees; return 1 if there are any, 4 if nothing was held.

    Args:
        check: what it came to.
        form: `text`, `markdown` or `json`.
        missing: what was asked for and could not be recorded.
        seed: the master seed of a recording.
    """
    forms = {"text": models_text, "markdown": models_markdown, "json": _json}
    publish(forms[form](check, missing, seed))
    if check.refused:
        return ExitCode.FINDINGS
    held = sum(each.trees for each in check.file_systems)
    undecided = sum(sum(each.undecided.values()) for each in check.file_systems)
    return ExitCode.INCONCLUSIVE if missing or undecided or not held else ExitCode.PASSED


def publish_list(names: Mapping[str, Sequence[str]]) -> ExitCode:
    """Print the names that can be recorded, a kind after the other."""
    publish("\n\n".join("\n".join([f"{kind}:", *map("  ".__add__, names[kind])]) for kind in names))
    return ExitCode.PASSED


def models_text(check: ModelCheck, missing: Sequence[str] = (), seed: str = "") -> str:
    """Return the table, the shares where they were counted, and each tree that is refused."""
    parts = [table(_HEAD, [_row(each) for each in check.file_systems], left=2)]
    parts.append(_shares(check))
    parts.append(_outcomes(check))
    shown = check.refused[:MOST_REFUSED]
    parts += [
        [
            f"  {escape(each.where)}, run {each.run}, tree {each.tree}: refused by "
            f"`{each.model.value}`",
            f"    {escape(each.reason)}",
        ]
        for each in shown
    ]
    parts += [
        [
            f"  {escape(each.where)}, run {each.run}, tree {each.tree}: not judged by "
            f"`{each.model.value}`",
            f"    not judged: {escape(each.reason)}",
        ]
        for each in check.not_judged[:MOST_REFUSED]
    ]
    if len(shown) < len(check.refused):
        parts.append([f"  and {counted(len(check.refused) - len(shown), 'more refusal')}"])
    parts.append([f"  not recorded: {escape(each)}" for each in missing])
    if seed:
        parts.append([command("seed", shell_path(seed))])
    parts.append([_verdict(check, missing)])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _row(each: FileSystemCheck) -> tuple[str, ...]:
    return (
        each.file_system,
        ", ".join(model.value for model in each.refused),
        f"{each.runs:,}",
        f"{each.cuts:,}",
        f"{each.mounts:,}",
        f"{each.unmountable:,}",
        f"{each.trees:,}",
        _by_model(each.refused),
        _by_model(each.not_judged),
        _by_model(each.undecided),
    )


def _by_model(counts: Mapping[PersistenceModel, int]) -> str:
    values = list(counts.values())
    if len(set(values)) <= 1:
        return f"{values[0]:,}" if values else "-"
    return ", ".join(f"{count:,} {model.value}" for model, count in counts.items())


def _shares(check: ModelCheck) -> list[str]:
    """Return a line for each policy: what share of its images each file system showed."""
    every = [each for each in check.file_systems if each.shares]
    if not every:
        return []
    head = ("policy", *(each.file_system for each in every))
    rows = [
        (policy.value, *(_share(each.shares.get(policy)) for each in every))
        for policy in _by_share(every)
    ]
    return table(head, rows)


_OUTCOMES = ("litmus workload", "outcome", "allowed by", "seen on")


def _outcomes(check: ModelCheck) -> list[str]:
    """Return a line for each outcome: the models that allow it, the file systems that showed it."""
    if not check.outcomes:
        return []
    return table(_OUTCOMES, [_outcome_row(each) for each in check.outcomes], left=4)


def _outcome_row(each: LitmusOutcome) -> tuple[str, ...]:
    return (
        each.workload,
        escape(each.outcome),
        ", ".join(model.value for model in each.allowed) or "none",
        ", ".join(each.seen) or "none",
    )


def _by_share(every: Sequence[FileSystemCheck]) -> list[Policy]:
    """Return the policies that have images, those that were seen most often first."""

    def seen(policy: Policy) -> float:
        shares = [each.shares[policy] for each in every if policy in each.shares]
        images = sum(share.images for share in shares)
        return sum(share.seen for share in shares) / images if images else -1.0

    return sorted((policy for policy in Policy if seen(policy) >= 0), key=seen, reverse=True)


def _share(share: PolicyShare | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share.seen / share.images:.0f} % of {share.images:,}"


def _verdict(check: ModelCheck, missing: Sequence[str]) -> str:
    trees = sum(each.trees for each in check.file_systems)
    cuts = sum(each.cuts for each in check.file_systems)
    refused = len({(each.where, each.run, each.tree) for each in check.refused})
    words = f"{counted(trees, 'tree')} of {counted(cuts, 'cut')}, {refused:,} refused"
    not_judged = len({(each.where, each.run, each.tree) for each in check.not_judged})
    words += f", {not_judged:,} not judged" if not_judged else ""
    undecided = sum(sum(each.undecided.values()) for each in check.file_systems)
    if refused:
        return f"FAIL  {words}"
    if undecided or missing or not trees:
        reasons = [f"{undecided:,} undecided"] if undecided else []
        reasons += [f"{counted(len(missing), 'run')} not recorded"] if missing else []
        return f"INCONCLUSIVE  {'; '.join([words, *reasons])}"
    return f"PASS  {words}"


def models_markdown(check: ModelCheck, missing: Sequence[str] = (), seed: str = "") -> str:
    """Return the table and the shares as they are published."""
    lines = ["| " + " | ".join(_HEAD) + " |", "| --- | --- |" + " ---: |" * (len(_HEAD) - 2)]
    lines += ["| " + " | ".join(_row(each)) + " |" for each in check.file_systems]
    every = [each for each in check.file_systems if each.shares]
    if every:
        lines += ["", "| policy | " + " | ".join(each.file_system for each in every) + " |"]
        lines.append("| --- |" + " ---: |" * len(every))
        lines += [
            f"| {policy.value} | "
            + " | ".join(_share(each.shares.get(policy)) for each in every)
            + " |"
            for policy in _by_share(every)
        ]
    if check.outcomes:
        lines += ["", "| " + " | ".join(_OUTCOMES) + " |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(_outcome_row(each)) + " |" for each in check.outcomes]
    kernels = sorted({kernel for each in check.file_systems for kernel in each.kernels})
    said = f"; Linux {', '.join(kernels)}" if kernels else ""
    said += f"; seed {seed}" if seed else ""
    return "\n".join([*lines, "", f"{_verdict(check, missing)}{said}."])


def _json(check: ModelCheck, missing: Sequence[str], seed: str) -> str:
    return json.dumps(
        {
            "format": FORMAT,
            "seed": seed,
            "file_systems": [_file_system_json(each) for each in check.file_systems],
            "refused": [
                {
                    "file": each.where,
                    "run": each.run,
                    "tree": each.tree,
                    "model": each.model.value,
                    "reason": each.reason,
                }
                for each in check.refused
            ],
            "not_judged": [
                {
                    "file": each.where,
                    "run": each.run,
                    "tree": each.tree,
                    "model": each.model.value,
                    "reason": each.reason,
                }
                for each in check.not_judged
            ],
            "outcomes": [
                {
                    "workload": each.workload,
                    "outcome": each.outcome,
                    "allowed": [model.value for model in each.allowed],
                    "seen": dict(each.seen),
                }
                for each in check.outcomes
            ],
            "missing": list(missing),
        },
        indent=2,
    )


def _file_system_json(each: FileSystemCheck) -> dict[str, object]:
    return {
        "file_system": each.file_system,
        "kernels": list(each.kernels),
        "runs": each.runs,
        "cuts": each.cuts,
        "mounts": each.mounts,
        "unmountable": each.unmountable,
        "trees": each.trees,
        "refused": {model.value: count for model, count in each.refused.items()},
        "not_judged": {model.value: count for model, count in each.not_judged.items()},
        "undecided": {model.value: count for model, count in each.undecided.items()},
        "shares": {
            policy.value: {"images": share.images, "seen": share.seen}
            for policy, share in each.shares.items()
        },
    }
