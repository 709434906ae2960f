"""Results of planted subjects as they are published: progress, text or JSON, a page, an exit code.

Not here: what is shown of each kind (`selftest_text`, `fates_text`, `causes_text`).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from walcrash.report.output import publish, talk, write_result
from walcrash.report.text import command, counted, shell_path
from walcrash.values.errors import ExitCode
from walcrash.values.made import Made

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultForm(Generic[T]):
    """How results of one kind are shown.

    Attributes:
        progress: one that has come, in a line.
        is_right: whether one is as it should be; what is not is a fault of the harness.
        text: all of them.
        to_json: one of them.
        title: of a page of them.
        about: what the page says above them, a sentence a line.
        below: and below them.
    """

    progress: Callable[[T], str]
    is_right: Callable[[T], bool]
    text: Callable[[Sequence[T]], str]
    to_json: Callable[[T], object]
    title: str
    about: Callable[[Sequence[T]], Sequence[str]]
    below: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a page is to be written, and what it says of how it was made."""

    path: str
    made: Made


def publish_planted(
    results: Iterable[T], form: ResultForm[T], *, as_json: bool, page: Page | None = None
) -> ExitCode:
    """Tell of each result as it comes, print all, write the page, return the exit code.

    Raises:
        UsageError: the page cannot be written there.
    """
    taken: list[T] = []
    for result in results:
        taken.append(result)
        if not as_json:
            talk(form.progress(result))
    publish(
        json.dumps([form.to_json(each) for each in taken], indent=2)
        if as_json
        else form.text(taken)
    )
    if page is not None:
        hint = "walcrash selftest --page /some/directory/planted.md"
        write_result(page.path, page_text(taken, form, page.made), what="the page", hint=hint)
        talk(command("page", shell_path(page.path)))
    is_right = bool(taken) and all(map(form.is_right, taken))
    return ExitCode.PASSED if is_right else ExitCode.HARNESS_FAULT


def page_text(results: Sequence[T], form: ResultForm[T], made: Made) -> str:
    """Return a page in Markdown, ending with a newline."""
    at = f" at commit {made.commit}" if made.commit else ""
    made_by = (
        f"Made by `{made.command}`{at}, on {counted(made.processors, 'processor')} "
        f"with a load of {made.load:.1f}."
    )
    parts = [f"# {form.title}", "\n".join([made_by, *form.about(results)])]
    parts.append(f"```text\n{form.text(results)}\n```")
    parts += ["\n".join(form.below)] if form.below else []
    return "\n\n".join(parts) + "\n"
