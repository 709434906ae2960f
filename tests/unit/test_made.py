"""What a published page says of how it was made is asked of git and of the machine."""

import subprocess
from pathlib import Path

from walcrash.tools.made import commit_of, made_by


def git(directory: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    return subprocess.run(
        ["git", "-C", str(directory), *who, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_commit_is_that_of_the_checkout_and_says_where_files_differ(tmp_path: Path) -> None:
    inside = tmp_path / "site-packages"
    inside.mkdir()
    assert commit_of(tmp_path) == ""
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) == ""
    (tmp_path / "file").write_text("as it was")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    short = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert commit_of(tmp_path) == short
    # What is installed in somebody's checkout is not of that commit.
    assert commit_of(inside) == ""
    (tmp_path / "file").write_text("another")
    assert commit_of(tmp_path) == f"{short}-dirty"


def test_the_command_can_be_pasted() -> None:
    made = made_by(["selftest", "a name", "--fates"], processors=3)
    assert made.command == "walcrash selftest 'a name' --fates"
    assert (made.processors, made.load >= 0) == (3, True)
