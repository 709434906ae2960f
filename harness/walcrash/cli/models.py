"""`walcrash models`: real file systems recorded, and the persistence models held against them."""

import click

from walcrash.cli.options import (
    JOBS,
    SEED,
    chosen_or_drawn,
    number_option,
    time_option,
    usable_cpus,
)
from walcrash.values.errors import ExitCode

FORMS = ("text", "markdown", "json")

_FORM = click.option(
    "--to",
    "form",
    type=click.Choice(FORMS),
    metavar="FORM",
    default="text",
    show_default=True,
    help="Print text, markdown or json.",
)
_SHARES = click.option(
    "--shares", is_flag=True, help="Count which images of the enumeration were seen, too."
)
_LITMUS = click.option(
    "--litmus", is_flag=True, help="Say what litmus workloads answered, and what is allowed, too."
)

# limits
MOST_ROUNDS = 100_000
MOST_SUBSETS = 64


@click.group()
def models() -> None:
    """Hold the persistence models against what real file systems left."""


@models.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_SHARES
@_LITMUS
@click.option(
    "--refused", metavar="FILE", help="Write the refused trees here, each with its trace."
)
@_FORM
def check(
    files: tuple[str, ...], shares: bool, litmus: bool, refused: str | None, form: str
) -> ExitCode:
    """Hold recorded trees against the models; needs no root and mounts nothing."""
    from pathlib import Path

    from walcrash.report.models_text import publish_models
    from walcrash.tools.models.check import check_files
    from walcrash.tools.models.files import find_files

    found = check_files(
        find_files(files),
        with_shares=shares,
        with_outcomes=litmus,
        refused=None if refused is None else Path(refused),
    )
    return publish_models(found, form=form)


@models.command()
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1)
@click.option(
    "--file-system",
    "file_systems",
    multiple=True,
    metavar="NAME",
    help="File system to record, more than once for several.  [default: all that are there]",
)
@click.option(
    "--background",
    "backgrounds",
    multiple=True,
    metavar="NAME",
    help="What writes back meanwhile, more than once for several.  "
    "[default: all but held and failing, in turns]",
)
@number_option("--rounds", default=1, most=MOST_ROUNDS, text="How often everything is run.")
@number_option("--subsets", default=8, most=MOST_SUBSETS, text="Drawn subsets between two flushes.")
@number_option("--mounts", default=500, text="Most devices that are mounted in one run.")
@SEED
@time_option("recording")
@JOBS
@click.option(
    "--into",
    metavar="DIR",
    default="real-trees",
    show_default=True,
    help="Where the files of real trees go.",
)
@_SHARES
@_LITMUS
@click.option("--list", "is_list", is_flag=True, help="List what can be recorded, and stop.")
@_FORM
def record(
    workloads: tuple[str, ...],
    file_systems: tuple[str, ...],
    backgrounds: tuple[str, ...],
    rounds: int,
    subsets: int,
    mounts: int,
    seed: str | None,
    seconds: float | None,
    jobs: int | None,
    into: str,
    shares: bool,
    litmus: bool,
    is_list: bool,
    form: str,
) -> ExitCode:
    """Record what real file systems leave, as root, and hold it against the models."""
    from pathlib import Path

    from walcrash.blocks.background import USUAL
    from walcrash.report.models_text import publish_list, publish_models
    from walcrash.report.output import talk
    from walcrash.tools.models.check import Checker
    from walcrash.tools.models.record import RecordPlan, record_names, record_trees

    if is_list:
        return publish_list(record_names())
    chosen_seed = chosen_or_drawn(seed)
    plan = RecordPlan(
        workloads=workloads,
        file_systems=file_systems,
        backgrounds=backgrounds or USUAL,
        rounds=rounds,
        subsets=subsets,
        mounts=mounts,
        master_seed=chosen_seed,
        directory=Path(into),
        jobs=jobs or usable_cpus(),
        seconds=seconds,
    )
    recorded = record_trees(
        plan, checker=Checker(with_shares=shares, with_outcomes=litmus), say=talk
    )
    return publish_models(recorded.check, form=form, missing=recorded.missing, seed=chosen_seed)


@models.command(name="failed-sync")
@click.option(
    "--file-system",
    "file_systems",
    multiple=True,
    metavar="NAME",
    help="File system to measure, more than once for several.  [default: all that are there]",
)
@_FORM
def failed_sync(file_systems: tuple[str, ...], form: str) -> ExitCode:
    """Say what real file systems do after an fsync that failed, as root."""
    from walcrash.report.failed_syncs_text import publish_failed_syncs
    from walcrash.tools.models.failed_syncs import measure_failed_syncs

    return publish_failed_syncs(measure_failed_syncs(file_systems), form=form)
