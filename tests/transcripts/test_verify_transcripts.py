"""`walcrash verify` on logs that survived an incident; the logs are in `logs/`."""

import json
import shutil
from pathlib import Path

import pytest
from command import walcrash_here
from transcripts import check_transcript, run_walcrash

from walcrash.values.record import Record, RecordType
from walcrash.wal import open_store

LOGS = Path(__file__).parent / "logs"

COMMANDS = {
    "verify-sound": "walcrash verify logs/sound.vixw --format vixw --checkpoint 120",
    "verify-torn": "walcrash verify logs/torn.vixw --format vixw",
    "verify-blind-append": "walcrash verify logs/blind.vixw --format vixw",
    "verify-swallowed": "walcrash verify logs/swallow.vixw --format vixw",
    "verify-json": "walcrash verify logs/blind.vixw --format vixw --records 2- --json",
    "verify-checkpoint": "walcrash verify logs/sound.vixw --format vixw --checkpoint 61",
    "verify-reference": "walcrash verify store --format reference --records all",
    "verify-reference-damage": "walcrash verify damaged --format reference",
}


def store(directory: Path) -> None:
    directory.mkdir()
    with open_store(directory) as opened:
        for number in range(1, 25):
            opened.append(Record(RecordType.PUT, f"op-{number}", 1_764_000_000_000, b"x" * number))
        opened.append(Record(RecordType.DONE, "op-1", 1_764_000_001_000))
        opened.apply()
        opened.append(
            Record(
                RecordType.FAILED,
                "op-2\x1b[31m",
                1_764_000_002_000,
                error="no route\nto host",
                next_retry_at_ms=1_764_000_060_000,
            )
        )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    shutil.copytree(LOGS, tmp_path / "logs")
    store(tmp_path / "store")
    store(tmp_path / "damaged")
    log = tmp_path / "damaged" / "wal.log"
    data = bytearray(log.read_bytes())
    data[700] ^= 1
    log.write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_judgement_prints_what_its_transcript_says(name: str, directory: Path) -> None:
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    check_transcript(name, COMMANDS[name], directory)
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


REFUSED = {
    "logs/sound.vixw --format vixw --records 9-3": (
        "Invalid value for '--records': '9-3' is an empty range; the first record is 1",
        "walcrash verify --help",
    ),
    "logs --format vixw": (
        "read logs: it is a directory, and a log is a regular file",
        "name the log in it, such as logs/wal.log",
    ),
    "logs/nothing.vixw --format vixw": ("there is no file logs/nothing.vixw", "ls logs"),
    "logs/sound.vixw --format reference": (
        "logs/sound.vixw starts as a log of the format vixw does",
        "walcrash verify logs/sound.vixw --format vixw",
    ),
}
"""The error and the hint; nothing else is printed."""


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_judged_is_told_with_a_hint(words: str, directory: Path) -> None:
    error, hint = REFUSED[words]
    done = walcrash_here(directory, "verify", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {error}\nhint: {hint}\n"


def test_the_json_is_json_with_the_keys_that_the_reference_page_states(directory: Path) -> None:
    page = (Path(__file__).parents[2] / "harness/walcrash/docs/reference/verify.md").read_text()
    printed = run_walcrash(COMMANDS["verify-json"], directory)
    found = json.loads(printed.split("--- stdout\n")[1])
    assert (found["format"], found["version"]) == ("walcrash-verify", 1)
    assert [row["number"] for row in found["rows"]] == [2, 3]
    parts = [found, found["rows"][0], found["flaws"][0], found["operations"][0]]
    parts += [found["records"], found["flaw_counts"], found["operation_counts"]]
    for key in {key for part in parts for key in part}:
        assert f"`{key}`" in page, key


@pytest.mark.parametrize(
    ("records", "numbers"),
    [
        ("all", range(1, 27)),
        ("7", [7]),
        ("5-6", [5, 6]),
        ("25-", [25, 26]),
        ("99-", []),
        (None, [*range(1, 11), *range(17, 27)]),
    ],
)
def test_the_records_that_were_asked_for_are_shown(
    records: str | None, numbers: list[int], directory: Path
) -> None:
    option = "" if records is None else f" --records {records}"
    command = f"walcrash verify store --format reference --json{option}"
    found = json.loads(run_walcrash(command, directory).split("--- stdout\n")[1])
    assert [row["number"] for row in found["rows"]] == list(numbers)
    assert found["records"]["PutOperation"] == 24
