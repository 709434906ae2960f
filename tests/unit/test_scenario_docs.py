"""The reference page of the scenario file is the schema's, and its example works."""

import re

from walcrash.scenario.docs import PAGE, scenario_reference
from walcrash.scenario.file import load_scenario
from walcrash.scenario.schema import TABLES


def test_the_page_on_disk_is_not_stale():
    assert PAGE.read_text(encoding="utf-8") == scenario_reference(), (
        "write it anew: python -m walcrash.scenario.docs"
    )


def test_the_page_has_every_key():
    page = scenario_reference()
    for table in TABLES.values():
        for key in table.model_fields:
            assert f"| `{key}` |" in page


def test_the_example_of_the_page_is_a_right_scenario(tmp_path):
    example = re.search(r"```toml\n(.*?)```", scenario_reference(), re.DOTALL)[1]
    path = tmp_path / "my-first.toml"
    path.write_text(example, encoding="utf-8")
    assert load_scenario(path).name == "my-first"
