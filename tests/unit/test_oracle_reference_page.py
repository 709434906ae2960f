"""The reference page of the invariants says what the code says, in the same order."""

import re
from pathlib import Path

import walcrash
from walcrash.values.rules import MOST_SEVERE_FIRST, RULES, Invariant

PAGE = Path(walcrash.__file__).parent / "docs" / "reference" / "invariants.md"


def test_the_page_has_every_invariant_in_the_order_of_the_findings():
    ids = re.findall(r"^## `([a-z-]+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert ids == [invariant.value for invariant in MOST_SEVERE_FIRST]
    assert set(ids) == {invariant.value for invariant in Invariant}


def test_the_page_states_every_rule_as_the_code_does():
    text = PAGE.read_text(encoding="utf-8")
    for invariant, rule in RULES.items():
        assert f"## `{invariant.value}`\n\nRule: {rule.text}.\n" in text
