"""Options that several commands share, and how their values are read."""

import os
import re
from collections.abc import Callable
from typing import Any

import click

from walcrash.values.limits import CASES_PER_SCENARIO, JOBS_PER_CAMPAIGN, SECONDS_PER_CAMPAIGN

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What adds an option to a command."""

# limits
MOST_REPLAYS = 10_000
"""Replays of one finding."""

MOST_SEEDS = 1_000
"""Seeds of one self-test."""

MOST_AUDITED = 100_000
"""Cases of one audit, and images of one site in one boot."""

SEED_BYTES = 4
"""Length of a seed that nobody chose."""


def read_seconds(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> float | None:
    """Read a length of time: `90`, `60s`, `5m` or `1h`."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", value, re.ASCII)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds <= SECONDS_PER_CAMPAIGN:
        raise click.BadParameter(
            f"{value!r} is not a time budget; say 90, 60s, 5m or 1h, at most 720h"
        )
    return seconds


def read_seed(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty seed: an unset variable in a CI file must not pass for a chosen one."""
    if value == "":
        raise click.BadParameter("it is empty; leave the option out to have one drawn")
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{value!a:.80} is no UTF-8; say any other text") from None
    return value


def read_runs(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Refuse an empty directory: an unset variable must not pass for a chosen one."""
    if not value:
        raise click.BadParameter("it is empty; leave the option out, or name a directory")
    return value


RUNS = click.option(
    "--runs",
    callback=read_runs,
    metavar="DIR",
    default="reports/runs",
    envvar="WALCRASH_RUNS",
    show_default=True,
    show_envvar=True,
    help="Directory that keeps runs and findings.",
)
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, JOBS_PER_CAMPAIGN),
    metavar="N",
    help="Worker jobs.  [default: one for each processor]",
)
SEED = click.option(
    "--seed", callback=read_seed, metavar="S", help="Master seed, any text.  [default: drawn]"
)
CASES = click.option(
    "--cases",
    type=click.IntRange(1, CASES_PER_SCENARIO),
    metavar="N",
    help="Cases of each scenario.",
)
NO_COLOR = click.option("--no-color", is_flag=True, help="No colours, as with NO_COLOR=1.")


SUBJECT = click.option(
    "--subject",
    metavar="SUBJECT",
    help="What to run instead: a scenario file, whose subject is taken, or an adapter.",
)


def number_option(
    name: str, *, text: str, default: int | None = None, most: int = MOST_AUDITED, least: int = 1
) -> Option:
    """Return an option that takes a number from `least`; the help shows its default, if any."""
    return click.option(
        name,
        type=click.IntRange(least, most),
        metavar="N",
        default=default,
        show_default=default is not None,
        help=text,
    )


def case_option(text: str) -> Option:
    """Return the option that takes the index of one case."""
    most = CASES_PER_SCENARIO - 1
    return click.option("--case", type=click.IntRange(0, most), metavar="I", help=text)


def time_option(of: str) -> Option:
    """Return the option for a time budget; `of` names what it is a budget of."""
    return click.option(
        "--time",
        "seconds",
        callback=read_seconds,
        metavar="TIME",
        help=f"Budget of the {of}: 90, 60s, 5m, 1h.",
    )


UNTIL_QUIET = click.option(
    "--until-quiet",
    "quiet_seconds",
    callback=read_seconds,
    metavar="TIME",
    help="End a scenario when no new kind of state and no new failure came for so long: 60s, 5m.",
)


def json_option(instead_of: str) -> Option:
    """Return the option for JSON; `instead_of` names what is printed without it."""
    return click.option("--json", "as_json", is_flag=True, help=f"JSON in place of {instead_of}.")


def chosen_or_drawn(chosen: str | None) -> str:
    """Return the seed that was chosen, or draw one."""
    return chosen if chosen is not None else os.urandom(SEED_BYTES).hex()


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
