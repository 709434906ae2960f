"""The how-to page works as it is written: its adapter and its scenario, on a small log."""

import os
import re
import subprocess
import sys
from pathlib import Path

import walcrash

PAGE = Path(walcrash.__file__).parent / "docs" / "how-to" / "test-your-own-log.md"
ROOT = Path(walcrash.__file__).parents[1]

MYLOG = '''
"""One JSON line a record; what has no newline at its end is cut off when the log is opened."""

import json
import os


def encode(fields):
    return json.dumps(fields).encode() + b"\\n"


def decode(body):
    return json.loads(body)


def open(path):
    return Log(path)


class Log:
    def __init__(self, path):
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        self.size = data.rfind(b"\\n") + 1
        if self.size < len(data):
            os.ftruncate(self._fd, self.size)

    def append(self, body):
        offset = self.size
        os.write(self._fd, body)
        self.size += len(body)
        return offset

    def scan(self, start):
        for line in os.pread(self._fd, self.size - start, start).splitlines(keepends=True):
            yield start, line
            start += len(line)

    def sync(self):
        os.fsync(self._fd)

    def close(self):
        os.close(self._fd)
'''


def block(language: str, index: int = 0) -> str:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[index]


def scenario() -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return next(each for each in found if each.startswith("format = 1"))


def test_the_adapter_and_the_scenario_of_the_how_to_pass(tmp_path: Path) -> None:
    (tmp_path / "mylog.py").write_text(MYLOG)
    (tmp_path / "mylog_adapter.py").write_text(block("python"))
    (tmp_path / "mylog.toml").write_text(scenario())
    done = subprocess.run(
        [sys.executable, "-m", "walcrash", "run", "mylog.toml", "--seed", "1", "--cases", "40"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS  no findings in 40 cases" in done.stdout


def test_the_pytest_example_of_the_how_to_passes_and_a_finding_fails_it(tmp_path: Path) -> None:
    (tmp_path / "mylog.py").write_text(MYLOG.replace("if self.size < len(data)", "if False"))
    (tmp_path / "mylog_adapter.py").write_text(block("python"))
    (tmp_path / "mylog.toml").write_text(scenario())
    (tmp_path / "test_mylog.py").write_text(block("python", 1).replace("cases=200", "cases=20"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mylog.py"]
    plugins = subprocess.run(
        [*command, "--trace-config", "--collect-only"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "walcrash.pytest_plugin" not in plugins.stdout:  # not installed, only on the path
        command += ["-p", "walcrash.pytest_plugin"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  mylog" in done.stdout
    assert "walcrash replay F-" in done.stdout
