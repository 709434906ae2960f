"""What tests of several directories share: a zygote that forks workers under watch."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from needs import lacking

from walcrash.recorder.environment import HERE
from walcrash.recorder.zygote import Zygote
from walcrash.values.errors import Inconclusive


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let an idle worker take tests from a busy one: those that start processes lie together."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """A fork server that has imported the tests' worker functions; skips without interception."""
    from watching import import_for_workers, reason_without_interception

    reason = reason_without_interception()
    if reason:
        lacking(f"system calls cannot be intercepted here: {reason}")
    directory = tmp_path_factory.mktemp("zygote")
    with closing(import_for_workers(HERE, str(directory))) as made:
        yield made


@pytest.fixture(scope="session")
def interception() -> None:
    """For tests that run the command: skips without interception."""
    from watching import reason_without_interception

    reason = reason_without_interception()
    if reason:
        lacking(f"system calls cannot be intercepted here: {reason}")


@pytest.fixture
def fresh_zygote(tmp_path: Path) -> Iterator[Zygote]:
    """A fork server for one test, which may break it."""
    from watching import import_for_workers

    try:
        made = import_for_workers(HERE, str(tmp_path / "zygote"))
    except Inconclusive as reason:
        lacking(str(reason))
    with closing(made):
        yield made
