"""What the operations of a scenario never reached, each with the key that would change it.

Only what follows from the run is said: an operation that the subject supports and that no case had
acknowledged; boots that no crash fell into; no record over a page end, where it shows which file
records go to; no file of records that a next one followed, where records went to one file, each
behind the one before; of a log of fixed room that it was never full, or that its records never went
back to an earlier place of their file.

A fault that no call fits which the cases made is said as well.

A fitted workload deals its shapes among `FITTED_DECK` cases, so of fewer only the operations are
said, and that more cases have them.

Not here: promises that no crash put to the test (`untested`).
"""

from collections.abc import Mapping
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import escape, listed
from walcrash.values.faults import FaultKind
from walcrash.values.log import ScenarioEnded, ScenarioStarted
from walcrash.values.reach import WorkloadReach
from walcrash.values.scenario import FITTED_DECK, MIX_CAPABILITIES, OperationMix
from walcrash.values.tears import PAGE_BYTES

# limits
NAMES_SHOWN: Final = 5
"""How many scenarios of one sentence are named."""

CRASHED_BOOTS: Final = 3
"""Boots of a case that crashes should fall into: the third finds what a recovery has left."""

_ASKED: Final = (
    OperationMix.DONE,
    OperationMix.FAILED,
    OperationMix.SYNC,
    OperationMix.APPLY,
    OperationMix.TICK,
    OperationMix.COMPACT,
)
"""The operations that a case should have where the subject supports them."""

_ROT: Final = FaultKind.ROT.value
_NO_CALL: Final = "no call that the cases made"
_NO_FILE: Final = "no file that the cases made"

_NEXT_FILE: Final = "a file of records with a next one"
_LONGER: Final = "`payload_bytes` and `operations` in [workload] make it longer"

_ORDINALS: Final = {2: "second", 3: "third"}


def unreached_sentences(report: RunReport) -> list[str]:
    """Return a sentence for each thing that was not reached, with the scenarios that it is of."""
    names: dict[tuple[str, str], list[str]] = {}
    in_one_file: dict[str, int] = {}
    for ended in report.scenarios:
        started = report.started.get(ended.scenario)
        if started is None or ended.reach is None:
            continue
        for found in _absent(ended):
            names.setdefault(found, []).append(escape(ended.scenario))
        if ended.reach.is_fitted and ended.cases < FITTED_DECK:
            # Where one case alone was asked for, no more would be of use.
            for found in _undrawn(started, ended.reach) if ended.few is not None else ():
                names.setdefault(found, []).append(escape(ended.scenario))
            continue
        for found in _unreached(started, ended, ended.reach):
            names.setdefault(found, []).append(escape(ended.scenario))
        if _is_in_one_file(ended.reach):
            in_one_file[escape(ended.scenario)] = ended.reach.cases.file_bytes
    return [*named_sentences(names), *_one_file(in_one_file)]


def named_sentences(names: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Return a sentence for each thing and why it is, with the scenarios that it is of."""
    return [
        f"{what}, of {listed(named, NAMES_SHOWN)}: {why}" for (what, why), named in names.items()
    ]


def _unreached(
    started: ScenarioStarted, ended: ScenarioEnded, reach: WorkloadReach
) -> list[tuple[str, str]]:
    """Return what was not reached, each with why it was not and what changes that."""
    return [
        *_operations(started, reach),
        *_boots(ended, reach),
        *_page_ends(reach),
        *_files(reach),
        *_room(started, reach),
    ]


def _absent(ended: ScenarioEnded) -> list[tuple[str, str]]:
    """Return the faults that no call fits, each with the keys that keep them from it."""
    return [
        (
            f'an injected fault of `kind = "{escape(each.kind)}"`',
            f"{_NO_FILE if each.kind == _ROT else _NO_CALL} fits `{escape(each.keys)}` in "
            "[[faults]]; change it or leave it out",
        )
        for each in (ended.matrix.absent if ended.matrix is not None else ())
    ]


def _operations(started: ScenarioStarted, reach: WorkloadReach) -> list[tuple[str, str]]:
    missing = _missing(started, reach)
    if not missing:
        return []
    draws = f"`{missing[0]} = 1`" if len(missing) == 1 else "a weight for each"
    return [(_quoted(missing), f"no call was acknowledged; {draws} in [workload.mix] draws it")]


def _undrawn(started: ScenarioStarted, reach: WorkloadReach) -> list[tuple[str, str]]:
    """Return the operations that few cases of a fitted workload lack.

    More cases have those that a case without a crash had acknowledged.
    """
    missing = _missing(started, reach)
    drawn = [name for name in missing if reach.controls.calls.get(name)]
    others = [name for name in missing if name not in drawn]
    found = [(_quoted(drawn), "no call was acknowledged in so few cases; more cases draw it")]
    found += [(_quoted(others), "no call was acknowledged, in no case without a crash either")]
    return [each for each, names in zip(found, (drawn, others), strict=True) if names]


def _missing(started: ScenarioStarted, reach: WorkloadReach) -> list[str]:
    """Return the operations that the subject supports and that no case had acknowledged."""
    return [
        kind.value
        for kind in _ASKED
        if MIX_CAPABILITIES.get(kind, "") in ("", *started.supports)
        and not reach.cases.calls.get(kind.value)
    ]


def _quoted(names: list[str]) -> str:
    return listed([f"`{name}`" for name in names], len(names))


def _boots(ended: ScenarioEnded, reach: WorkloadReach) -> list[tuple[str, str]]:
    boots = reach.cases.boots
    # No boots are known of cases that an older version has run.
    if not ended.cases or not 0 < boots < CRASHED_BOOTS:
        return []
    more = f"`boots = [1, {CRASHED_BOOTS}]` in [workload] has more"
    return [(f"a crash in a {_ORDINALS[boots + 1]} boot", f"no case has so many; {more}")]


def _page_ends(reach: WorkloadReach) -> list[tuple[str, str]]:
    cases = reach.cases
    if not cases.file_bytes or cases.over_page_end:
        return []
    key = f"`payload_bytes` in [workload] with {PAGE_BYTES + 904} has some"
    return [("a record over the end of a page", f"none lay so; {key}")]


def _files(reach: WorkloadReach) -> list[tuple[str, str]]:
    if not _lacks_next_file(reach) or reach.controls.files <= 1:
        return []
    return [(_NEXT_FILE, f"a case without a crash had one, and no other case; {_LONGER}")]


def _is_in_one_file(reach: WorkloadReach) -> bool:
    """Whether all records went to one file, which is not known to have a next one."""
    return _lacks_next_file(reach) and reach.controls.files <= 1 and reach.cases.files == 1


def _lacks_next_file(reach: WorkloadReach) -> bool:
    """Whether no case had a second file of records, in a log that is not of fixed room."""
    return reach.cases.files <= 1 and not (reach.cases.full or reach.controls.full)


def _one_file(sizes: Mapping[str, int]) -> list[str]:
    """Return that records went to one file, with the bytes of the longest of some scenarios."""
    if not sizes:
        return []
    least, most = min(sizes.values()), max(sizes.values())
    size = f"{most:,} bytes" if least == most else f"{least:,} to {most:,} bytes by scenario"
    return [
        f"{_NEXT_FILE}, of {listed(list(sizes), NAMES_SHOWN)}: the records of a boot went to one "
        f"file, up to {size}; if a longer one has a next, {_LONGER}"
    ]


def _room(started: ScenarioStarted, reach: WorkloadReach) -> list[tuple[str, str]]:
    """Return what a log of fixed room did not come to: being full, and a wrap of its one file."""
    cases, controls = reach.cases, reach.controls
    if not (cases.full or controls.full):
        return []
    found = []
    if not cases.full:
        keys = "`payload_bytes` and `operations` in [workload] fill it"
        found.append(("a full log", f"a case without a crash was full, and no other case; {keys}"))
    if cases.file_bytes and cases.files <= 1 and not cases.wraps:
        free = "`done` and `compact`" if "compact" in started.supports else "`done`"
        keys = f"{free} in [workload.mix] free room, and more `operations` go round"
        what = "a log of fixed room that goes round"
        found.append((what, f"no record went back to an earlier place of its file; {keys}"))
    return found
