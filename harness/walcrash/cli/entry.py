"""From a command line to an exit code, whatever happens on the way.

Results go to stdout, everything else to stderr. How a run goes on between its first line and
its last is in `report.session`; what a command does is in `campaign`.
"""

import contextlib
import errno
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Final, NoReturn

import click

from walcrash.cli.commands import walcrash
from walcrash.report.output import drop_stdout, talk
from walcrash.report.text import escape
from walcrash.values.errors import LIMITS_HINT, ExitCode, UsageError, WalcrashError
from walcrash.values.version import VERSION

_OUT_OF_LIMITS: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE})

_COMPLETE: Final = "_WALCRASH_COMPLETE"
"""Where a shell says what it wants to be completed, as click names it."""

_NO_THREAD: Final = "can't start new thread"
"""What Python says, as a `RuntimeError`, where the system refuses a thread."""

# limits
AGAIN_SECONDS: Final = 0.01
"""How soon an interrupt comes again that Python could not raise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises."""
    _open_standard_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)
    with _terminated_like_interrupted(), _interrupted_for_certain():
        try:
            code = _invoke(words)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as problem:
            return int(_explain(problem))
    return int(code)


def _invoke(words: list[str]) -> int:
    asked = os.environ.get(_COMPLETE)
    if asked:
        # A shell that completes a command line, or that wants to be taught to.
        from click.shell_completion import shell_complete

        if shell_complete(walcrash, {}, "walcrash", _COMPLETE, asked):
            raise UsageError(
                f"{_COMPLETE}={asked} is nothing that a shell asks for",
                hint=f"{_COMPLETE}=bash_source walcrash, or zsh_source, or fish_source",
            )
        return ExitCode.PASSED
    # Not the group's own `main`: it turns a broken pipe, of whatever it may be, into exit code 1,
    # which here means findings.
    try:
        with walcrash.make_context("walcrash", words) as context:
            code: int = walcrash.invoke(context)
            return code
    except click.exceptions.Exit as end:  # --help and --version
        return end.exit_code


def _explain(problem: BaseException) -> ExitCode:
    """Report what went wrong on stderr and return the exit code for it."""
    match problem:
        case WalcrashError():
            _complain(problem.message, problem.hint)
            return problem.exit_code
        case click.exceptions.NoArgsIsHelpError():
            click.echo(problem.format_message(), err=True)
            return ExitCode.USAGE
        case click.NoSuchOption():
            # Not click's words, which differ between its versions.
            near = f"; near: {', '.join(sorted(problem.possibilities or ()))}"
            _complain(
                f"there is no option {problem.option_name}{near if problem.possibilities else ''}",
                f"{problem.ctx.command_path if problem.ctx is not None else 'walcrash'} --help",
            )
            return ExitCode.USAGE
        case click.UsageError():
            place = problem.ctx.command_path if problem.ctx is not None else "walcrash"
            _complain(problem.format_message(), f"{place} --help")
            return ExitCode.USAGE
        case KeyboardInterrupt():
            _complain("interrupted", "")
            return ExitCode.INTERRUPTED
        case OSError(errno=number) if number in _OUT_OF_LIMITS:
            return _explain_limits(problem.strerror or "")
        case RuntimeError() if _NO_THREAD in str(problem):
            return _explain_limits(_NO_THREAD)
        case OSError() if _is_stdout_broken():
            if isinstance(problem, BrokenPipeError):
                return ExitCode.INTERRUPTED
            _complain(
                f"the results could not be written to stdout: {problem.strerror}",
                "free some space, or send stdout to another place",
            )
            return ExitCode.HARNESS_FAULT
        case _:
            return _explain_fault(problem)


def _explain_limits(why: str) -> ExitCode:
    _complain(f"walcrash needs more processes, threads or open files: {why}", LIMITS_HINT)
    return ExitCode.HARNESS_FAULT


def _explain_fault(problem: BaseException) -> ExitCode:
    traceback.print_exception(problem, file=sys.stderr)
    _complain(
        f"walcrash itself failed: {type(problem).__name__}: {problem}",
        f"please report it with the lines above, the command and `walcrash --version` ({VERSION})",
    )
    return ExitCode.HARNESS_FAULT


def _complain(message: str, hint: str) -> None:
    text = f"error: {message}\nhint: {hint}" if hint else f"error: {message}"
    talk("\n".join(escape(line) for line in text.split("\n")))


def _is_stdout_broken() -> bool:
    """Whether stdout still holds what it cannot get rid of; if so, that is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_stdout()
        return True
    return False


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that nothing is left behind."""

    def on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _interrupted_for_certain() -> Iterator[None]:
    """Let an interrupt come again that fell where Python can only print an exception.

    That is the callback of a weak reference, of which each import has one, or a finalizer: the
    command would go on as if nobody had asked it to end.

    Source: the Python documentation, `sys.unraisablehook`.
    """
    before = sys.unraisablehook

    def on_unraisable(problem: "sys.UnraisableHookArgs") -> None:
        if problem.exc_type is KeyboardInterrupt:
            # Not from here: its handler would run here as well.
            threading.Thread(target=_terminate_soon, daemon=True).start()
        else:
            before(problem)

    sys.unraisablehook = on_unraisable
    try:
        yield
    finally:
        sys.unraisablehook = before


def _terminate_soon() -> None:
    time.sleep(AGAIN_SECONDS)
    # Not SIGINT, which a job in the background ignores.
    os.kill(os.getpid(), signal.SIGTERM)


def _open_standard_streams() -> None:
    """Give stdin, stdout and stderr a place where the caller closed them.

    Otherwise the first files that are opened get their numbers, and a message lands in a log.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - lives to the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # Unbuffered (python -u), an error of a write would be anybody's; it is told at a flush.
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show `·` is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
