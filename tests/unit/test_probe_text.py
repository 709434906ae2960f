"""What a probe concludes from promises that held or broke, and what it prints."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.cli.check import read_options
from walcrash.findings.subject_words import read_subject
from walcrash.report.probe_text import probe_json, probe_text
from walcrash.tools.probed_faults import why_harmless, why_unjudged
from walcrash.values.contract import Acknowledges, Contract, PersistenceModel, Promise
from walcrash.values.errors import UsageError
from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import NO_FAULTS, BootRow, CallRow, FaultMatrix, FaultOutcome
from walcrash.values.faults import FaultKind
from walcrash.values.probe import FAULT_NAMES, Probe, ProbedCrash, ProbedFault, ProbedPromise
from walcrash.values.verdict import Invariant, Verdict

ORDERED, EXT4, POSIX = (
    PersistenceModel.ORDERED,
    PersistenceModel.EXT4,
    PersistenceModel.POSIX,
)


def kill(promise: Promise, verdict: Verdict) -> ProbedPromise:
    return ProbedPromise(
        acknowledges=Acknowledges.APPEND,
        crash=ProbedCrash.KILL,
        model=PersistenceModel.KILL,
        promise=promise,
        verdict=verdict,
        cases=10,
    )


def power(
    model: PersistenceModel,
    promise: Promise,
    verdict: Verdict,
    acknowledges: Acknowledges = Acknowledges.APPEND,
) -> ProbedPromise:
    return ProbedPromise(
        acknowledges=acknowledges,
        crash=ProbedCrash.POWER,
        model=model,
        promise=promise,
        verdict=verdict,
        cases=10,
        images=100,
    )


def probe(*promises: ProbedPromise, stated: Contract | None = None) -> Probe:
    return Probe(subject="mylog", seed="7", stated=stated or Contract(), promises=promises)


KILL_ALL = kill(Promise.ALL, Verdict.PASS)


def test_the_weakest_model_under_which_all_is_kept_is_in_the_contract() -> None:
    found = probe(
        KILL_ALL,
        power(ORDERED, Promise.ALL, Verdict.PASS),
        power(EXT4, Promise.ALL, Verdict.PASS),
        power(POSIX, Promise.ALL, Verdict.FAIL),
        power(POSIX, Promise.PREFIX, Verdict.FAIL),
    )
    strongest = found.strongest(Acknowledges.APPEND)
    assert strongest is not None
    assert (strongest.kill, strongest.power, strongest.model) == (Promise.ALL, Promise.ALL, EXT4)
    assert found.verdict is Verdict.PASS


def test_a_stated_promise_that_broke_is_broken_though_the_weaker_one_is_open() -> None:
    tried = (
        KILL_ALL,
        power(ORDERED, Promise.ALL, Verdict.PASS),
        power(EXT4, Promise.ALL, Verdict.FAIL),
        power(EXT4, Promise.PREFIX, Verdict.INCONCLUSIVE),
    )
    assert probe(*tried).verdict is Verdict.FAIL
    for less in (
        Contract(power=Promise.PREFIX),
        Contract(acknowledges=Acknowledges.SYNC),
    ):
        assert probe(*tried, stated=less).verdict is Verdict.INCONCLUSIVE
    # Under a stricter model, all that is stated held.
    assert probe(*tried, stated=Contract(model=ORDERED)).verdict is Verdict.PASS


def test_what_breaks_under_a_strict_model_breaks_the_weaker_ones_too() -> None:
    found = probe(
        KILL_ALL,
        power(ORDERED, Promise.ALL, Verdict.FAIL),
        power(ORDERED, Promise.PREFIX, Verdict.FAIL),
    )
    assert found.kept(Acknowledges.APPEND, ProbedCrash.POWER, POSIX) is Promise.NONE
    assert found.verdict is Verdict.FAIL
    strongest = found.strongest(Acknowledges.APPEND)
    assert strongest is not None
    assert strongest.power is Promise.NONE


def test_what_holds_under_a_weak_model_holds_under_the_stricter_ones() -> None:
    found = probe(KILL_ALL, power(POSIX, Promise.PREFIX, Verdict.PASS))
    assert found.kept(Acknowledges.APPEND, ProbedCrash.POWER, ORDERED) is Promise.PREFIX


def test_a_promise_that_was_not_tried_leaves_the_contract_open() -> None:
    assert probe(KILL_ALL).verdict is Verdict.INCONCLUSIVE
    assert probe().verdict is Verdict.INCONCLUSIVE
    assert probe(KILL_ALL).strongest(Acknowledges.APPEND) is None
    open_ = power(ORDERED, Promise.ALL, Verdict.INCONCLUSIVE)
    assert probe(KILL_ALL, open_).verdict is Verdict.INCONCLUSIVE


def test_a_contract_that_promises_nothing_holds() -> None:
    stated = Contract(power=Promise.NONE)
    assert probe(KILL_ALL, stated=stated).verdict is Verdict.PASS


def test_a_weaker_promise_than_stated_fails_and_a_stronger_one_passes() -> None:
    broken = kill(Promise.ALL, Verdict.FAIL), kill(Promise.PREFIX, Verdict.PASS)
    nothing = Contract(power=Promise.NONE)
    assert probe(*broken, stated=nothing).verdict is Verdict.FAIL
    prefix = Contract(kill=Promise.PREFIX, power=Promise.NONE)
    assert probe(KILL_ALL, stated=prefix).verdict is Verdict.PASS


def test_the_text_names_what_is_kept_and_what_is_stated() -> None:
    found = probe(KILL_ALL, *(power(m, Promise.ALL, Verdict.PASS) for m in (ORDERED, EXT4, POSIX)))
    text = probe_text(found, runs="reports/runs")
    assert (
        "keeps     acknowledged at append, all after a kill, all after a power loss (up to posix)"
        in text
    )
    assert text.endswith("PASS  the stated contract was not broken")


def test_the_json_has_a_version_and_the_contract_for_each_acknowledgement() -> None:
    found = json.loads(json.dumps(probe_json(probe(KILL_ALL))))
    assert found["format"] == 1
    assert found["strongest"] == {"append": None, "sync": None}
    assert found["promises"][0]["promise"] == "all"


STATED = Contract()
HELD = (KILL_ALL, *(power(model, Promise.ALL, Verdict.PASS) for model in (ORDERED, EXT4, POSIX)))


def with_faults(*faults: ProbedFault) -> Probe:
    return replace(probe(*HELD), faults=faults, held=STATED)


def fault(kind: FaultKind, verdict: Verdict, *, is_stated: bool) -> ProbedFault:
    return ProbedFault(kind=kind, verdict=verdict, is_stated=is_stated, cases=8)


def test_what_breaks_where_storage_fails_decides_where_that_was_stated() -> None:
    beside = fault(FaultKind.ERROR, Verdict.FAIL, is_stated=False)
    assert with_faults(beside).verdict is Verdict.PASS
    assert with_faults(replace(beside, is_stated=True)).verdict is Verdict.FAIL
    open_ = fault(FaultKind.ROT, Verdict.INCONCLUSIVE, is_stated=True)
    assert with_faults(open_).verdict is Verdict.INCONCLUSIVE


def test_the_text_says_what_was_held_and_that_it_does_not_count() -> None:
    beside = fault(FaultKind.ERROR, Verdict.FAIL, is_stated=False)
    text = probe_text(with_faults(beside), runs="reports/runs")
    assert "  calls that fail  no    no          8          -" in text
    assert "neither the scenario nor its contract speaks of" in " ".join(text.split())
    failed = probe_text(with_faults(replace(beside, is_stated=True)), runs="reports/runs")
    assert failed.endswith("FAIL  the stated contract does not hold with these faults")


def test_slow_calls_and_clocks_always_count_and_random_bytes_do_where_they_are_asked_for() -> None:
    broken = {kind: fault(kind, Verdict.FAIL, is_stated=False) for kind in FAULT_NAMES}
    counted = {kind for kind, each in broken.items() if with_faults(each).verdict is Verdict.FAIL}
    assert counted == {FaultKind.SLOW, FaultKind.CLOCK}
    random = replace(broken[FaultKind.REPEATED_RANDOM], is_stated=True)
    assert with_faults(random).verdict is Verdict.FAIL


def test_what_a_fault_could_not_show_is_said() -> None:
    waited = FaultMatrix(calls=(slow_row(FaultOutcome.WAITED),))
    note = why_harmless(FaultKind.SLOW, waited)
    assert note.startswith("nothing went on during its 3 slow calls")
    assert why_harmless(FaultKind.SLOW, FaultMatrix(calls=(slow_row(FaultOutcome.KEPT),))) == ""
    assert why_unjudged(FaultKind.SLOW, waited, ()) == ""
    assert why_unjudged(FaultKind.SLOW, NO_FAULTS, ()) == "no case came to such a fault"
    assert why_unjudged(FaultKind.ROT, NO_FAULTS, (Invariant.SILENT_ROT,)) == ""
    struck = {"repeated random": {FaultOutcome.NO_EFFECT: 2}}
    boots = FaultMatrix(boots=(BootRow(is_later=True, struck=struck),))
    assert why_harmless(FaultKind.REPEATED_RANDOM, boots)
    held = replace(fault(FaultKind.SLOW, Verdict.PASS, is_stated=False), note=note)
    text = probe_text(with_faults(held), runs="reports/runs")
    assert "slow calls: nothing went on during its 3 slow calls" in " ".join(text.split())


def slow_row(outcome: FaultOutcome) -> CallRow:
    return CallRow(
        operation=None, record=None, call=EventKind.FSYNC, role="a", struck={"slow": {outcome: 3}}
    )


def test_faults_are_held_against_what_is_left_of_a_broken_contract() -> None:
    broken = [power(ORDERED, promise, Verdict.FAIL) for promise in (Promise.ALL, Promise.PREFIX)]
    left = probe(KILL_ALL, *broken).contract_for_faults()
    assert left is not None
    assert (left.kill, left.power) == (Promise.ALL, Promise.NONE)
    nothing = [kill(promise, Verdict.FAIL) for promise in (Promise.ALL, Promise.PREFIX)]
    assert probe(*nothing, *broken).contract_for_faults() is None


def test_options_are_read_as_toml_would() -> None:
    subject = read_subject("sqlite,journal_mode=WAL,cache=10,ratio=0.5,fast=true").subject
    assert subject.adapter == "sqlite"
    assert subject.options == {
        "journal_mode": "WAL", "cache": 10, "ratio": 0.5, "fast": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ('"10"', "10"),
        ("01", "01"),
        ("0x10", 16),
        ("1_000", 1000),
        (" 1_000", 1000),
        ("1e3", 1000.0),
        ("True", "True"),
        ("true", True),
        ("wal", "wal"),
        ("", ""),
        ("1979-05-27", "1979-05-27"),
        ("[1]", "[1]"),
        ("1\nmore = 2", "1\nmore = 2"),
    ],
)
def test_an_option_means_the_same_to_every_command(text: str, value: object) -> None:
    found = read_subject(f"reference,it={text}").subject.options["it"]
    assert (found, type(found)) == (value, type(value))
    (checked,) = read_options((f"it={text}",)).values()
    assert (checked, type(checked)) == (value, type(value))


def test_the_hint_names_the_command_that_asked() -> None:
    with pytest.raises(UsageError) as caught:
        read_subject("reference,sync", command="compare reference")
    assert caught.value.hint.startswith("walcrash compare reference sqlite,")


def test_a_shipped_scenario_goes_by_its_name() -> None:
    assert read_subject("quickstart").path == "quickstart"


@pytest.mark.parametrize("words", ["", ",a=1", "reference,sync", "reference,=1"])
def test_words_that_are_no_subject_are_refused_with_a_hint(words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_subject(words)
    assert caught.value.hint.startswith("walcrash probe")


def test_a_missing_file_is_named_by_its_whole_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_subject(f"{tmp_path}/mylog.py:MyLog")
