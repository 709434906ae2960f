"""The page of the driver protocol says what the harness speaks."""

import json
import re
import tomllib
from pathlib import Path

import walcrash
from walcrash.scenario.schema import ContractTable
from walcrash.subjects import driver_replies as replies
from walcrash.subjects.messages import CAPABILITIES
from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationStatus

PAGE = (Path(walcrash.__file__).parent / "docs" / "reference" / "driver-protocol.md").read_text(
    encoding="utf-8"
)

READERS = {
    "open": replies.read_introduction,
    "append": replies.read_offset,
    "apply": replies.read_checkpoint,
    "state": replies.read_state,
}


def _reply(text: str) -> dict[str, object]:
    """Return the one-line reply of a row, with its letters in place of values filled in."""
    line = re.search(r'`(\{"ok":true.*?\})`', text)[1]
    line = re.sub(r"\bS\b", '"pending"', re.sub(r"\bT\b", '""', line))
    return json.loads(re.sub(r"\bN\b", "0", line.replace("{ID:", '{"op-1":').replace("ID,...", "")))


def _rows() -> list[tuple[str, str]]:
    return re.findall(r'^\| `\{"do":"(\w+)".*?\}` \| (.*)$', PAGE, re.MULTILINE)


def test_the_replies_of_the_page_are_what_the_harness_reads() -> None:
    rows = [row for row in _rows() if row[1].startswith("`{")]
    assert {do for do, _ in rows} >= {"open", "append", "sync", "apply", "state", "close"}
    for do, text in rows:
        found = _reply(text)
        assert replies.read_ok(found, do)
        READERS.get(do, lambda *_: None)(found, do)


def test_every_capability_status_and_record_type_is_on_the_page() -> None:
    named = set(re.findall(r"\(capability `(\w+)`\)", PAGE))
    assert named == CAPABILITIES
    assert all(f"`{status.value}`" in PAGE for status in OperationStatus)
    assert all(f"`{kind.value}`" in PAGE for kind in RecordType)
    assert f"version {replies.PROTOCOL}\n" in PAGE.partition("\n")[0] + "\n"


def test_the_contract_of_the_page_is_one_that_a_scenario_may_state() -> None:
    example = tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])
    stated = ContractTable.model_validate(example["contract"])
    assert stated == ContractTable()
