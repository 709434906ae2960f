"""The commands of `walcrash`, one file each, and what a mistyped one is answered.

Everything heavy is imported inside the commands: `walcrash --help` and a mistyped option
answer in a tenth of a second, and pydantic alone takes as long.

Not here: how a command line becomes an exit code (`entry`).
"""

import click

from walcrash.cli.audit import audit
from walcrash.cli.bench import bench
from walcrash.cli.bundle import bundle
from walcrash.cli.check import check
from walcrash.cli.compare import compare
from walcrash.cli.doctor import doctor
from walcrash.cli.explain import explain
from walcrash.cli.findings import findings
from walcrash.cli.models import models
from walcrash.cli.pin import pin
from walcrash.cli.probe import probe
from walcrash.cli.replay import replay
from walcrash.cli.report import report
from walcrash.cli.run import run
from walcrash.cli.scenarios import scenarios
from walcrash.cli.schema import schema
from walcrash.cli.selftest import selftest
from walcrash.cli.validate import validate
from walcrash.cli.verify import verify
from walcrash.values.errors import UsageError
from walcrash.values.version import VERSION

_EPILOG = """\b
Examples:
  walcrash run
  walcrash run crash-mid-write --seed 3f9c2ab --cases 1000
  walcrash run my-scenario.toml --time 60s --jobs 4
  walcrash replay F-7c1e
  walcrash explain F-7c1e

\b
Exit codes:
  0    passed
  1    findings
  2    usage or scenario error
  3    fault of the harness
  4    inconclusive: nothing tested, or interception is missing
  130  interrupted
"""


class _Commands(click.Group):
    """The commands; a mistyped one is answered with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        is_mistyped = self.get_command(ctx, args[0]) is None and not args[0].startswith("-")
        # A shell that completes a word wants no answer.
        if is_mistyped and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"walcrash {near[0]}" if near else "walcrash --help"
            raise UsageError(f"there is no command `{args[0]}`", hint=hint)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="walcrash", message="%(prog)s %(version)s")
def walcrash() -> None:
    """Crash-test a write-ahead log: kill it at exact points, judge what its recovery shows."""


for command in (
    audit,
    bench,
    check,
    compare,
    bundle,
    doctor,
    explain,
    findings,
    models,
    pin,
    probe,
    replay,
    report,
    run,
    scenarios,
    schema,
    selftest,
    validate,
    verify,
):
    walcrash.add_command(command)
