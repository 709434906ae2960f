"""What a measurement of the search saw, as tables, as a page, or as JSON with every run.

Not here: measuring (`walcrash.tools.bench.search`).
"""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from walcrash.report.output import publish, talk, write_result
from walcrash.report.text import command, shell_path, table
from walcrash.values.codec import dumps
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.search_bench import (
    BENCH_FORMAT,
    SEARCH_BENCH,
    SearchBench,
    SoughtSubject,
    StateRate,
)

MANY_STATES: Final = 100
"""A bug that needs more states than this in the median is told of."""

SLOW_SECONDS: Final = 1.0
"""A bug that needs more processor time than this in the median is told of."""

SLOW_SETTING_SECONDS: Final = 5.0
"""The same for an engine's setting."""

_SOUGHT_HEAD: Final = ("found", "states", "most", "cpu s", "most", "s", "most")
_RATE_HEAD: Final = ("judged", "kinds", "judged/s", "judged/cpu s")


def say(text: str) -> None:
    """Say on stderr what was measured."""
    talk(text)


def read_search_bench(path: str) -> SearchBench:
    """Read what `--json` wrote before.

    Raises:
        UsageError: there is no such file, or it is something else.
    """
    try:
        form = SEARCH_BENCH.loads(Path(path).read_bytes(), path)
    except OSError as problem:
        raise UsageError(
            f"{path} cannot be read: {problem.strerror}", hint=SEARCH_BENCH.hint
        ) from None
    SEARCH_BENCH.check_format(form, BENCH_FORMAT, path)
    return SEARCH_BENCH.from_json(SearchBench, form, path)


def publish_search_bench(
    bench: SearchBench,
    *,
    before: SearchBench | None,
    json_path: str | None,
    page_path: str | None,
) -> ExitCode:
    """Print the tables, write the JSON and the page; a bug that was not found is no failure.

    Raises:
        UsageError: something cannot be written there.
    """
    text = search_text(bench, before)
    publish(text)
    if json_path is not None:
        _write(json_path, search_json(bench) + "\n")
    if page_path is not None:
        _write(page_path, search_page(bench, text))
    for label, path in (("json", json_path), ("page", page_path)):
        if path is not None:
            publish(command(label, shell_path(path)))
    return ExitCode.PASSED


def _write(path: str, text: str) -> None:
    hint = "walcrash bench search --json /some/directory/search.json"
    write_result(path, text, what="the numbers", hint=hint)


def search_json(bench: SearchBench) -> str:
    """Return everything, each run of it."""
    return dumps(SEARCH_BENCH.to_json(bench))


def search_page(bench: SearchBench, text: str) -> str:
    """Return the page of a published measurement, in Markdown."""
    return (
        "# The search\n\n"
        f"Made by `{bench.command}`, on the machine that the last lines name.\n"
        "States are crash states that were judged until the first failing one.\n"
        "Under `uniform` the states of a case are judged in random order, as the control.\n"
        "Processor time is that of the job and of all that it started, its preparation included.\n"
        "The middle of each pair is the median over the seeds, `most` the worst seed.\n"
        f"\n```text\n{text}\n```\n"
    )


def search_text(bench: SearchBench, before: SearchBench | None = None) -> str:
    """Return the tables, with the machine below them.

    Args:
        bench: what was measured.
        before: an earlier measurement, whose medians are shown beside.
    """
    bugs = () if before is None else before.bugs
    settings = () if before is None else before.settings
    parts = [
        _sought(
            "planted bug", bench.bugs or bench.uniform, {"uniform": bench.uniform, "before": bugs}
        ),
        "\n".join(_summary("planted bugs", bench.bugs)),
        "\n".join(_summary("in uniform order", bench.uniform)),
        "\n".join(_summary("before", bugs)),
        "\n".join(_rates(bench.rates)),
        "\n".join([] if before is None else _rates(before.rates, "before: right subject")),
        _sought("setting that loses", bench.settings, {"before": settings}),
        "\n".join(_summary("settings", bench.settings, SLOW_SETTING_SECONDS)),
        "\n".join(
            [
                command("command", bench.command),
                command("machine", ", ".join(f"{key} {value}" for key, value in bench.machine)),
            ]
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _sought(
    what: str,
    subjects: Sequence[SoughtSubject],
    beside: Mapping[str, Sequence[SoughtSubject]],
) -> str:
    """Return a table of subjects, with the medians of other measurements beside."""
    if not subjects:
        return ""
    head = [what, *_SOUGHT_HEAD]
    columns: list[dict[str, SoughtSubject]] = []
    for name, others in beside.items():
        if others:
            head += [f"{name}: states", "cpu s"]
            columns.append({each.name: each for each in others})
    rows = [_sought_row(each, columns) for each in subjects if not each.missing]
    return "\n".join(
        [
            *table(head, rows),
            *(f"  {each.name}: not run: {each.missing}" for each in subjects if each.missing),
        ]
    )


def _sought_row(
    subject: SoughtSubject, columns: Sequence[Mapping[str, SoughtSubject]]
) -> tuple[str, ...]:
    row = [subject.name, f"{len(subject.found)} of {len(subject.runs)}"]
    row += _both(subject.states(), 0)
    row += _both(subject.cpu_seconds(), 2) + _both(subject.seconds(), 2)
    for column in columns:
        other = column.get(subject.name)
        row += _both(None if other is None else other.states(), 0)[:1]
        row += _both(None if other is None else other.cpu_seconds(), 2)[:1]
    return tuple(row)


def _both(numbers: tuple[float, float] | None, digits: int) -> list[str]:
    """Return median and maximum in words."""
    return ["-", "-"] if numbers is None else [f"{each:,.{digits}f}" for each in numbers]


def _summary(
    what: str, subjects: Sequence[SoughtSubject], slow_seconds: float = SLOW_SECONDS
) -> list[str]:
    """Return how many were found, the median and the worst of the medians, and which are slow."""
    measured = [each for each in subjects if each.runs]
    if not measured:
        return []
    runs = sum(len(each.runs) for each in measured)
    found = sum(len(each.found) for each in measured)
    states = {each.name: both[0] for each in measured if (both := each.states())}
    cpu = {each.name: both[0] for each in measured if (both := each.cpu_seconds())}
    lines = [f"{what}: {found:,} of {runs:,} runs found it"]
    if states:
        lines.append(
            f"  medians: {statistics.median(states.values()):,.0f} states and "
            f"{statistics.median(cpu.values()):.2f} s of processor time in the middle, "
            f"{max(states.values()):,.0f} states and {max(cpu.values()):.2f} s at most"
        )
    many = [name for name, number in states.items() if number > MANY_STATES]
    slow = [name for name, number in cpu.items() if number > slow_seconds]
    lines.append(f"  over {MANY_STATES} states: {_names(many)}")
    lines.append(f"  over {slow_seconds:g} s of processor time: {_names(slow)}")
    missed = [each.name for each in measured if len(each.found) < len(each.runs)]
    lines.append(f"  not found on every seed: {_names(missed)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"


def _rates(rates: Sequence[StateRate], what: str = "right subject") -> list[str]:
    if not rates:
        return []
    rows = [
        (
            rate.name,
            f"{rate.judged:,}",
            f"{rate.states:,}",
            f"{rate.judged / rate.seconds:,.1f}",
            f"{rate.judged / rate.cpu_seconds:,.1f}",
        )
        for rate in rates
        if not rate.missing
    ]
    missing = [f"  {rate.name}: not measured: {rate.missing}" for rate in rates if rate.missing]
    return [*table((what, *_RATE_HEAD), rows), *missing]
