"""Fresh processes: each recovery of a fresh run opens nothing but its own image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up_subject import killed, put, stored

from walcrash.case.runner import run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.recorder.zygote import Zygote
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Verdict

SUBJECT = '''\
"""Opens once in a process, and never again."""

from walcrash.subjects.reference import ReferenceAdapter


class Subject(ReferenceAdapter):
    opened = 0

    def open(self, directory, effect):
        Subject.opened += 1
        assert Subject.opened == 1, "another image was opened in this process"
        super().open(directory, effect)
'''

pytestmark = pytest.mark.usefixtures("interception")


def test_a_fork_server_stays_from_one_fresh_run_to_the_next_and_opens_nothing_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "once.py").write_text(SUBJECT, encoding="utf-8")
    entries: list[str] = []
    serve = Zygote.serve

    def noting(zygote: Zygote, entry: str, *arguments: Any, **named: Any) -> Any:
        entries.append(entry)
        return serve(zygote, entry, *arguments, **named)

    monkeypatch.setattr(Zygote, "serve", noting)
    subject, limits = SubjectSpec(f"{tmp_path}/once.py:Subject"), RecoveryLimits()
    with Sandbox() as sandbox:
        description = sandbox.load(subject, limits)
        case = replace(
            stored(killed(put(1)), killed(put(2))),
            subject=subject,
            contract=description.contract,
            supports=description.supports,
            limits=limits,
        )
        runs = [run_case_fresh(sandbox, case) for _ in range(3)]
    assert [run.judgement.verdict for run in runs] == [Verdict.PASS] * 3, runs[0].judgement
    assert [run.recoveries for run in runs] == [5] * 3, "the second boot is a recovery too"
    assert entries == ["walcrash.recorder.fork_server:serve"] * 2, "one for each environment"
