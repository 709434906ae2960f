"""The doctor: what it sees here, what it says where something is missing."""

import json
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from walcrash.case.sandbox import INTERCEPTION
from walcrash.recorder.probe import Interception
from walcrash.report.doctor_text import checks_json, checks_text, publish_checks
from walcrash.tools.doctor import doctor
from walcrash.tools.doctor import facts as machine_facts
from walcrash.tools.doctor.doctor import run_doctor
from walcrash.values.errors import ExitCode
from walcrash.values.machine import CheckState, MachineCheck, missing_for_kills

PAGE = Path(__file__).parents[2] / "harness" / "walcrash" / "docs" / "reference" / "doctor.md"

WORKS = dict.fromkeys(Interception.__slots__, "")


def made_up(monkeypatch: pytest.MonkeyPatch, **problems: str) -> tuple[MachineCheck, ...]:
    seen = Interception(**{**WORKS, **problems})
    monkeypatch.setattr(doctor.probe, "probe_interception", lambda *_: seen)
    return run_doctor()


def one(checks: tuple[MachineCheck, ...], name: str) -> MachineCheck:
    return next(check for check in checks if check.name == name)


def test_everything_that_is_not_well_says_what_follows() -> None:
    for check in run_doctor():
        assert check.found, check
        assert check.state is CheckState.OK or check.follows, check


def test_every_check_is_on_the_reference_page() -> None:
    page = PAGE.read_text()
    for check in run_doctor():
        assert f"| `{check.name}` |" in page, check.name


def test_nothing_is_left_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WALCRASH_WORK", str(tmp_path))
    run_doctor()
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_refuses_leaves_timer_kills(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = made_up(monkeypatch, interception="seccomp: Operation not permitted")
    check = one(checks, "interception")
    assert check.state is CheckState.MISSING
    assert publish_checks(checks, as_json=False) is ExitCode.INCONCLUSIVE
    shown = capsys.readouterr().out
    assert "seccomp: Operation not permitted" in shown
    assert "INCONCLUSIVE  only kills on a timer work here; missing: interception" in shown
    assert "walcrash run random-kill" in shown


def test_interception_that_is_turned_off_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INTERCEPTION, "off")
    assert f"{INTERCEPTION}=off" in one(run_doctor(), "interception").found


def test_an_old_kernel_is_limited_and_well_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = made_up(monkeypatch, wait_killable="Invalid argument", wake_up="Invalid argument")
    assert one(checks, "WAIT_KILLABLE_RECV").state is CheckState.LIMITED
    assert one(checks, "SYNC_WAKE_UP").hint == "Linux 6.6 or later"
    assert "interception" not in [check.name for check in missing_for_kills(checks)]


def test_a_directory_that_cannot_be_made_is_said_and_not_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WALCRASH_WORK", "/dev/null/nowhere")
    check = one(run_doctor(), "working directory")
    assert check.state is CheckState.MISSING
    assert "/dev/null/nowhere" in check.found


def test_a_processor_without_a_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.abi, "architecture", lambda: None)
    monkeypatch.setattr(machine_facts, "machine", lambda: "riscv64")
    assert "no system-call table for riscv64" in one(made_up(monkeypatch), "architecture").found


@pytest.mark.parametrize(
    ("text", "share"), [("max 100000", None), ("150000 100000", 1.5), ("", None), ("x", None)]
)
def test_the_control_group_s_share_of_processors_is_read(
    text: str, share: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_facts, "_read", lambda _path: text)
    assert machine_facts.cpu_share() == share


def test_the_mount_nearest_to_a_path_names_its_file_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mounts = [
        ("/", "overlay"), ("/", "ext4"), ("/dev/shm", "tmpfs"), ("/dev/shm-other", "xfs"),
    ]  # fmt: skip
    mounted = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts]

    def disk_partitions(*, all: bool) -> list[SimpleNamespace]:  # noqa: A002 - as in psutil
        return mounted if all else []

    monkeypatch.setattr(psutil, "disk_partitions", disk_partitions)
    assert machine_facts.file_system("/dev/shm/walcrash-1") == "tmpfs"
    assert machine_facts.file_system("/dev/shm-other/x") == "xfs"
    assert machine_facts.file_system("/home/me") == "ext4"


def test_gvisor_is_told_from_a_container_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_facts, "sandbox_signs", lambda: [machine_facts.GVISOR])
    assert machine_facts.sandbox().state is CheckState.LIMITED
    assert "runc" in machine_facts.interception_hint()
    monkeypatch.setattr(machine_facts, "sandbox_signs", lambda: [machine_facts.DOCKER])
    assert machine_facts.sandbox().state is CheckState.OK
    assert "seccomp=unconfined" in machine_facts.interception_hint()


def test_a_strict_yama_is_named_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_facts, "_read", lambda _path: "2\n")
    assert "sysctl kernel.yama.ptrace_scope=1" in machine_facts.trace_hint()


def test_json_has_every_check_and_what_it_comes_to() -> None:
    check = MachineCheck(
        name="interception",
        state=CheckState.MISSING,
        found="no",
        follows="nothing exact",
        hint="another kernel",
        is_needed=True,
    )
    read = json.loads(checks_json([check]))
    assert read["exact_kills"] is False
    assert read["checks"][0]["state"] == "missing"
    assert read["checks"][0]["needed"] is True


def test_hints_are_never_wrapped() -> None:
    hint = "x" * 200
    check = MachineCheck(
        name="clock", state=CheckState.LIMITED, found="no", follows="less", hint=hint
    )
    assert f"hint: {hint}" in checks_text([check], width=60)
