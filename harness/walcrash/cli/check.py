"""`walcrash check`: does a driver or an adapter speak as it must, without a crash."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from walcrash.cli.options import json_option
from walcrash.values.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from walcrash.tools.check import CheckPlan

# limits
LONGEST_CALL_SECONDS = 3600.0
"""The longest time limit of one call of a subject."""

MOST_MEMORY_MB = 1_048_576
"""Largest memory limit, megabytes: one terabyte."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", metavar="SUBJECT [ARG]...", nargs=-1, required=True)
@click.option(
    "--option",
    "options",
    metavar="NAME=VALUE",
    multiple=True,
    help="Keyword argument for an adapter's constructor; may be repeated.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, max=LONGEST_CALL_SECONDS, min_open=True),
    metavar="S",
    default=10.0,
    show_default=True,
    help="How long one call may take.",
)
@click.option(
    "--memory",
    "memory_mb",
    type=click.IntRange(1, MOST_MEMORY_MB),
    metavar="MB",
    default=512,
    show_default=True,
    help="Memory limit of each process.",
)
@json_option("the lines")
def check(
    words: tuple[str, ...],
    options: tuple[str, ...],
    seconds: float,
    memory_mb: int,
    as_json: bool,
) -> ExitCode:
    """Check that a subject keeps to the protocol, and explain where it does not.

    SUBJECT is a driver with its arguments, or a Python adapter: a built-in name, `module:Class`
    or `path/to/file.py:Class`; or the file of a scenario, for the subject that it names. Options of
    walcrash go before it.
    """
    from walcrash.report.check_text import publish_conformance
    from walcrash.report.output import talk
    from walcrash.tools.check import CheckPlan, run_checks

    if math.isnan(seconds):  # which is in no range, and outside of none
        raise UsageError("--seconds is a number of seconds; found nan", hint="--seconds 10")
    plan = CheckPlan(
        words=words, options=read_options(options), seconds=seconds, memory_mb=memory_mb
    )
    if len(words) == 1 and words[0].endswith(".toml"):
        plan = of_scenario(plan)
    return publish_conformance(run_checks(plan, say=talk), as_json=as_json)


def of_scenario(plan: "CheckPlan") -> "CheckPlan":
    """Return the plan for the subject of the scenario file that its only word is.

    Options that are given go before the scenario's.
    """
    from walcrash.findings.subject_words import read_subject
    from walcrash.values.contract import Damage

    scenario = read_subject(plan.words[0], command="check")
    subject, contract = scenario.subject, scenario.contract
    return replace(
        plan,
        words=subject.driver or (subject.adapter,),
        options={**subject.options, **plan.options},
        detects_rot=None if contract is None else Damage.ROT in contract.detects,
    )


def read_options(options: tuple[str, ...]) -> Mapping[str, str | int | float | bool]:
    """Read `name=value`, where a value is what TOML would make of it, or else text."""
    from walcrash.findings.subject_words import read_value

    read: dict[str, str | int | float | bool] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(
                f"--option is NAME=VALUE; found {option!r}", hint="--option sync=group"
            )
        read[name] = read_value(text)
    return read
