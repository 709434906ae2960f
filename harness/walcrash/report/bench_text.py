"""What the bench measured, as a table or as JSON with every sample."""

import json

from walcrash.report.output import publish, talk, write_result
from walcrash.report.text import command, shell_path, table
from walcrash.values.benchmark import Benchmark, Comparison, Limit, Series
from walcrash.values.errors import ExitCode

FORMAT = 1
"""Version of the JSON."""

HEAD = ("measured", "median", "against", "median", "ratio", "target", "")


def say(text: str) -> None:
    """Say on stderr what is being measured."""
    talk(text)


def publish_benchmark(benchmark: Benchmark, *, json_path: str | None) -> ExitCode:
    """Print the table, write the JSON; a target that was missed is no failure.

    Raises:
        UsageError: the JSON cannot be written there.
    """
    publish(benchmark_text(benchmark))
    if json_path is not None:
        write_result(
            json_path,
            benchmark_json(benchmark) + "\n",
            what="the numbers",
            hint="walcrash bench --json /some/directory/bench.json",
        )
        publish(command("json", shell_path(json_path)))
    return ExitCode.PASSED


def benchmark_text(benchmark: Benchmark) -> str:
    """Return the table, with the machine below it."""
    rows = [_comparison_row(comparison) for comparison in benchmark.comparisons]
    rows += [_limit_row(limit) for limit in benchmark.limits]
    machine = ", ".join(f"{key} {value}" for key, value in benchmark.machine.items())
    rounds = max((len(series.samples) for series in _all_series(benchmark)), default=0)
    return "\n".join(
        [
            *table(HEAD, rows),
            "",
            command("medians", f"of {rounds} samples each, taken in turns"),
            command("machine", machine),
        ]
    )


def benchmark_json(benchmark: Benchmark) -> str:
    """Return everything, each sample of it."""
    return json.dumps(
        {
            "format": FORMAT,
            "machine": benchmark.machine,
            "comparisons": [
                {
                    "name": comparison.name,
                    "ours": _series_json(comparison.ours),
                    "other": _series_json(comparison.other),
                    "ratio": comparison.ratio,
                    "target": comparison.target,
                    "met": comparison.is_met,
                }
                for comparison in benchmark.comparisons
            ],
            "limits": [
                {
                    "name": limit.name,
                    "measured": _series_json(limit.series),
                    "bound": limit.bound,
                    "met": limit.is_met,
                }
                for limit in benchmark.limits
            ],
        },
        indent=2,
    )


def _all_series(benchmark: Benchmark) -> list[Series]:
    compared = [s for c in benchmark.comparisons for s in (c.ours, c.other)]
    return [*compared, *(limit.series for limit in benchmark.limits)]


def _comparison_row(comparison: Comparison) -> tuple[str, ...]:
    ratio, target = comparison.ratio, comparison.target
    return (
        comparison.ours.name,
        _median(comparison.ours),
        comparison.other.name,
        _median(comparison.other),
        "-" if ratio is None else f"{ratio:.1f} x",
        "" if target is None else f"{target:g} x",
        _met(comparison.is_met),
    )


def _limit_row(limit: Limit) -> tuple[str, ...]:
    bound = f"< {limit.bound:g} {limit.series.unit}"
    return limit.series.name, _median(limit.series), "", "", "", bound, _met(limit.is_met)


def _median(series: Series) -> str:
    median = series.median
    if median is None:
        return series.missing or "not measured"
    digits = 0 if median >= 100 else 1 if median >= 10 else 2
    return f"{median:,.{digits}f} {series.unit}"


def _met(is_met: bool | None) -> str:
    return "" if is_met is None else "met" if is_met else "NOT MET"


def _series_json(series: Series) -> dict[str, object]:
    return {
        "name": series.name,
        "unit": series.unit,
        "better": series.better.value,
        "samples": series.samples,
        "median": series.median,
        "missing": series.missing,
    }
