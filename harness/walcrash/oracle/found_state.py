"""What a recovery that failed had found, and no recovery before it had.

Not here: what became of one record (`fate`), and any sentence (`walcrash.report.fate_words`).
"""

from walcrash.oracle.ledger import Ledger
from walcrash.values.cause import name_pattern
from walcrash.values.event import EventKind
from walcrash.values.fate import SINCE_SHOWN, EventRef, FoundFate


def found_state(ledger: Ledger, known: frozenset[str]) -> FoundFate | None:
    """Return what a recovery that failed had found; None where that tells nothing.

    Args:
        ledger: the files as it found them.
        known: the names that the last successful `open` had found or made.
    """
    patterns = {name_pattern(name) for name in known}
    new = [
        ref
        for name, ref in ledger.ever_made.items()
        if name in ledger.names and name_pattern(name) not in patterns
    ]
    gone = [
        ref
        for name, ref in ledger.taken.items()
        if name in known and name not in ledger.names and not _is_moved(ref, ledger)
    ]
    failed = ledger.never_filled()
    is_cut = bool(ledger.torn or ledger.unkept or failed)
    state = FoundFate(
        torn=tuple(item.ref for item in ledger.torn[-SINCE_SHOWN:]),
        new=() if is_cut else tuple(new[-SINCE_SHOWN:]),
        gone=tuple(gone[-SINCE_SHOWN:]),
        lost=tuple(ledger.unkept[-SINCE_SHOWN:]),
        failed=tuple(failed[-SINCE_SHOWN:]),
        failed_sync=_failed_sync(ledger),
    )
    return state if is_cut or state.new or state.gone else None


def _failed_sync(ledger: Ledger) -> EventRef | None:
    """Return the last sync that failed of a write of which not all was kept."""
    of_torn = [item.failed_sync for item in ledger.torn]
    of_unkept = [ledger.failed_syncs.of(ref) for ref in ledger.unkept]
    failed = [sync for sync in (*of_torn, *of_unkept) if sync is not None]
    return failed[-1] if failed else None


def _is_moved(ref: EventRef, ledger: Ledger) -> bool:
    """Whether a name went by a rename whose file is there under the new one."""
    return ref.kind is EventKind.RENAME and ref.path_to in ledger.names
