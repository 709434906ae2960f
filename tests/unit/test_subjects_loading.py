"""A subject's options: one that it does not have is answered with those that it has."""

import pytest

from walcrash.subjects.loading import NotAnAdapter, find_adapter, make_adapter


def test_an_unknown_option_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(NotAnAdapter) as refused:
        make_adapter(find_adapter("sqlite"), {"journal_mod": "wal"})
    assert str(refused.value) == (
        "SqliteAdapter has no option `journal_mod`; there: acknowledges, autocheckpoint, "
        "journal_mode, synchronous; near: journal_mode"
    )


def test_pragmas_may_be_written_as_the_documentation_of_sqlite_writes_them() -> None:
    kind = find_adapter("sqlite")
    capitals = make_adapter(kind, {"journal_mode": "WAL", "synchronous": "NORMAL"})
    assert capitals.contract == make_adapter(kind, {"synchronous": "normal"}).contract
