"""What `walcrash check` says about the costs of a subject."""

from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.report.check_text import costs_text
from walcrash.tools import check_costs
from walcrash.tools.check_costs import IMAGES, measure_costs
from walcrash.values.conformance import SubjectCosts
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

LIMITS = RecoveryLimits(seconds=20.0)


def test_a_start_and_an_image_are_measured() -> None:
    costs = measure_costs(SubjectSpec("reference"), LIMITS)
    assert costs is not None
    assert costs.image_seconds is not None
    assert costs.start_seconds > 0
    assert costs.image_seconds > 0
    # Opened, and where it shows something new: again and worked on, after that, perturbed.
    assert costs.image_starts is not None
    assert 1.0 < costs.image_starts <= 4.0
    assert IMAGES > 1


def test_what_cannot_be_run_or_takes_too_long_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert measure_costs(SubjectSpec("nowhere:Nothing"), LIMITS) is None
    monkeypatch.setattr(check_costs, "LONGEST_SECONDS", 0.0)
    assert measure_costs(SubjectSpec("reference"), LIMITS) is None


def test_the_process_of_a_driver_that_cannot_reopen_is_measured(tmp_path: Path) -> None:
    driver = tmp_path / "driver"
    driver.write_text('#!/bin/sh\nread line\nsleep 0.05\necho \'{"ok": false, "error": "?"}\'\n')
    driver.chmod(0o755)
    subject = SubjectSpec.of_driver([str(driver)])
    seconds = check_costs._process_seconds(subject, frozenset(), LIMITS)
    assert seconds is not None
    assert seconds >= 0.05
    assert check_costs._process_seconds(subject, frozenset({"reopen"}), LIMITS) is None
    assert check_costs._process_seconds(SubjectSpec("reference"), frozenset(), LIMITS) is None
    driver.write_text("#!/bin/sh\nexit 3\n")
    assert check_costs._process_seconds(subject, frozenset(), LIMITS) is None


def test_reopen_is_offered_where_starts_are_a_good_part_of_an_image() -> None:
    slow = SubjectCosts(
        start_seconds=0.1, image_seconds=0.4, image_starts=4.0, process_seconds=0.08
    )
    assert slow.saved_by_reopen == pytest.approx(0.32)
    assert costs_text(slow).endswith(
        "Of each start 80 ms are the driver's process until its first reply: with the capability "
        "`reopen`, one process for all recoveries, an image would take about 80 ms"
    )
    # Starts were slower where they were measured alone.
    noisy = replace(slow, process_seconds=0.13)
    assert costs_text(noisy).endswith("an image would take a small part of that")
    light = replace(slow, process_seconds=0.02)
    assert light.saved_by_reopen is None
    assert "reopen" not in costs_text(light)
    assert replace(slow, process_seconds=None).saved_by_reopen is None


def test_the_text_says_what_a_case_comes_to() -> None:
    slow = SubjectCosts(start_seconds=0.21, image_seconds=0.85, image_starts=4.0)
    assert costs_text(slow) == (
        "a start takes 210 ms, an image of a power loss 850 ms, with 4 recoveries; a case with "
        "100 images takes up to 85.0 s"
    )
    none = SubjectCosts(start_seconds=1.2, image_seconds=None, image_starts=None)
    assert costs_text(none) == "a start takes 1.2 s; no image of a power loss was made"
