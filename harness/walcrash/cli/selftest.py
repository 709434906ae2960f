"""`walcrash selftest`: the planted bugs."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import click

from walcrash.cli.options import (
    JOBS,
    MOST_SEEDS,
    json_option,
    number_option,
    time_option,
    usable_cpus,
)
from walcrash.values.errors import ExitCode

if TYPE_CHECKING:
    from walcrash.report.planted_page import Page


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@number_option("--seeds", default=10, most=MOST_SEEDS, text="Seeds to try on each planted bug.")
@click.option(
    "--fates",
    is_flag=True,
    help="Show what each finding says became of its record, beside what is planted; on one seed.",
)
@click.option(
    "--causes",
    is_flag=True,
    help="Show how many findings each bug comes to, and under which ids; one bug is one finding.",
)
@time_option("campaign of each bug and seed, with --causes, in place of a number of cases")
@click.option(
    "--from",
    "earlier",
    metavar="PATH",
    multiple=True,
    help="With --causes, take what an earlier --json found in place of running its bugs; may be "
    "given again.",
)
@JOBS
@json_option("the table")
@click.option("--page", "page_path", metavar="PATH", help="Write the table here too, as a page.")
def selftest(
    names: tuple[str, ...],
    seeds: int,
    fates: bool,
    causes: bool,
    seconds: float | None,
    earlier: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
    page_path: str | None,
) -> ExitCode:
    """Run the planted bugs: each must be found, by the expected invariant."""
    if not causes and (seconds is not None or earlier):
        raise click.UsageError("--time and --from go with --causes")
    count = jobs or usable_cpus()
    if fates:
        from walcrash.report.fates_text import publish_fates
        from walcrash.tools.planted_fates import run_fates
        from walcrash.tools.selftest import choose

        page = _page(page_path, [*names, "--fates"], count)
        return publish_fates(run_fates(choose(names), job_count=count), as_json=as_json, page=page)
    if causes:
        return _causes(
            names,
            seeds=seeds,
            seconds=seconds,
            earlier=earlier,
            jobs=count,
            as_json=as_json,
            page_path=page_path,
        )
    from walcrash.report.selftest_text import publish_selftest
    from walcrash.tools.selftest import choose, run_planted

    page = _page(page_path, [*names, "--seeds", str(seeds)], count)
    results = run_planted(choose(names), seeds=seeds, job_count=count)
    return publish_selftest(results, as_json=as_json, page=page)


def _causes(
    names: tuple[str, ...],
    *,
    seeds: int,
    seconds: float | None,
    earlier: tuple[str, ...],
    jobs: int,
    as_json: bool,
    page_path: str | None,
) -> ExitCode:
    from walcrash.report.causes_text import publish_causes, read_causes
    from walcrash.tools.made import CHECKOUT, commit_of
    from walcrash.tools.planted_causes import run_causes
    from walcrash.tools.selftest import choose

    known = read_causes(earlier)
    done = {each.name for each in known if each.seconds == seconds}
    time = [] if seconds is None else ["--time", f"{seconds:g}s"]
    page = _page(page_path, [*names, "--causes", "--seeds", str(seeds), *time], jobs)
    found = run_causes(
        [planted for planted in choose(names) if planted.name not in done],
        seeds=seeds,
        job_count=jobs,
        seconds=seconds,
        commit=commit_of(CHECKOUT),
    )
    return publish_causes(chain(known, found), as_json=as_json, page=page)


def _page(path: str | None, words: Sequence[str], jobs: int) -> "Page | None":
    """Return the page that was asked for; `words` are those of the command that makes it."""
    if path is None:
        return None
    from walcrash.report.planted_page import Page
    from walcrash.tools.made import made_by

    return Page(path=path, made=made_by(["selftest", *words], processors=jobs))
