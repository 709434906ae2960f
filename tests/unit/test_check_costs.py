"""What `walcrash check` says about the costs of a subject."""

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
    # Opened, opened again and worked on, opened after that, opened in other surroundings.
    assert costs.image_starts == 4.0
    assert IMAGES > 1


def test_what_cannot_be_run_or_takes_too_long_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert measure_costs(SubjectSpec("nowhere:Nothing"), LIMITS) is None
    monkeypatch.setattr(check_costs, "LONGEST_SECONDS", 0.0)
    assert measure_costs(SubjectSpec("reference"), LIMITS) is None


def test_the_text_says_what_a_case_comes_to() -> None:
    slow = SubjectCosts(start_seconds=0.21, image_seconds=0.85, image_starts=4.0)
    assert costs_text(slow) == (
        "a start takes 210 ms, an image of a power loss 850 ms, with 4 recoveries; a case with "
        "100 images takes up to 85.0 s"
    )
    none = SubjectCosts(start_seconds=1.2, image_seconds=None, image_starts=None)
    assert costs_text(none) == "a start takes 1.2 s; no image of a power loss was made"
