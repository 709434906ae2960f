"""Bundles: a finding in one file that can be read and replayed anywhere.

A bundle has the case, the trace, the images before and after recovery, the history, the verdict,
and the versions and the machine that it comes from. It has no code, and names its subject
without carrying it: whoever replays it names the subject, so that a bundle from a
stranger never starts anything but the reference log that ships with the harness.

A reader of format n refuses format n + 1 by name.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from walcrash.findings.bundle_zip import AGAIN_HINT, read_zip, save, write_zip
from walcrash.findings.evidence import EVIDENCE, Evidence
from walcrash.findings.evidence_upgrade import upgraded_evidence
from walcrash.values.case_file import StoredCase, stored_case_from_json, stored_case_to_json
from walcrash.values.errors import UsageError
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.finding import Finding
from walcrash.values.forms import EncodableText, Most
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, LinkEntry, SymlinkEntry
from walcrash.values.scenario import SubjectSpec
from walcrash.values.version import VERSION

FORMAT: Final = 3
"""The version of bundles that is written.

Older ones are read as well: format 1 had no causes, format 2 had landings and causes as texts,
and fields by other names.
"""

SUFFIX: Final = ".zip"

HARMLESS: Final = frozenset({"reference"})
"""The subjects that a bundle may start by itself."""

FACTS: Final = 100
"""Most facts of the machine that a bundle comes from."""

FILE_BYTES: Final = 256 * 1024 * 1024
"""Offsets and lengths of events are at most this."""

_MODES: Final = 0o7777

_MANIFEST: Final = "bundle.json"
_CASE: Final = "case.json"
_ORIGIN: Final = "origin.json"
_EVIDENCE: Final = "evidence.json"
MEMBERS: Final = (_MANIFEST, _CASE, _ORIGIN, _EVIDENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        finding: as it was reported.
        stored: the minimal case.
        origin: the campaign's own case, which the minimal one was made from; None if unknown.
        evidence: one run of the minimal case.
        environment: where it was made: name and value of each fact.
        version: the walcrash that made it.
    """

    finding: Finding
    stored: StoredCase
    origin: StoredCase | None
    evidence: Evidence
    environment: tuple[tuple[str, str], ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    """The member that says what the others are."""

    format: int
    version: EncodableText
    finding: Finding
    subject: EncodableText
    environment: Annotated[tuple[tuple[EncodableText, EncodableText], ...], Most(FACTS)]


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Write a bundle to a new file.

    Raises:
        UsageError: there is such a file, it cannot be written, or the finding is too large.
    """
    manifest = _Manifest(
        format=FORMAT,
        version=bundle.version,
        finding=_without_directories(bundle.finding),
        subject=bundle.stored.subject.name,
        environment=bundle.environment,
    )
    members: dict[str, object] = {
        _MANIFEST: EVIDENCE.to_json(manifest),
        _CASE: stored_case_to_json(_portable(bundle.stored)),
        _EVIDENCE: EVIDENCE.to_json(bundle.evidence),
    }
    if bundle.origin is not None:
        members[_ORIGIN] = stored_case_to_json(_portable(bundle.origin))
    save(path, write_zip(members))


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; nothing is written, and nothing of it is executed.

    Raises:
        UsageError: it is newer, broken or hostile; the message says what is wrong.
    """
    members = read_zip(path, MEMBERS)
    try:
        return _read(members)
    except UsageError as problem:
        raise UsageError(
            f"the bundle {path} is refused: {problem.message}; nothing was written",
            hint=problem.hint or AGAIN_HINT,
        ) from None


def _read(members: dict[str, object]) -> Bundle:
    for name in (_MANIFEST, _CASE, _EVIDENCE):
        if name not in members:
            raise UsageError(f"its member {name} is missing")
    manifest_form, evidence_form = members[_MANIFEST], members[_EVIDENCE]
    if EVIDENCE.check_format(manifest_form, FORMAT, _MANIFEST) < FORMAT:
        manifest_form = EVIDENCE.upgraded(upgrade_facts, manifest_form, _MANIFEST)
        evidence_form = EVIDENCE.upgraded(upgraded_evidence, evidence_form, "evidence")
    manifest = EVIDENCE.from_json(_Manifest, manifest_form, _MANIFEST)
    bundle = Bundle(
        finding=manifest.finding,
        stored=stored_case_from_json(members[_CASE]),
        origin=stored_case_from_json(members[_ORIGIN]) if _ORIGIN in members else None,
        evidence=EVIDENCE.from_json(Evidence, evidence_form, "evidence"),
        environment=manifest.environment,
        version=manifest.version,
    )
    _check(bundle)
    return bundle


def _check(bundle: Bundle) -> None:
    """Refuse what cannot be: parts that do not belong together."""
    run = bundle.evidence.run
    if not run.boots or len(run.history.boots) != len(run.boots):
        raise UsageError("the history has other boots than the trace")
    if len(run.boots) > len(bundle.stored.case.boots):
        raise UsageError("the trace has more boots than the case")
    for number, boot in enumerate(run.boots, start=1):
        landing, count = boot.landing, len(boot.recording.rows)
        if any(row.offset > FILE_BYTES or row.length > FILE_BYTES for row in boot.recording.rows):
            raise UsageError(f"boot {number} has an event beyond byte {FILE_BYTES:,} of a file")
        if landing is not None and not 0 <= landing.event_index <= count:
            raise UsageError(f"the crash of boot {number} lies outside its {count} events")
    _check_image(bundle.evidence)


def _check_image(evidence: Evidence) -> None:
    for image in (evidence.before, evidence.after):
        before: dict[str, Entry] = {}
        for name, entry in image.entries.items() if image is not None else ():
            _check_entry(name, entry, before)
            before[name] = entry


def _check_entry(name: str, entry: Entry, before: dict[str, Entry]) -> None:
    """Refuse an entry that would be made outside the directory, or lead out of it."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise UsageError(f"an image has an entry {name!r}, which lies outside it")
    parent = "/".join(parts[:-1])
    if parent and not isinstance(before.get(parent), DirectoryEntry):
        raise UsageError(f"an image has an entry {name!r} in what is no directory of it")
    if isinstance(entry, LinkEntry) and not isinstance(before.get(entry.first_name), FileEntry):
        raise UsageError(f"an image has a link {name!r} to what is no file of it")
    if isinstance(entry, SymlinkEntry) and _leads_out(entry.target):
        raise UsageError(f"an image has a link {name!r} to {entry.target!r}, outside it")
    if isinstance(entry, FileEntry | DirectoryEntry) and not 0 <= entry.mode <= _MODES:
        raise UsageError(f"an image has an entry {name!r} with a mode that no file has")


def _leads_out(target: str) -> bool:
    return not target or "\0" in target or target.startswith("/") or ".." in target.split("/")


def _portable(stored: StoredCase) -> StoredCase:
    """Name a subject's files without the directories of this machine."""
    subject = stored.subject
    file, colon, name = subject.adapter.rpartition(":")
    if colon and file.endswith(".py"):
        subject = replace(subject, adapter=f"{Path(file).name}:{name}")
    driver = tuple(Path(word).name if word.startswith("/") else word for word in subject.driver)
    return replace(stored, subject=replace(subject, driver=driver))


def _without_directories(finding: Finding) -> Finding:
    path = Path(finding.scenario_path)
    return replace(finding, scenario_path=path.name if path.is_absolute() else str(path))


def with_subject(bundle: Bundle, path: Path, subject: SubjectSpec | None) -> StoredCase:
    """Return the bundle's case with the subject that whoever replays it has named.

    Raises:
        UsageError: no subject was named, and the bundle's may not be started by a bundle.
    """
    named = bundle.stored.subject
    if subject is not None:
        return replace(bundle.stored, subject=subject)
    if named.adapter in HARMLESS and not named.driver:
        return bundle.stored
    raise UsageError(
        f"the subject of {path} is `{named.name}`, and a bundle carries and starts no code; "
        "nothing was run",
        hint=f"walcrash replay {path} --subject SCENARIO.toml, a scenario with that subject"
        + ("" if named.driver else f", or --subject PATH/{named.name}"),
    )


def subject_to_name(bundle: Bundle) -> str:
    """Return what is named to replay a bundle: its scenario, as here; empty for a harmless one."""
    named = bundle.stored.subject
    if named.adapter in HARMLESS and not named.driver:
        return ""
    path = bundle.finding.scenario_path
    return path if path.endswith(".toml") else named.name


def new_bundle(
    finding: Finding,
    stored: StoredCase,
    origin: StoredCase | None,
    evidence: Evidence,
    environment: tuple[tuple[str, str], ...],
) -> Bundle:
    """Return a bundle as this walcrash makes it; `environment` describes the machine."""
    return Bundle(
        finding=finding,
        stored=stored,
        origin=origin,
        evidence=evidence,
        environment=environment,
        version=VERSION,
    )
