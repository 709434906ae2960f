"""Files of real trees: versioned JSON, one document with one or more runs.

A bare list is the form of before: one tree for each case, at the end of its trace, with bytes as
hexadecimal digits and entries as lists that begin with their class.

Not here: what runs and trees are (`real_tree`).

Source: `harness/walcrash/docs/reference/real-trees.md`.
"""

from dataclasses import dataclass
from typing import Any, Final

from walcrash.values.codec import Codec
from walcrash.values.codec_scalars import Mismatch
from walcrash.values.event import Event, EventKind
from walcrash.values.image import (
    DirectoryEntry,
    Entry,
    FileEntry,
    Image,
    LinkEntry,
    SymlinkEntry,
)
from walcrash.values.persistence import PersistenceModel
from walcrash.values.real_tree import RealRun, RealTree

FORMAT: Final = 1
"""The version that is written."""

_CODEC: Final = Codec(
    hint="see docs/reference/real-trees.md, or record them again: walcrash models record",
    takes_surrogates=True,
)

_ENTRIES: Final[dict[str, type[Entry]]] = {
    kind.__name__: kind for kind in (FileEntry, LinkEntry, SymlinkEntry, DirectoryEntry)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    format: int
    runs: tuple[RealRun, ...]


def write_runs(runs: tuple[RealRun, ...]) -> str:
    """Return a file of real trees."""
    return _CODEC.to_text(_Document(format=FORMAT, runs=runs))


def read_runs(text: str | bytes, where: str) -> tuple[RealRun, ...]:
    """Return the runs of a file of real trees.

    Args:
        text: what the file holds.
        where: how messages call it.

    Raises:
        Refused: it is no such file, or one of a newer version; the message says what and where.
    """
    form = _CODEC.loads(text, where)
    if isinstance(form, list):
        runs = _CODEC.upgraded(_cases, form, where)
        assert isinstance(runs, tuple)
        return runs
    _CODEC.check_format(form, FORMAT, where)
    runs = _CODEC.from_json(_Document, form, where).runs
    for number, run in enumerate(runs):
        for index, tree in enumerate(run.trees):
            if not tree.returned <= tree.begun <= len(run.events):
                problem = Mismatch(
                    f"{tree.returned} events have returned and {tree.begun} have begun, and the "
                    f"trace has {len(run.events)}",
                )
                _CODEC.upgraded(_raises(problem), form, f"{where}.runs[{number}].trees[{index}]")
    return runs


def _raises(problem: Mismatch) -> Any:
    def fail(_: object) -> object:
        raise problem

    return fail


def _cases(form: list[Any]) -> tuple[RealRun, ...]:
    runs = []
    for number, case in enumerate(form):
        try:
            runs.append(_case(case))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as problem:
            raise Mismatch(f"case {number} is no case of the form of before: {problem!r}") from None
    return tuple(runs)


def _case(case: dict[str, Any]) -> RealRun:
    events = tuple(
        Event(**{**each, "kind": EventKind(each["kind"]), "data": bytes.fromhex(each["data"])})
        for each in case["events"]
    )
    tree = RealTree(
        image=_image(case["image"]), returned=len(events), begun=len(events), cuts={"prefix": 1}
    )
    return RealRun(
        file_system=str(case["fs"]),
        models=(PersistenceModel(case["model"]),),
        workload=str(case["workload"]),
        background=str(case["background"]),
        base=_image(case["base"]),
        events=events,
        trees=(tree,),
        cuts=1,
        mounts=1,
    )


def _image(packed: dict[str, list[Any]]) -> Image:
    entries: dict[str, Entry] = {}
    for path, (kind, *rest) in packed.items():
        if kind == "FileEntry":
            entries[path] = FileEntry(bytes.fromhex(rest[0]), int(rest[1]))
        else:
            entries[path] = _ENTRIES[kind](*rest)
    return Image(entries)
