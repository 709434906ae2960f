"""A test that lacks something is skipped on a newcomer's machine and fails in CI."""

import pytest
from needs import EXPECT, lacking, need_program


@pytest.mark.parametrize("value", ["", "0", None])
def test_a_lack_is_a_skip_with_the_reason(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(EXPECT, raising=False)
    if value is not None:
        monkeypatch.setenv(EXPECT, value)
    with pytest.raises(pytest.skip.Exception, match="walcrash-none is not installed; apt-get"):
        need_program("walcrash-none")


def test_a_lack_is_a_failure_where_everything_was_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(EXPECT, "1")
    with pytest.raises(pytest.fail.Exception, match="nothing should be lacking: no compiler"):
        lacking("no compiler")


def test_what_is_there_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXPECT, "1")
    assert need_program("sh").endswith("/sh")
