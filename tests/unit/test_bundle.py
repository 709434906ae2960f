"""Bundles: what is written comes back, and what is hostile is refused by what is wrong with it."""

import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import IMAGE, small_bundle
from old_forms import with_old_landings

from walcrash.findings import bundle_zip, evidence
from walcrash.findings.bundle import (
    FORMAT,
    MEMBERS,
    Bundle,
    read_bundle,
    with_subject,
    write_bundle,
)
from walcrash.findings.evidence import EVIDENCE, pack, unpack
from walcrash.values.content import Buffer
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.faults import PowerLoss
from walcrash.values.image import FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import STALE
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import SubjectSpec

KEPT = Path(__file__).with_name("kept")
Write = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.zip"
    write_bundle(path, small_bundle())
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def made(directory: Path, contents: dict[str, bytes], more: Write | None = None) -> Path:
    """Write a zip file of these members, and of whatever `more` adds."""
    path = directory / "hostile.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        if more is not None:
            more(archive)
    return path


def refused(path: Path, *words: str) -> str:
    """Read a bundle that must be refused with these words, and must touch nothing."""
    before = sorted(os.listdir(path.parent))
    with pytest.raises(UsageError) as caught:
        read_bundle(path)
    assert sorted(os.listdir(path.parent)) == before
    assert caught.value.exit_code is ExitCode.USAGE
    for word in words:
        assert word in caught.value.message
    assert str(path) in caught.value.message
    return caught.value.message


def large(size: int, offset: int, data: bytes) -> Image:
    """Return an image of one file that was made in advance."""
    buffer = Buffer()
    buffer.resize(size)
    buffer.write(offset, data)
    return Image({"wal": FileEntry(buffer.content())})


def test_a_file_made_in_advance_takes_what_was_written_to_it(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    made_of = small_bundle()
    image = large(64 << 20, 3_000_000, b"some\0words")
    write_bundle(path, replace(made_of, evidence=replace(made_of.evidence, before=image)))
    assert read_bundle(path).evidence.before == image
    assert len(members(path)["evidence.json"]) < 200_000


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"size": 1 << 60, "written": []}, f"found {1 << 60}"),
        ({"size": 100, "written": []}, "found 100"),
        ({"size": 1 << 20, "written": [[(1 << 20) - 2, "YWJj"]]}, "3 bytes at 1048574"),
        ({"size": 1 << 20, "written": [[-1, "YWJj"]]}, "3 bytes at -1"),
    ],
)
def test_a_content_in_parts_that_is_none_is_refused(
    form: dict[str, object], words: str, good: Path, tmp_path: Path
) -> None:
    contents = members(good)
    evidence = json.loads(contents["evidence.json"])
    evidence["before"]["entries"]["a/log"]["content"] = form
    refused(made(tmp_path, {**contents, "evidence.json": json.dumps(evidence).encode()}), words)


def test_more_than_can_be_kept_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    made_of = small_bundle().evidence
    kept = replace(made_of, before=large(64 << 20, 3_000_000, b"some"))
    assert unpack(pack(kept)) == kept
    monkeypatch.setattr(evidence, "EVIDENCE_BYTES", 10_000)
    assert pack(made_of)
    assert pack(kept) == ""


def test_what_is_written_comes_back(good: Path) -> None:
    made_of, found = small_bundle(), read_bundle(good)
    assert found.evidence == made_of.evidence
    assert found.finding == made_of.finding
    assert found.stored.case == made_of.stored.case
    assert found.environment == made_of.environment


def test_the_same_finding_gives_the_same_bytes(good: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "again.zip", small_bundle())
    assert (tmp_path / "again.zip").read_bytes() == good.read_bytes()


def test_a_bundle_names_its_subject_without_the_directories_of_the_machine(good: Path) -> None:
    assert read_bundle(good).stored.subject.adapter == "my_wal.py:Wal"
    assert all(b"somebody" not in data for data in members(good).values())
    driver = SubjectSpec.of_driver(("/home/somebody/driver", "--sync"))
    stored = replace(small_bundle().stored, subject=driver)
    path = good.with_name("driver.zip")
    write_bundle(path, small_bundle(stored=stored, origin=None))
    assert read_bundle(path).stored.subject.driver == ("driver", "--sync")
    assert b"somebody" not in members(path)["case.json"]


def test_a_bundle_starts_nothing_that_was_not_named(good: Path) -> None:
    bundle = read_bundle(good)
    with pytest.raises(UsageError, match="starts no code") as caught:
        with_subject(bundle, good, None)
    assert "--subject PATH/my_wal.py:Wal" in caught.value.hint
    named = SubjectSpec("other.py:Wal")
    assert with_subject(bundle, good, named).subject == named
    for subject in (SubjectSpec("os:system"), SubjectSpec.of_driver(("rm", "-rf"))):
        hostile = replace(bundle, stored=replace(bundle.stored, subject=subject))
        with pytest.raises(UsageError, match="starts no code"):
            with_subject(hostile, good, None)


def test_a_file_that_is_there_is_never_written_over(good: Path) -> None:
    before = good.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        write_bundle(good, small_bundle())
    assert good.read_bytes() == before


def test_a_bundle_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(tmp_path / "missing" / "f.zip", small_bundle())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "evil", "case.json/.."]
)
def test_other_names_are_refused(name: str, good: Path, tmp_path: Path) -> None:
    directory = tmp_path / "inside"
    directory.mkdir()
    refused(made(directory, {**members(good), name: b"{}"}), "has a member")
    assert not (tmp_path / "evil").exists()


def test_a_name_that_ends_at_a_nul_is_refused(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes().replace(b"origin.json", b"origin\0json")
    path = tmp_path / "hostile.zip"
    path.write_bytes(data)
    refused(path)


def test_links_are_refused(good: Path, tmp_path: Path) -> None:
    def link(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("origin.json")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")

    rest = {name: data for name, data in members(good).items() if name != "origin.json"}
    refused(made(tmp_path, rest, link), "link")


def test_a_name_that_is_there_twice_is_refused(good: Path, tmp_path: Path) -> None:
    def twice(archive: zipfile.ZipFile) -> None:
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("case.json", b"{}")

    refused(made(tmp_path, members(good), twice), "twice")


def test_bombs_are_refused(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = b"0" * (bundle_zip.RATIO_FREE_BYTES * 100)
    refused(made(tmp_path, {**members(good), "origin.json": zeros}), "times as many")
    monkeypatch.setattr(bundle_zip, "RATIO", 10_000)
    monkeypatch.setattr(bundle_zip, "MEMBER_BYTES", len(zeros) - 1)
    refused(made(tmp_path, {**members(good), "origin.json": zeros}), "unpacks to")
    monkeypatch.setattr(bundle_zip, "MEMBER_BYTES", len(zeros))
    monkeypatch.setattr(bundle_zip, "TOTAL_BYTES", len(zeros))
    refused(made(tmp_path, {**members(good), "origin.json": zeros}), "unpacks to")
    monkeypatch.setattr(bundle_zip, "BUNDLE_BYTES", 10)
    refused(good, "more than 10 bytes")


def test_more_members_than_a_bundle_has_are_refused(tmp_path: Path) -> None:
    many = {f"{number}.json": b"{}" for number in range(bundle_zip.MEMBERS + 1)}
    refused(made(tmp_path, many), "members")


def test_a_member_that_is_larger_than_it_says_is_refused(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        info = archive.getinfo("case.json")
    data = bytearray(good.read_bytes())
    size = info.file_size.to_bytes(4, "little")
    for at in range(len(data) - 4):
        if data[at : at + 4] == size:
            data[at : at + 4] = (info.file_size // 2).to_bytes(4, "little")
    path = tmp_path / "hostile.zip"
    path.write_bytes(data)
    refused(path)


def test_a_wrong_checksum_is_refused(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        checksum = archive.getinfo("case.json").CRC.to_bytes(4, "little")
    path = tmp_path / "hostile.zip"
    path.write_bytes(good.read_bytes().replace(checksum, b"\1\2\3\4"))
    refused(path, "CRC")


def test_a_bundle_cut_anywhere_is_refused(good: Path, tmp_path: Path) -> None:
    data, path = good.read_bytes(), tmp_path / "cut.zip"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        refused(path)


def test_other_versions_and_missing_members_are_refused(good: Path, tmp_path: Path) -> None:
    contents = members(good)
    manifest = json.loads(contents["bundle.json"])
    newer = json.dumps({**manifest, "format": FORMAT + 1}).encode()
    refused(made(tmp_path, {**contents, "bundle.json": newer}), f"format {FORMAT + 1} is newer")
    for wrong in (0, "1", None, True):
        other = json.dumps({**manifest, "format": wrong}).encode()
        refused(made(tmp_path, {**contents, "bundle.json": other}), "format")
    for name in ("bundle.json", "case.json", "evidence.json"):
        rest = {other: data for other, data in contents.items() if other != name}
        refused(made(tmp_path, rest), f"{name} is missing")
    assert read_bundle(good)


def in_format_2(good: Path) -> dict[str, bytes]:
    """Return the members of a bundle, as a version wrote them whose landings were texts."""
    contents = members(good)
    old = {
        name: with_old_landings(json.loads(contents[name]))
        for name in ("bundle.json", "evidence.json")
    }
    assert isinstance(old["bundle.json"], dict)
    old["bundle.json"]["format"] = 2
    return {**contents, **{name: json.dumps(value).encode() for name, value in old.items()}}


def test_a_bundle_of_the_second_format_is_read(good: Path, tmp_path: Path) -> None:
    old = in_format_2(good)
    assert b'"description": "reply"' in old["bundle.json"]
    assert b'"description": "reply"' in old["evidence.json"]
    assert read_bundle(made(tmp_path, old)) == read_bundle(good)
    third = json.loads(old["bundle.json"]) | {"format": 3}
    refused(
        made(tmp_path, {**old, "bundle.json": json.dumps(third).encode()}),
        'no key "description"',
    )


def test_a_bundle_that_the_walcrash_of_format_2_has_written_is_read(tmp_path: Path) -> None:
    """Its power loss names its image as a text, and its fields have names of before."""
    bundle = read_bundle(KEPT / "bundle-2.zip")
    run = bundle.evidence.run
    assert run.history.recoveries.perturbed == run.history.recoveries.first
    again = run.history.recoveries.again
    assert again == RecoveryFailure(FailureKind.MALFORMED, "not JSON")
    crash = run.case.boots[0].crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice is not None
    assert crash.choice.held[1].moment == STALE
    assert (bundle.stored.case, bundle.origin) == (run.case, bundle.stored)
    assert run.boots[0].plan == run.case.boots[0]
    write_bundle(tmp_path / "now.zip", bundle)
    again_read = read_bundle(tmp_path / "now.zip")
    assert replace(again_read, version=bundle.version) == bundle


def test_a_bundle_of_format_2_with_an_image_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    contents = members(KEPT / "bundle-2.zip")
    evidence = json.loads(contents["evidence.json"])
    for wrong in ("{", "[]", 3, "[" * 100_000):
        evidence["run"]["case"]["boots"][0]["crash"]["choice"] = wrong
        data = json.dumps(evidence).encode()
        refused(made(tmp_path, {**contents, "evidence.json": data}), "evidence")


def test_a_bundle_of_the_first_format_is_read(good: Path, tmp_path: Path) -> None:
    contents = in_format_2(good)
    manifest = json.loads(contents["bundle.json"])
    for name in ("cause", "groups", "origin"):
        del manifest["finding"][name]
    old = json.dumps({**manifest, "format": 1}).encode()
    bundle = read_bundle(made(tmp_path, {**contents, "bundle.json": old}))
    assert (bundle.finding.cause, bundle.finding.groups, bundle.finding.origin) == (None, (), "")
    del manifest["finding"]["seen"]
    refused(
        made(tmp_path, {**contents, "bundle.json": json.dumps(manifest).encode()}),
        "`seen` is missing",
    )


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"0," * bundle_zip.JSON_VALUES + b"0]", "values"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"a": NaN}', "no number"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"9" * 5000, "no JSON"),
        (b"null", "an object"),
        (b"[]", "an object"),
    ],
)
def test_json_that_is_none_or_too_much_is_refused(
    data: bytes, word: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_zip, "RATIO", 10**9)
    for name in ("bundle.json", "case.json", "evidence.json"):
        refused(made(tmp_path, {**members(good), name: data}), word)


def with_image(image: Image) -> Bundle:
    bundle = small_bundle()
    return replace(bundle, evidence=replace(bundle.evidence, before=image))


@pytest.mark.parametrize(
    "entries",
    [
        {"../evil": FileEntry(b"")},
        {"/evil": FileEntry(b"")},
        {"a//b": FileEntry(b"")},
        {"a/b": FileEntry(b"")},
        {"a": SymlinkEntry("/etc")},
        {"a": SymlinkEntry("../evil")},
        {"a": SymlinkEntry("b"), "a/evil": FileEntry(b"")},
        {"a": LinkEntry("/etc/passwd")},
        {"a": LinkEntry("b"), "b": FileEntry(b"")},
        {"a\0b": FileEntry(b"")},
        {"a": FileEntry(b"", 2**20)},
        {"a": FileEntry(b"", -1)},
    ],
)
def test_an_image_that_leads_out_of_its_directory_is_refused(
    entries: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "hostile.zip"
    write_bundle(path, with_image(Image(entries)))  # type: ignore[arg-type]
    refused(path, "image")


def test_a_good_image_is_not_refused(good: Path) -> None:
    assert read_bundle(good).evidence.before == IMAGE


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    bundle = small_bundle()
    run = bundle.evidence.run
    (boot,) = run.boots
    assert boot.landing is not None
    far = replace(boot, landing=replace(boot.landing, event_index=7))
    for wrong in (
        replace(bundle, finding=replace(bundle.finding, violations=())),
        replace(bundle, evidence=replace(bundle.evidence, run=replace(run, boots=()))),
        replace(bundle, evidence=replace(bundle.evidence, run=replace(run, boots=(far,)))),
        replace(bundle, evidence=replace(bundle.evidence, run=replace(run, boots=(boot, boot)))),
    ):
        path = tmp_path / "hostile.zip"
        write_bundle(path, wrong)
        refused(path)
        path.unlink()


def test_only_the_classes_that_are_meant_are_made(good: Path, tmp_path: Path) -> None:
    contents = members(good)
    evidence = json.loads(contents["evidence.json"])
    evidence["before"]["entries"]["a"]["is"] = "Popen"
    path = made(tmp_path, {**contents, "evidence.json": json.dumps(evidence).encode()})
    refused(path, "Popen", "FileEntry")


def test_what_has_no_form_is_never_written() -> None:
    with pytest.raises(TypeError):
        EVIDENCE.to_json(io.BytesIO())


def test_the_members_are_the_documented_ones(good: Path) -> None:
    assert set(members(good)) == set(MEMBERS)


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("bundle.json.finding.id", {"id": "../../x"}),
        ("bundle.json.finding.id", {"id": "F-\x1b[31m"}),
        ("bundle.json.finding.scenario", {"scenario": "b\ud800"}),
        ("bundle.json.finding.master_seed", {"master_seed": "\udfff"}),
        ("bundle.json.finding.cases", {"cases": -5}),
    ],
)
def test_a_finding_that_cannot_be_is_refused_by_its_key(
    good: Path, tmp_path: Path, place: str, changes: dict[str, object]
) -> None:
    contents = members(good)
    manifest = json.loads(contents["bundle.json"])
    manifest["finding"].update(changes)
    refused(made(tmp_path, {**contents, "bundle.json": json.dumps(manifest).encode()}), place)


def test_a_case_of_evidence_has_a_name_that_can_be_written(good: Path, tmp_path: Path) -> None:
    contents = members(good)
    evidence = json.loads(contents["evidence.json"])
    evidence["run"]["case"]["scenario"] = "b\ud800"
    path = made(tmp_path, {**contents, "evidence.json": json.dumps(evidence).encode()})
    refused(path, "evidence.run.case.scenario: found", "without lone surrogates")
