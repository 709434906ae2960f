"""Stored cases that somebody has damaged are read or refused, and nothing else happens."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from walcrash.values.case_file import StoredCase, stored_case_from_json, stored_case_to_json
from walcrash.values.contract import Contract
from walcrash.values.errors import UsageError
from walcrash.values.faults import FaultPlan
from walcrash.values.scenario import Budget, RecoveryLimits, Scenario, SubjectSpec, WorkloadPlan
from walcrash.values.verdict import Invariant
from walcrash.workload.draw import Profile, draw_case

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
SCENARIO = Scenario(
    name="small",
    summary="",
    path="",
    subject=SubjectSpec("reference", {"sync": "append"}),
    contract=None,
    workload=WorkloadPlan(boots=(2, 2), operations=(3, 6)),
    faults=(FaultPlan(),),
    invariants=frozenset(Invariant),
    budget=Budget(),
    limits=RecoveryLimits(),
)
CASE = draw_case(SCENARIO, supports=frozenset({"apply"}), profile=Profile(), master_seed=1, index=0)
FORM = json.dumps(
    stored_case_to_json(
        StoredCase(
            case=CASE,
            subject=SCENARIO.subject,
            contract=Contract(),
            supports=frozenset({"apply"}),
            invariants=SCENARIO.invariants,
            limits=SCENARIO.limits,
        )
    )
)


def places(form, path=()):
    yield path
    inner = form.items() if isinstance(form, dict) else ()
    inner = enumerate(form) if isinstance(form, list) else inner
    for key, each in inner:
        yield from places(each, (*path, key))


PLACES = [path for path in places(json.loads(FORM)) if path]


@given(st.sampled_from(PLACES), JSON)
def test_a_value_changed_anywhere_is_read_or_refused(path, value):
    form = json.loads(FORM)
    place = form
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with contextlib.suppress(UsageError):
        stored_case_to_json(stored_case_from_json(form))
