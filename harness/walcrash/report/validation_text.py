"""The validation table as text, Markdown and JSON."""

import json
import posixpath
from collections.abc import Iterable

from walcrash.report.output import publish, talk
from walcrash.report.text import block, command, counted, escape, shell_word, shorten, table
from walcrash.report.text import paragraph as wrap
from walcrash.values.contract import Acknowledges, PersistenceModel, Promise
from walcrash.values.errors import ExitCode
from walcrash.values.log import LOG
from walcrash.values.validation import COLUMNS, Agreement, ValidatedRow, verdict_of
from walcrash.values.verdict import Verdict

FORMAT = 1
"""Version of the JSON."""

TABLE_DIRECTORY = "scenarios/engines"
"""Where the table of settings is, which names scenarios beside it."""

HEAD = ("subject", *(model.value for model in COLUMNS), "agrees", "cases", "images")

_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASSED,
    Verdict.FAIL: ExitCode.FINDINGS,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}

WIDTH = 100


def publish_validation(rows: Iterable[ValidatedRow], *, form: str, seed: str) -> ExitCode:
    """Tell of each row as it ends, print the table, and return the exit code.

    Args:
        rows: in the order of the table.
        form: `text`, `markdown` or `json`.
        seed: the master seed.
    """
    taken = []
    for row in rows:
        taken.append(row)
        talk(f"  {row.agreement.value}")
    every = tuple(taken)
    forms = {"text": validation_text, "markdown": validation_markdown, "json": _validation_json}
    publish(forms[form](every, seed))
    return _EXIT_CODES[verdict_of(every)]


def validation_text(rows: tuple[ValidatedRow, ...], seed: str) -> str:
    """Return the table, what there is to say of single rows, and the verdict."""
    lines = [(_name(row), *_cells(row), row.agreement.value, *_counts(row)) for row in rows]
    parts = [table(HEAD, lines, left=6), *(_remark(row) for row in rows)]
    agree = sum(row.agreement is Agreement.AGREES for row in rows)
    verdict = verdict_of(rows)
    words = f"{agree} of {counted(len(rows), 'row')} agree with what is documented"
    end = [command("seed", shell_word(seed)), "", f"{verdict.value.upper()}  {words}"]
    return "\n\n".join("\n".join(part) for part in [*parts, end] if part)


def _name(row: ValidatedRow) -> str:
    documented = row.documented
    is_sync = documented.acknowledges is Acknowledges.SYNC
    return escape(place_of(documented.subject)) + (" (at sync)" if is_sync else "")


def place_of(subject: str) -> str:
    """Return a row's subject; a scenario's file by its path in the repository."""
    if not subject.endswith(".toml"):
        return subject
    return posixpath.normpath(posixpath.join(TABLE_DIRECTORY, subject))


def _cells(row: ValidatedRow) -> list[str]:
    return [_cell(row, model) for model in COLUMNS]


def _cell(row: ValidatedRow, model: PersistenceModel) -> str:
    """Return what was kept, and what is documented where that differs."""
    kept, known = row.kept(model), row.documented.keeps.get(model)
    found = "?" if kept is None else kept.value
    return found if known is None or kept is known else f"{found} ({known.value})"


def _counts(row: ValidatedRow) -> list[str]:
    return [f"{row.cases:,}", f"{row.images:,}"]


def _remark(row: ValidatedRow) -> list[str]:
    """Return what a reader has to know of a row that does not agree."""
    if row.agreement is Agreement.AGREES:
        return []
    lines = wrap(f"{_name(row)}: {row.agreement.value}", width=WIDTH)
    lines += block("says", escape(row.documented.says), width=WIDTH)
    if row.missing:
        lines += block("missing", shorten(row.missing), width=WIDTH)
    finding = row.finding
    if row.agreement is Agreement.WEAKER and finding is not None:
        lines += block("found", shorten(finding.worst.message), width=WIDTH)
        lines.append(command("replay", f"walcrash replay {finding.id}"))
    return lines


def validation_markdown(rows: tuple[ValidatedRow, ...], seed: str) -> str:
    """Return the table as it is published: a row for each setting, with reasons and sources."""
    head = (
        f"| subject | acknowledged at | {' | '.join(model.value for model in COLUMNS)} "
        "| strictest failure | images | its authors say | why |"
    )
    lines = [head, f"| --- | --- |{' --- |' * len(COLUMNS)} --- | ---: | --- | --- |"]
    for row in rows:
        documented = row.documented
        cells = [
            f"`{place_of(documented.subject)}`",
            documented.acknowledges.value,
            *(cell if cell == Promise.ALL.value else f"**{cell}**" for cell in _cells(row)),
            _failure(row),
            f"{row.images:,}",
            documented.says,
            documented.because or ("not installed" if row.probe is None else ""),
        ]
        lines.append("| " + " | ".join(_markdown(cell) for cell in cells) + " |")
    agree = sum(row.agreement is Agreement.AGREES for row in rows)
    cases, images = sum(row.cases for row in rows), sum(row.images for row in rows)
    text = (
        f"{agree} of {counted(len(rows), 'row')} agree with what is documented; "
        f"{counted(cases, 'case')}, {counted(images, 'image')}; seed {seed}."
    )
    return "\n".join([*lines, "", text])


def _failure(row: ValidatedRow) -> str:
    finding = row.finding
    if finding is None:
        return "-"
    return f"{finding.worst.invariant.value} ({finding.model.value})"


def _markdown(cell: str) -> str:
    return escape(cell).replace("|", "\\|")


def _validation_json(rows: tuple[ValidatedRow, ...], seed: str) -> str:
    return json.dumps(validation_json(rows, seed), indent=2)


def validation_json(rows: tuple[ValidatedRow, ...], seed: str) -> dict[str, object]:
    """Return the table as JSON, with a version."""
    return {
        "format": FORMAT,
        "verdict": verdict_of(rows).value,
        "seed": seed,
        "rows": [
            {
                "subject": row.documented.subject,
                "acknowledges": row.documented.acknowledges.value,
                "agreement": row.agreement.value,
                "documented": {m.value: kept.value for m, kept in row.documented.keeps.items()},
                "kept": {m.value: None if (k := row.kept(m)) is None else k.value for m in COLUMNS},
                "cases": row.cases,
                "images": row.images,
                "missing": row.missing,
                "finding": None if row.finding is None else LOG.to_json(row.finding),
            }
            for row in rows
        ],
    }
