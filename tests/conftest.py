"""What tests of several folders share: a zygote that forks workers under watch."""

import tempfile
from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.recorder.environment import HERE
from harness.recorder.zygote import Zygote
from harness.values.errors import Inconclusive


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """A fork server that has imported the tests' worker functions; skips without interception."""
    from watching import import_for_workers, reason_without_interception

    reason = reason_without_interception()
    if reason:
        pytest.skip(f"system calls cannot be intercepted here: {reason}")
    with closing(import_for_workers(HERE, tempfile.mkdtemp(prefix="walcrash-test-"))) as made:
        yield made


@pytest.fixture
def fresh_zygote() -> Iterator[Zygote]:
    """A fork server for one test, which may break it."""
    from watching import import_for_workers

    try:
        made = import_for_workers(HERE, tempfile.mkdtemp(prefix="walcrash-test-"))
    except Inconclusive as reason:
        pytest.skip(str(reason))
    with closing(made):
        yield made
