"""What the contract suite says of a wrong adapter: in words, with the hint that fits."""

from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.subjects.contract_suite import AdapterContract
from walcrash.subjects.contract_words import Unmet, require_records
from walcrash.subjects.messages import MalformedOutput, describe
from walcrash.subjects.reference import ReferenceAdapter
from walcrash.values.contract import Contract, Promise
from walcrash.values.record import Record, RecordType, Undecodable
from walcrash.values.recovery import SubjectState

PUTS = [Record(RecordType.PUT, name, 1) for name in ("a", "b", "c")]


class WrongApply(ReferenceAdapter):
    """Replies another checkpoint than it saves."""

    def apply(self) -> int:
        return super().apply() - 1


class WrongState(ReferenceAdapter):
    """Leaves an operation out."""

    def state(self) -> SubjectState:
        shown = super().state()
        return replace(shown, operations={k: v for k, v in shown.operations.items() if k != "a"})


def suite(kind: type[ReferenceAdapter]) -> AdapterContract:
    class Suite(AdapterContract):
        adapter = "reference"

        def make(self) -> ReferenceAdapter:
            return kind()

    return Suite()


def test_an_apply_whose_reply_is_not_the_state_is_told_with_its_own_hint(tmp_path: Path) -> None:
    with pytest.raises(Unmet, match=r"`apply` replied \d+, and right behind it `state`") as found:
        suite(WrongApply).test_an_apply_moves_the_checkpoint_to_a_record_boundary(tmp_path)
    assert (
        found.value.hint == "reply the checkpoint that was saved, and show the same one in `state`"
    )


def test_a_state_that_lacks_an_operation_is_told_in_words(tmp_path: Path) -> None:
    said = "the state has 'a' with the status no; its records come to failed"
    with pytest.raises(Unmet, match=said):
        suite(WrongState).test_the_state_is_what_the_records_amount_to(tmp_path)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([PUTS[0], PUTS[2]], "as record 2 PutOperation 'c', and PutOperation 'b' was appended"),
        (PUTS[:2], "yields 2 records, and 3 were expected"),
        ([*PUTS, PUTS[0]], "yields 4 records, and 3 were expected"),
        ([PUTS[0], Undecodable(b"?")], "one that it cannot decode, and PutOperation 'b' was"),
        ([replace(PUTS[0], payload=b"x")], "PutOperation 'a' with another payload than was"),
    ],
)
def test_other_records_are_told_by_the_first_that_differs(
    found: list[Record | Undecodable], said: str
) -> None:
    with pytest.raises(Unmet, match=said):
        require_records(found, PUTS, "a replay")
    require_records(PUTS, PUTS, "a replay")


@pytest.mark.parametrize(
    ("contract", "key", "hint"),
    [
        (Contract(acknowledges="sync"), "acknowledges", "write Acknowledges.SYNC"),  # type: ignore[arg-type]
        (Contract(power="half"), "power", "write Promise.ALL"),  # type: ignore[arg-type]
        (Contract(detects=frozenset({"rot"})), "detects", "write Damage.ROT"),  # type: ignore[arg-type]
        (Contract(detects="rot"), "detects", "write detects=frozenset"),  # type: ignore[arg-type]
    ],
)
def test_a_text_in_a_contract_where_a_member_is_meant_is_told(
    contract: Contract, key: str, hint: str
) -> None:
    adapter = ReferenceAdapter()
    adapter.contract = contract  # type: ignore[misc]
    with pytest.raises(MalformedOutput, match=f"`{key}` of its Contract is ") as found:
        describe(adapter)
    assert found.value.hint.startswith(hint)
    adapter.contract = Contract(kill=Promise.PREFIX)  # type: ignore[misc]
    assert describe(adapter)["supports"]
