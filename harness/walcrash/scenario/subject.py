"""The subject of a scenario file: which adapter or driver, with its paths made absolute.

Not here: whether it can be loaded or started, which is known when a campaign begins.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from walcrash.scenario.problem import Problem
from walcrash.scenario.problems import shown
from walcrash.values.scenario import SubjectSpec

_NOTHING = SubjectSpec("")

_RELATIVE = ("./", "../")


def resolve_subject(
    path: Path, document: Mapping[str, object]
) -> tuple[SubjectSpec, list[Problem]]:
    """Return the subject that a file names, and what is wrong with that.

    What is no text at all is a problem of the schema and not reported here again.
    """
    subject = document.get("subject")
    if not isinstance(subject, dict):
        return _NOTHING, []
    if "driver" in subject and "adapter" in subject:
        message = "a subject has an adapter or a driver; found both"
        return _NOTHING, [Problem(("subject", "driver"), message, "take one of them out")]
    if "driver" in subject:
        return _resolve_driver(path, document, subject)
    if "adapter" not in subject:
        message = "found neither an `adapter` nor a `driver`"
        hint = 'for example `adapter = "reference"`, or `driver = ["./mywal-driver"]`'
        return _NOTHING, [Problem(("subject",), message, hint)]
    adapter, problems = _resolve_adapter(path, subject["adapter"])
    return SubjectSpec(adapter), problems


def _resolve_driver(
    path: Path, document: Mapping[str, object], subject: Mapping[str, object]
) -> tuple[SubjectSpec, list[Problem]]:
    problems = []
    if "contract" not in document:
        problems.append(
            Problem(
                ("subject", "driver"),
                "what a driver promises is not its own word; found no [contract]",
                "write a table `[contract]` with `acknowledges`, `kill` and `power`, such as "
                '`kill = "all"`',
            )
        )
    if subject.get("options"):
        message = "a driver gets its options as words; found `options`"
        hint = 'for example `driver = ["./mywal-driver", "--sync=always"]`'
        problems.append(Problem(("subject", "options"), message, hint))
    words = subject["driver"]
    are_words = isinstance(words, list) and all(isinstance(word, str) for word in words)
    if not are_words or not words:
        return _NOTHING, problems
    resolved, word_problems = _resolve_words(path, cast("list[str]", words))
    return SubjectSpec.of_driver(resolved), problems + word_problems


def _resolve_words(path: Path, words: Sequence[str]) -> tuple[list[str], list[Problem]]:
    resolved = []
    problems = []
    for position, word in enumerate(words):
        place = ("subject", "driver", position)
        if "\0" in word or (position == 0 and not word):
            problems.append(Problem(place, f"found {shown(word)}, which no program can be given"))
        is_path = "/" in word if position == 0 else word.startswith(_RELATIVE)
        # Not resolved any further: a program may read the name by which it was called.
        resolved.append(os.path.abspath(path.parent / word) if is_path else word)
    if problems or "/" not in words[0]:
        return resolved, problems
    return resolved, _program_problems(words[0], resolved[0])


def _program_problems(word: str, program: str) -> list[Problem]:
    place = ("subject", "driver", 0)
    if not os.path.isfile(program):
        what = "is a directory" if os.path.isdir(program) else "is not there"
        message = f"found {shown(word)}; {program} {what}"
        return [Problem(place, message, "the path is relative to the scenario file")]
    if not os.access(program, os.X_OK):
        message = f"found {shown(word)}, which is not executable"
        return [Problem(place, message, f"chmod +x {program}")]
    return []


def _resolve_adapter(path: Path, adapter: object) -> tuple[str, list[Problem]]:
    """Return the adapter with an absolute path, if it is a file's, and what is wrong with it."""
    if not isinstance(adapter, str):
        return "", []
    file, colon, class_name = adapter.rpartition(":")
    key = ("subject", "adapter")
    if colon and not (file and class_name.isidentifier()):
        message = f"found {shown(adapter)}; a class is named after the colon"
        return adapter, [Problem(key, message, 'for example `adapter = "my_wal.py:Adapter"`')]
    if not colon and (adapter.endswith(".py") or "/" in adapter):
        message = f"found {shown(adapter)}; a path needs the name of its class"
        return adapter, [Problem(key, message, f"write `adapter = {shown(adapter + ':Class')}`")]
    if not file.endswith(".py"):
        return adapter, []
    return _resolve_file(path, file, class_name)


def _resolve_file(path: Path, file: str, class_name: str) -> tuple[str, list[Problem]]:
    key = ("subject", "adapter")
    try:
        absolute = (path.parent / file).resolve()
        is_there = absolute.is_file()
    except (OSError, ValueError, RuntimeError) as problem:
        return file, [Problem(key, f"found {shown(file)}, which is no path: {problem}")]
    if not is_there:
        message = f"found {shown(file)}; there is no file {absolute}"
        return file, [Problem(key, message, "the path is relative to the scenario file")]
    return f"{absolute}:{class_name}", []
