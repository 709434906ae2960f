"""The contract suite on subjects that are wrong or right in one thing."""

from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.subjects.adapter import Adapter, DefiniteFailure, EffectSink
from walcrash.subjects.contract_suite import AdapterContract
from walcrash.subjects.reference import ReferenceAdapter
from walcrash.values.record import Record
from walcrash.values.recovery import SubjectState

MOST_BYTES = 1000


class Bounded(ReferenceAdapter):
    """Refuses for certain what is over its limit."""

    def append(self, record: Record) -> int:
        if len(record.payload) > MOST_BYTES:
            raise DefiniteFailure("No space left on device")
        return super().append(record)


class Forgetful(ReferenceAdapter):
    """Leaves an operation out of the state that it shows after an apply and a reopen."""

    was_applied = False

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.was_applied = super().state().checkpoint > 0

    def state(self) -> SubjectState:
        found = super().state()
        kept = {key: each for key, each in found.operations.items() if key != "b"}
        return replace(found, operations=kept) if self.was_applied else found


def suite(kind: type[Adapter]) -> AdapterContract:
    class Suite(AdapterContract):
        def make(self) -> Adapter:
            return kind()

    return Suite()


@pytest.mark.parametrize(
    "name",
    [
        "test_records_come_back_equal_and_in_order_at_offsets_that_grow",
        "test_a_replay_that_is_given_up_does_no_harm",
        "test_the_state_is_what_the_records_amount_to",
        "test_a_compaction_drops_records_of_done_operations_and_nothing_else",
    ],
)
def test_a_definite_refusal_for_size_is_the_limit_of_the_log(name: str, tmp_path: Path) -> None:
    bounded = suite(Bounded)
    assert len(bounded.taken()) == 6
    getattr(bounded, name)(tmp_path)


def test_an_operation_that_an_apply_forgets_is_told(tmp_path: Path) -> None:
    forgetful = suite(Forgetful)
    with pytest.raises(AssertionError, match=r"the state lacks \['b', 'b'\]"):
        forgetful.test_an_apply_moves_the_checkpoint_to_a_record_boundary(tmp_path)
