"""`walcrash validate`: what real engines keep, compared with what they are documented to keep."""

import click

from walcrash.cli.options import JOBS, RUNS, SEED, chosen_or_drawn, number_option, usable_cpus
from walcrash.values.errors import ExitCode

FORMS = ("text", "markdown", "json")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--short", is_flag=True, help="The rows of the short table, with few cases.")
@SEED
@number_option("--cases", text="Cases for one promise.  [default: 24, and 8 with --short]")
@number_option("--images", default=60, text="Most images of one case with a power loss.")
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMS),
    metavar="FORM",
    default="text",
    show_default=True,
    help="Print text, markdown or json.",
)
@JOBS
@RUNS
def validate(
    names: tuple[str, ...],
    short: bool,
    seed: str | None,
    cases: int | None,
    images: int,
    form: str,
    jobs: int | None,
    runs: str,
) -> ExitCode:
    """Probe the shipped engines and hold what they keep against what is documented of them."""
    from pathlib import Path

    from walcrash.report.output import talk
    from walcrash.report.validation_text import publish_validation
    from walcrash.tools.validate import CASES, SHORT_CASES, ValidationPlan, run_validation

    chosen_seed = chosen_or_drawn(seed)
    plan = ValidationPlan(
        names=names,
        is_short=short,
        master_seed=chosen_seed,
        runs=Path(runs),
        cases=cases or (SHORT_CASES if short else CASES),
        images=images,
        jobs=jobs or usable_cpus(),
    )
    return publish_validation(run_validation(plan, say=talk), form=form, seed=chosen_seed)
