"""Replays as text, and the exit code that they earn."""

from dataclasses import dataclass

import pytest
from report_lines import finding, violation

from walcrash.report.replay_text import CALLS_SHOWN, publish_replays, replays_text
from walcrash.values.errors import ExitCode, HarnessFault
from walcrash.values.finding import Finding
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.verdict import Judgement, Verdict


@dataclass
class Replayed:
    finding: Finding
    alike: bool
    judgement: Judgement
    history: History
    note: str = ""


def history(calls: int = 2) -> History:
    put = Operation(OperationKind.APPEND, record=Record(RecordType.PUT, "op-\x1b1", 5))
    call = Call(put, Outcome.ACKNOWLEDGED, offset=208)
    return History(
        boots=(BootHistory((call,) * calls, None, BootEnd.KILLED),),
        recoveries=Recoveries(first=RecoveryFailure(FailureKind.DIED, "gone")),
    )


def replayed(*, alike: bool, verdict: Verdict = Verdict.FAIL, calls: int = 2) -> Replayed:
    violations = (violation(),) if verdict is Verdict.FAIL else ()
    return Replayed(
        finding(), alike, Judgement(verdict, violations, frozenset(), ()), history(calls)
    )


def test_a_finding_that_happens_again_is_told_with_its_history(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = iter([replayed(alike=True), replayed(alike=True)])
    code = publish_replays(results, times=2, runs="reports/runs", color=False)
    shown = capsys.readouterr()
    assert code is ExitCode.FINDINGS
    assert "replayed 2 of 2" in shown.out
    assert "boot 1, killed after 2 calls" in shown.out
    assert "append PutOperation op-\\x1b1: acknowledged at 208" in shown.out
    assert shown.err.splitlines() == [
        "replay 1 of 2: lost-put, the same again",
        "replay 2 of 2: lost-put, the same again",
    ]


def test_a_finding_that_was_repaired_passes(capsys: pytest.CaptureFixture[str]) -> None:
    results = iter([replayed(alike=False, verdict=Verdict.PASS)] * 2)
    assert publish_replays(results, times=2, runs="", color=False) is ExitCode.PASSED
    assert "PASS  it did not happen again in 2 replays" in capsys.readouterr().out


def test_a_replay_that_could_not_be_judged_is_inconclusive() -> None:
    results = iter([replayed(alike=False, verdict=Verdict.INCONCLUSIVE)])
    code = publish_replays(results, times=1, runs="", color=False)
    assert code is ExitCode.INCONCLUSIVE


def test_a_finding_that_happens_sometimes_is_unstable() -> None:
    results = [replayed(alike=False, verdict=Verdict.PASS), replayed(alike=True)]
    assert "UNSTABLE, 1 of 2 replays alike" in replays_text(results, runs="", width=200)


def test_a_long_boot_is_shown_from_its_end() -> None:
    text = replays_text([replayed(alike=True, calls=CALLS_SHOWN + 5)], runs="", width=100)
    assert "(5 calls before these)" in text
    assert f"  {CALLS_SHOWN + 4}       append" in text


def test_no_replay_at_all_is_a_fault() -> None:
    with pytest.raises(HarnessFault):
        publish_replays(iter(()), times=1, runs="", color=False)
