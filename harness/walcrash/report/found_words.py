"""What a recovery that failed had found, in sentences, and what repairs that.

Not here: how that is found out (`walcrash.oracle.found_state`), what became of one record
(`fate_words`).
"""

from collections.abc import Iterator
from typing import Final

from walcrash.report.event_words import left_words, listing, named
from walcrash.report.text import escape
from walcrash.values.cause import directory_of
from walcrash.values.fate import FoundFate

TRUNCATE: Final = (
    "Recovery has to truncate the log after its last whole record before anything is appended, and "
    "sync the truncation."
)

ANEW: Final = (
    "Write anew what a sync that failed was of before anything relies on it, also when it is read "
    "at the next start: a later sync may return 0 and leave it out."
)

KEPT_BESIDE: Final = (
    "Keep another copy of what a write goes over until that is durable: a torn one leaves neither "
    "the old bytes nor the new."
)


def found_lines(state: FoundFate) -> list[str]:
    """Return what a recovery that failed had found, a sentence each, the most telling first."""
    return [*_cut(state), *_names(state)]


def _cut(state: FoundFate) -> Iterator[str]:
    """Yield what was not there as a whole."""
    for ref in state.torn:
        did = "recovery opened, and kept" if state.is_left else "it found"
        yield f"{did} what {named(ref)} {left_words(ref)}"
    if state.outlived_by is not None:
        yield f"after that {listing([state.outlived_by])}, which was kept"
    for ref in state.lost:
        yield f"{escape(ref.path)} lacked what {named(ref)} wrote to it, which was not durable"
    if state.kept_after is not None and not state.torn:
        yield f"behind that {listing([state.kept_after])}, which was kept"
    if state.emptied is not None:
        since = "before that" if state.lost else "and nothing was written to it since"
        yield f"{named(state.emptied)} had emptied {escape(state.emptied.path)}, {since}"
    for ref in state.failed:
        yield f"{escape(ref.path)} is empty: {named(ref)}, its write, failed"
    if state.failed_sync is not None:
        yield f"{named(state.failed_sync)}, its sync, had failed"


def _names(state: FoundFate) -> Iterator[str]:
    """Yield names that were there or gone, or that two had."""
    for ref in state.unnamed:
        yield (
            f"{escape(ref.name)} was not there: the power loss took its name, which {named(ref)} "
            f"had given it, and kept one that was made later"
        )
    if state.new:
        yield f"it found names that no `open` before had found: {listing(state.new)}"
    for ref in state.named:
        yield f"it names {escape(ref.path)}, which {named(ref)} had removed"
    if state.gone:
        yield f"names were gone that the last `open` had: {listing(state.gone)}"
    for ref in state.half_done:
        both = f"{escape(ref.path)} and {escape(ref.path_to)} are names of one file"
        yield f"{both}: {named(ref)} renamed it, and the power loss left both"
    if state.cut_by is not None:
        yield f"since then {listing([state.cut_by])}"


def found_advice(found: FoundFate) -> str:
    """Return what repairs a recovery that failed on what it found."""
    if found.failed_sync is not None:
        return ANEW
    if found.is_left:
        return TRUNCATE
    if found.torn:
        return _torn_advice(found)
    if found.unnamed:
        every = [ref.name for ref in found.unnamed]
        directories = ", ".join(dict.fromkeys(escape(directory_of(path)) for path in every))
        return (
            f"Sync the directory {directories} before anything relies on what was made in it. "
            "Recovery may open without that only where no promised record was in it."
        )
    if found.emptied is not None:
        path = escape(found.emptied.path)
        return f"Write a new file, sync it and rename it over {path}, which stays whole until then."
    if found.lost:
        paths = ", ".join(dict.fromkeys(escape(ref.path) for ref in found.lost))
        return (
            f"Sync {paths} before anything relies on it. Recovery may open without that only where "
            "no promised record was in it."
        )
    if found.failed:
        return "Recovery has to open on the empty file, or what was there has to stay until then."
    if found.named:
        paths = ", ".join(dict.fromkeys(escape(ref.path) for ref in found.named))
        return f"Leave {paths} until nothing that recovery reads needs it, and that is durable."
    if found.new:
        return "Recovery has to open where this was made and nothing more has happened."
    if found.half_done and found.cut_by is None:
        return ""
    if found.half_done:
        old = escape(found.half_done[-1].path)
        return f"Remove {old} and make it anew, and do not cut it: it may have another name."
    return "Recovery has to open without these names, or they have to stay."


def _torn_advice(found: FoundFate) -> str:
    if found.outlived_by is not None:
        path, event = escape(found.torn[-1].path), named(found.outlived_by)
        return f"Sync {path} before {event}, which came after that write, and was kept."
    if found.is_over:
        return KEPT_BESIDE
    return "Recovery has to open on what is left of a write: what lies before it is whole."
