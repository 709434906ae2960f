"""The state of a campaign: what it has done comes back, and what is no state is refused."""

import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import small_bundle

from walcrash.campaign import state as state_module
from walcrash.campaign.state import FORMAT, NAME, CampaignState, Request
from walcrash.case.coverage import Coverage
from walcrash.case.outcome import CaseOutcome, summarise
from walcrash.minimise.job import MinimalCase
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.finding import FindingState
from walcrash.values.log import FindingReported, StopReason
from walcrash.values.version import VERSION
from walcrash.workload.draw import case_seed

BUNDLE = small_bundle()


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(
        version=VERSION,
        directory=str(tmp_path),
        names=("a.toml",),
        seed="1",
        cases=3,
        seconds=2.0,
        digests=(("a", "b"),),
    )


def outcome(number: int = 0) -> CaseOutcome:
    """Return a failing case of a power loss, with its case and what was covered."""
    covered = Coverage(positions=2, policies=Counter({"nothing": 1}), kinds=Counter({"write": 2}))
    made = summarise(replace(BUNDLE.evidence.run, coverage=covered), BUNDLE.stored)
    return replace(made, index=number, seed=case_seed("1", "a", number))


def test_what_was_done_comes_back_in_another_process(tmp_path: Path, request_: Request) -> None:
    state = CampaignState.begin(str(tmp_path), request_)
    made = MinimalCase(outcome=outcome(), tries=4, is_finished=True)
    state.add_judged("a", 0, [outcome(), replace(outcome(1), stored=None)], 1.5)
    state.add_minimal("a", "G-1", made)
    state.close()
    again = CampaignState.resume(str(tmp_path))
    assert again.request == request_
    first, second = again.judged("a", most=3)
    assert first == outcome()
    assert first.coverage is not None
    assert isinstance(first.coverage.policies, Counter)
    assert first.stored is not None
    assert first.stored.case == BUNDLE.evidence.run.case
    assert second.stored is None
    assert again.minimal("a", "G-1") == made
    again.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("update asked set request = '[]'", r"request: found \[\]; allowed: an object"),
        ("update asked set request = '{'", "request: this is no JSON"),
        ("delete from asked", "asked: found 0 rows; allowed: one"),
        ("insert into asked select * from asked", "asked: found 2 rows; allowed: one"),
        (
            """update asked set request = replace(request, '"seed":"1', '"seed":"\\ud800')""",
            "request.seed: found .* allowed: text without lone surrogates",
        ),
        (
            """update asked set request = replace(request, '"cases":3', '"cases":0')""",
            "request.cases: found 0; allowed: a whole number, 1 to 1000000000",
        ),
        (f"pragma user_version = {FORMAT + 1}", f"format {FORMAT + 1}"),
        ("pragma user_version = 2", "format 2"),
    ],
)
def test_a_state_that_is_none_is_refused(
    tmp_path: Path, request_: Request, change: str, why: str
) -> None:
    CampaignState.begin(str(tmp_path), request_).close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(UsageError, match=why) as caught:
        CampaignState.resume(str(tmp_path))
    assert caught.value.hint == "begin again with walcrash run"
    assert "hint:" not in caught.value.message


@pytest.mark.parametrize("created", range(7))
def test_a_state_is_there_as_a_whole_or_not_at_all(
    created: int, tmp_path: Path, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill between two statements leaves is what an error there leaves."""
    tables = state_module._TABLES
    monkeypatch.setattr(state_module, "_TABLES", (*tables[:created], "no statement"))
    with pytest.raises(HarnessFault):
        CampaignState.begin(str(tmp_path), request_)
    with pytest.raises(UsageError, match="was stopped before the run had begun") as caught:
        CampaignState.resume(str(tmp_path))
    assert caught.value.hint == "begin again with walcrash run"


def test_an_empty_state_beside_a_log_is_damage_and_no_run_that_had_not_begun(
    tmp_path: Path,
) -> None:
    (tmp_path / NAME).touch()
    (tmp_path / "events.ndjson").write_text("{}\n", encoding="ascii")
    with pytest.raises(UsageError, match=f"{NAME} has format 0") as caught:
        CampaignState.resume(str(tmp_path))
    assert caught.value.hint == "begin again with walcrash run"


def test_a_run_that_was_killed_before_its_state_is_told_from_one_that_has_ended(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="was stopped before the run had begun"):
        CampaignState.resume(str(tmp_path))
    (tmp_path / "report.md").touch()
    with pytest.raises(UsageError, match="the run has ended"):
        CampaignState.resume(str(tmp_path))


def test_a_judged_case_that_is_none_is_refused(tmp_path: Path, request_: Request) -> None:
    state = CampaignState.begin(str(tmp_path), request_)
    state.add_judged("a", 0, [outcome()], 1.5)
    state.close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("""update judged set outcome = replace(outcome, '"fail"', '"fial"')""")
    connection.close()
    again = CampaignState.resume(str(tmp_path))
    with pytest.raises(HarnessFault, match=r'outcome\.verdict: found "fial"; allowed: pass, fail'):
        again.judged("a", most=3)
    again.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("update judged set scenario = cast(x'ff7b' as text) where rowid = 1", "decode to UTF-8"),
        ("update judged set scenario = 'z' where rowid = 1", "judged.scenario: found 'z'; allowed"),
        ("update judged set number = 7 where number = 0", "found 1 where case 0 of a belongs"),
        ("update judged set number = -1 where number = 0", "found -1 where case 0 of a belongs"),
        ("update judged set number = 'x' where number = 0", "where case 0 of a belongs"),
        ("update judged set number = null where number = 0", "found None where case 0"),
        ("delete from judged where number = 1", "found 2 where case 1 of a belongs"),
        ("insert into judged values (null, 0, '{}')", "judged.scenario: found None"),
        ("update done set scenario = 'z'", "done.scenario: found 'z'; allowed: a"),
        ("update begun set scenario = x'ff'", "begun.scenario: found"),
    ],
)
def test_a_state_whose_rows_are_not_those_of_its_request_is_refused(
    tmp_path: Path, request_: Request, change: str, why: str
) -> None:
    """A log without case 0 and with another case twice was written of such a state."""
    _kept(tmp_path, request_, change)
    with pytest.raises(HarnessFault, match=why) as caught:
        CampaignState.resume(str(tmp_path))
    assert caught.value.hint == "begin again with walcrash run"


@pytest.mark.parametrize(
    ("change", "most", "why"),
    [
        (
            "update judged set outcome = (select outcome from judged where number = 2) "
            "where number = 0",
            3,
            "of a, number 0: found case 2 with seed",
        ),
        ("""update asked set request = replace(request, '"seed":"1"', '"seed":"2"')""", 3, "seed"),
        ("select 1", 2, "found 3 cases of a; allowed: at most 2"),
    ],
)
def test_a_case_in_the_place_of_another_is_refused(
    tmp_path: Path, request_: Request, change: str, most: int, why: str
) -> None:
    _kept(tmp_path, request_, change)
    again = CampaignState.resume(str(tmp_path))
    with pytest.raises(HarnessFault, match=why):
        again.judged("a", most=most)
    again.close()


def test_a_finding_in_the_place_of_another_is_refused(tmp_path: Path, request_: Request) -> None:
    named = BUNDLE.finding.scenario
    request = replace(request_, digests=((named, "b"),))
    state = CampaignState.begin(str(tmp_path), request)
    state.add_reported(FindingReported(finding=BUNDLE.finding), FindingState.NEW)
    assert state.reported(named, BUNDLE.finding.id) is not None
    state.close()
    _change(tmp_path, "update reported set finding = 'F-ffffff'")
    again = CampaignState.resume(str(tmp_path))
    with pytest.raises(HarnessFault, match=r"reported\.line: found .* allowed: F-ffffff of"):
        again.reported(named, "F-ffffff")
    again.close()


def _kept(directory: Path, request: Request, change: str) -> None:
    """Keep three cases of a scenario, and change the file afterwards."""
    state = CampaignState.begin(str(directory), request)
    state.begin_scenario("a")
    state.add_judged("a", 0, [outcome(number) for number in range(3)], 1.5)
    state.set_done("a", StopReason.CASES_DONE)
    state.close()
    _change(directory, change)


def _change(directory: Path, change: str) -> None:
    with sqlite3.connect(directory / NAME) as connection:
        connection.execute(change)
    connection.close()
