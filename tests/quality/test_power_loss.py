"""Power losses: a log without syncs is found out, one with them never, and each failure repeats."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from walcrash.case.case_run import CaseRun
from walcrash.case.runner import recheck, run_case, run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.minimise.search import minimise
from walcrash.scenario.file import load_scenario, planted_directory
from walcrash.values.case_file import StoredCase, stored_case_from_json, stored_case_to_json
from walcrash.values.contract import Contract, PersistenceModel, Promise
from walcrash.values.errors import Inconclusive
from walcrash.values.faults import FaultKind, FaultPlan, PowerLoss
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.draw import draw_case
from walcrash.workload.profile import Profile

ROOT = Path(__file__).parents[2]
REFERENCE = SubjectSpec("reference")
NEVER_SYNCED = SubjectSpec("reference", {"sync": "none"})
PLAIN = SubjectSpec(f"{planted_directory()}/planted_base.py:PlainLog")
POSIX = Contract(model=PersistenceModel.POSIX, max_attempts=3)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def drawn(
    sandbox: Sandbox,
    index: int,
    *,
    name: str = "power-append",
    subject: SubjectSpec = REFERENCE,
    contract: Contract = POSIX,
    images: int = 60,
    faults: tuple[FaultPlan, ...] = (),
) -> StoredCase:
    """Return a case of a shipped scenario on some subject under some contract."""
    scenario = load_scenario(ROOT / "scenarios" / f"{name}.toml")
    scenario = replace(
        scenario,
        faults=faults or tuple(replace(fault, images=images) for fault in scenario.faults),
    )
    description = sandbox.load(subject, scenario.limits)
    case = draw_case(
        scenario,
        supports=description.supports,
        profile=Profile(),
        master_seed="power",
        index=index,
    )
    return StoredCase(
        case=case,
        subject=subject,
        contract=contract,
        supports=description.supports,
        invariants=scenario.invariants,
        limits=scenario.limits,
    )


def first_failure(sandbox: Sandbox, **choices: object) -> tuple[StoredCase, CaseRun]:
    for index in range(5):
        stored = drawn(sandbox, index, **choices)  # type: ignore[arg-type]
        run = run_case(sandbox, stored)
        if run.verdict is Verdict.FAIL:
            return replace(stored, case=run.case), run
    raise AssertionError("five cases found nothing")


@pytest.mark.parametrize(
    "name",
    [
        "power-append",
        "power-compaction",
        "power-group-commit",
        "power-after-kill",
        "power-recovery",
    ],
)
def test_the_reference_keeps_its_promise_under_posix(sandbox: Sandbox, name: str) -> None:
    for index in range(3):
        run = run_case(sandbox, drawn(sandbox, index, name=name))
        assert run.verdict is Verdict.PASS, (run.judgement.violations, run.doubt)
        assert run.coverage is None or run.coverage.judged > 1


@pytest.mark.parametrize("subject", [NEVER_SYNCED, PLAIN])
def test_a_log_that_never_syncs_is_found_out_in_the_strictest_model_that_shows_it(
    sandbox: Sandbox, subject: SubjectSpec
) -> None:
    _, run = first_failure(sandbox, subject=subject)
    assert run.judgement.worst.invariant in (Invariant.LOST_PUT, Invariant.UNRECOVERABLE)
    assert run.model is not PersistenceModel.POSIX
    landing = run.landings[-1]
    assert landing.is_power_loss
    assert f"({run.model.value})" in landing.loss


def test_a_failure_is_stored_with_its_image_and_repeats_from_what_was_stored(
    sandbox: Sandbox,
) -> None:
    stored, run = first_failure(sandbox, subject=NEVER_SYNCED)
    crash = stored.case.boots[-1].crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice
    read_back = stored_case_from_json(json.loads(json.dumps(stored_case_to_json(stored))))
    assert read_back == stored
    again = run_case_fresh(sandbox, read_back)
    assert again.judgement.violations == run.judgement.violations
    assert again.landings == run.landings


SHIFTING = """
from planted_base import PlainLog
from pathlib import Path

BOOTS = Path(__file__).with_name("boots")


class Shifting(PlainLog):
    def open_log(self):
        if not list(self.directory.iterdir()):
            with open(self.directory / "scratch", "wb", buffering=0) as scratch:
                for _ in range(0 if BOOTS.exists() else 200):
                    scratch.write(b"-")
            BOOTS.touch()
        super().open_log()
"""
"""Never syncs, and makes fewer calls in every boot but the first: no image is found again."""


def test_a_failure_that_another_run_cannot_reach_is_confirmed_on_what_the_crash_left(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    shutil.copy(planted_directory() / "planted_base.py", tmp_path)
    (tmp_path / "shifting.py").write_text(SHIFTING)
    stored = drawn(sandbox, 0, subject=SubjectSpec(f"{tmp_path}/shifting.py:Shifting"))
    run = run_case(sandbox, stored)
    assert run.verdict is Verdict.FAIL, run.doubt
    again = run_case_fresh(sandbox, replace(stored, case=run.case))
    assert "has no position" in again.doubt
    assert again.verdict is Verdict.INCONCLUSIVE
    # Minimising looks for such a power loss in the traces that the subject makes now.
    kept, meant = replace(stored, case=run.case), run.judgement.worst.invariant
    assert minimise(partial(run_case, sandbox), kept, meant).run is None
    found = minimise(partial(run_case, sandbox), kept, meant, kept=run).run
    assert found is not None
    assert found.judgement.worst.invariant is meant
    assert len(found.boots[-1].events()) < 200 < len(run.boots[-1].events())


@pytest.mark.parametrize("fault", [FaultPlan(images=60, kind=FaultKind.POWER), FaultPlan()])
def test_what_a_crash_left_is_judged_as_the_run_was(sandbox: Sandbox, fault: FaultPlan) -> None:
    subject = SubjectSpec(f"{planted_directory()}/buffered_append.py:Subject")
    stored, run = first_failure(
        sandbox, subject=subject, name="planted/buffered-append", faults=(fault,)
    )
    look = recheck(sandbox, stored, run)
    assert look.judgement == run.judgement
    assert look.history == run.history


def test_the_same_log_is_never_accused_after_a_kill(sandbox: Sandbox) -> None:
    for index in range(10):
        stored = drawn(sandbox, index, name="crash-mid-write", subject=NEVER_SYNCED)
        run = run_case(sandbox, stored)
        assert run.verdict is Verdict.PASS, run.judgement.violations


def test_a_prefix_is_all_that_a_log_without_syncs_may_promise(sandbox: Sandbox) -> None:
    prefix = replace(POSIX, power=Promise.PREFIX)
    for index in range(3):
        stored = drawn(sandbox, index, subject=NEVER_SYNCED, contract=prefix)
        run = run_case(sandbox, stored)
        broken = {violation.invariant for violation in run.judgement.violations}
        assert not broken & {Invariant.LOST_PUT, Invariant.LOST_MARK, Invariant.ORDER}


def test_what_only_a_weaker_model_shows_is_noted_beside_a_pass(sandbox: Sandbox) -> None:
    subject = SubjectSpec(f"{planted_directory()}/power/unsynced_directory.py:Subject")
    strict = replace(POSIX, model=PersistenceModel.ORDERED)
    runs = [
        run_case(sandbox, drawn(sandbox, index, subject=subject, contract=strict, images=80))
        for index in range(4)
    ]
    assert {run.verdict for run in runs} == {Verdict.PASS}
    beside = [run.portability_failure for run in runs if run.portability_failure is not None]
    assert beside
    assert all(run.verdict is Verdict.FAIL for run in beside)
    assert all(run.model is PersistenceModel.POSIX for run in beside)


def test_the_same_seed_looks_at_the_same_images(sandbox: Sandbox) -> None:
    stored = drawn(sandbox, 0)
    one, other = run_case(sandbox, stored), run_case(sandbox, stored)
    assert one.coverage == other.coverage
    assert one.case == other.case


def test_a_call_that_is_not_modelled_makes_a_power_loss_inconclusive(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "spliced.py").write_text(SPLICED)
    subject = SubjectSpec(f"{tmp_path}/spliced.py:Spliced")
    run = run_case(sandbox, drawn(sandbox, 0, subject=subject))
    assert run.verdict is Verdict.INCONCLUSIVE
    assert "splice" in run.doubt


SPLICED = """
import os

from walcrash.subjects.reference import ReferenceAdapter


class Spliced(ReferenceAdapter):
    def open(self, directory, effect):
        super().open(directory, effect)
        fd = os.open(directory / "copy", os.O_WRONLY | os.O_CREAT)
        read_end, write_end = os.pipe()
        os.close(write_end)
        os.splice(read_end, fd, 6)
        os.close(read_end)
        os.close(fd)
"""


def test_without_interception_a_power_loss_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WALCRASH_INTERCEPTION", "off")
    with Sandbox() as blind, pytest.raises(Inconclusive, match="power loss needs interception"):
        run_case(blind, drawn(blind, 0))


MAPPING = "planted/power/unsynced-mapping"
UNSYNCED_MAPPING = SubjectSpec(f"{planted_directory()}/power/unsynced_mapping.py:Subject")


def test_a_log_that_is_stored_through_a_mapping_without_msync_is_found_out(
    sandbox: Sandbox,
) -> None:
    stored, run = first_failure(sandbox, name=MAPPING, subject=UNSYNCED_MAPPING)
    assert run.judgement.worst.invariant is Invariant.LOST_PUT
    assert run.model is PersistenceModel.ORDERED
    again = run_case_fresh(sandbox, stored)
    assert again.judgement.violations == run.judgement.violations


def test_a_log_that_is_stored_through_a_mapping_is_never_accused_after_a_kill(
    sandbox: Sandbox,
) -> None:
    kills = (FaultPlan(kind=FaultKind.KILL),)
    for index in range(15):
        stored = drawn(sandbox, index, name=MAPPING, subject=UNSYNCED_MAPPING, faults=kills)
        run = run_case(sandbox, stored)
        assert run.verdict is Verdict.PASS, (run.judgement.violations, run.doubt)


def test_a_log_that_syncs_what_it_stores_through_a_mapping_is_never_accused(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "synced.py").write_text(
        SYNCED_MAPPING.format(directory=planted_directory() / "power")
    )
    subject = SubjectSpec(f"{tmp_path}/synced.py:Synced")
    for index in range(3):
        run = run_case(sandbox, drawn(sandbox, index, name=MAPPING, subject=subject))
        assert run.verdict is Verdict.PASS, (run.judgement.violations, run.doubt)
        assert run.coverage is not None
        assert run.coverage.judged > 1


SYNCED_MAPPING = """
import mmap
import sys

sys.path.append("{directory}")
from unsynced_mapping import Subject


class Synced(Subject):
    def write(self, record, frame):
        super().write(record, frame)
        start = self.end_offset - self.base
        page = start // mmap.PAGESIZE * mmap.PAGESIZE
        self.mapped.flush(page, start + len(frame) - page)
"""
