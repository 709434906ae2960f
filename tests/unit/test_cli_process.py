"""The command line as a process of its own: signals, pipes, closed streams, time to answer."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import report_lines
from report_lines import write_scenario

FAKE = report_lines.__file__
ROOT = str(Path(FAKE).parents[2] / "harness")
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": ROOT, "COLUMNS": "100"}
RUN = [sys.executable, FAKE, "run", "made-up.toml", "--seed", "7"]


def begin(directory: Path, **more: str) -> subprocess.Popen[str]:
    """Start a run of a thousand slow cases, and wait until some of them are in its log."""
    write_scenario(directory, cases=1000)
    process = subprocess.Popen(
        RUN,
        cwd=directory,
        env={
            **ENVIRONMENT,
            "CLOSED_FILE": str(directory / "closed"),
            "CASE_SECONDS": "0.05",
            **more,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        logs = list(directory.glob("reports/runs/*/events.ndjson"))
        if logs and logs[0].read_bytes().count(b"\n") > 4:
            return process
        time.sleep(0.02)
    process.kill()
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_run_soon_with_its_summary(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = begin(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopped   interrupted" in out
    assert "  seed      7" in out
    assert "stopping; once more to stop at once" in err
    assert (tmp_path / "closed").exists()
    assert list(tmp_path.glob("reports/runs/*/report.md"))


def test_a_second_signal_ends_a_stubborn_run_at_once_and_cleans_up(tmp_path: Path) -> None:
    process = begin(tmp_path, STUBBORN="1")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopped   interrupted" in out
    assert "Traceback" not in err
    assert (tmp_path / "closed").exists()


def doctor_that(does: str) -> str:
    """Return a program that is `walcrash doctor` with other work to do."""
    return (
        "import sys, types, os, signal, time, weakref\n"
        f"def run_doctor():\n{textwrap.indent(does, '    ')}\n"
        "module = types.ModuleType('walcrash.tools.doctor.doctor')\n"
        "module.run_doctor = run_doctor\n"
        "sys.modules[module.__name__] = module\n"
        "from walcrash.cli import main\n"
        "sys.exit(main(['doctor']))\n"
    )


def test_a_signal_in_any_other_command_exits_with_130(tmp_path: Path) -> None:
    code = doctor_that("os.kill(os.getpid(), signal.SIGTERM)")
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (130, "error: interrupted")


def run_hearing_ctrl_c(*words: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run Python as from a terminal: a job in the background would ignore Ctrl-C."""
    return subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_that_python_cannot_raise_comes_again(number: str) -> None:
    code = doctor_that(
        "held = type('Held', (), {})()\n"
        f"told = lambda _: os.kill(os.getpid(), signal.{number})\n"
        "reference = weakref.ref(held, told)\n"
        "del held\n"
        "print('goes on', flush=True)\n"
        "time.sleep(20)\n"
    )
    done = run_hearing_ctrl_c("-c", code, env=ENVIRONMENT)
    assert done.stdout == "goes on\n"
    assert (done.returncode, done.stderr.strip()) == (130, "error: interrupted")


def test_ctrl_c_while_the_command_line_is_loaded_ends_the_process_quietly(tmp_path: Path) -> None:
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    (tmp_path / "click.py").write_text(code, encoding="utf-8")
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = run_hearing_ctrl_c("-m", "walcrash", "scenarios", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_a_reader_of_the_summary_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    write_scenario(tmp_path)
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(RUN)} | true; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "FAIL_CASES": "1", "CASE_SECONDS": "0.05"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_broken_pipe_inside_the_harness_is_not_taken_for_a_finding(tmp_path: Path) -> None:
    write_scenario(tmp_path)
    done = subprocess.run(
        RUN, cwd=tmp_path, env={**ENVIRONMENT, "ERROR": "BrokenPipeError(32, 'Broken pipe')"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "error: walcrash itself failed: BrokenPipeError" in done.stderr


def test_a_reader_of_the_log_that_goes_away_ends_the_run(tmp_path: Path) -> None:
    write_scenario(tmp_path, cases=1000)
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(RUN)} --log - | head -n 2; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "CASE_SECONDS": "0.02", "CLOSED_FILE": str(tmp_path / "closed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stdout.count("\n") == 2
    assert "stopped   nobody reads the event log from stdout any more" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize(
    "closed",
    [
        pytest.param("0<&-", marks=pytest.mark.slow),
        pytest.param("1>&-", marks=pytest.mark.slow),
        pytest.param("2>&-", marks=pytest.mark.slow),
        "0<&- 1>&- 2>&-",
    ],
)
def test_closed_standard_streams_do_no_harm(closed: str, tmp_path: Path) -> None:
    write_scenario(tmp_path)
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(RUN)} {closed}"], cwd=tmp_path, env=ENVIRONMENT, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0
    (log,) = tmp_path.glob("reports/runs/*/events.ndjson")
    assert all(line.startswith(b"{") for line in log.read_bytes().splitlines())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_told(unbuffered: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m walcrash scenarios > /dev/full"],
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == (
        "error: the results could not be written to stdout: No space left on device\n"
        "hint: free some space, or send stdout to another place\n"
    )
    assert "Traceback" not in done.stderr


def test_stdout_that_knows_ascii_only_still_shows_a_finding(tmp_path: Path) -> None:
    write_scenario(tmp_path)
    done = subprocess.run(
        RUN, cwd=tmp_path, env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "FAIL_CASES": "1"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"FAIL  made-up \\xb7 lost-put" in done.stdout


def test_help_answers_in_under_300_ms() -> None:
    times = []
    for _ in range(3):
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "walcrash", "--help"],
            env=ENVIRONMENT, capture_output=True, check=True,
        )  # fmt: skip
        after = os.times()
        used = (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )
        times.append(used)
    # Processor time, and the least of three: what else the machine does is not what is measured.
    assert min(times) < 0.3, times


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, walcrash.cli; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"pydantic", "rich", "psutil", "sqlite3", "walcrash.values.log"}
