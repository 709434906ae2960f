"""Ids of findings as versions before this one made them, so that a kept finding is known again.

The first versions distinguished findings by their invariant alone. The next ones hashed the cause
as a sentence, such as `lost-put, kill: 2 crashes, append reply`. Now facts are hashed
(`values.identity`): first those of the crash alone, by which one bug had an id for each place where
it was seen, then those of what became of the lost record, where that is known. What a finding's id
was by the sentence is computed here; the sentence is written out once more and for good, and
nothing else may use it.

Not here: the store that searches it (`findings.store`).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Final

from walcrash.values.case import Landing
from walcrash.values.cause import Cause, CrashSite, fate_site, site_of
from walcrash.values.event import CHANGES_NO_FILE, MESSAGES, READS, EventKind
from walcrash.values.fate import Fate, Reading
from walcrash.values.finding import Finding
from walcrash.values.identity import finding_id
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant

_BY_THEIR_CRASH: Final = frozenset({Invariant.DETERMINISM, Invariant.REQUEUE})
"""Rules that were told by their crash as well, and no longer are."""

_ID_DIGITS: Final = 6
_ESCAPED: Final = re.compile(r"\\(.)")
_COMMA_BEFORE_FAILURE: Final = (EventKind.WRITE, EventKind.MSYNC, EventKind.ATTRIBUTE)


class IdScheme(IntEnum):
    """What the id of a kept finding is made of."""

    INVARIANT = 1
    CAUSE_AS_TEXT = 2
    CAUSE_AS_FACTS = 3


def id_by_text(scenario: str, subject: SubjectSpec, cause: Cause, *, is_portability: bool) -> str:
    """Return the id that a finding had while its cause was hashed as a sentence."""
    options = sorted(subject.options.items())
    kind = "portability" if is_portability else ""
    text = repr((scenario, subject.name, options, _cause_text(cause), kind))
    return f"F-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()[:_ID_DIGITS]}"


def is_same_now(kept: Finding, finding: Finding, subject: SubjectSpec) -> bool:
    """Whether a finding that was kept by the facts of its crash is one of now.

    Args:
        kept: it, of the same scenario.
        finding: as it is reported now.
        subject: the subject of this.
    """
    if kept.cause is None or finding.cause is None:
        return False
    if kept.is_portability is not finding.is_portability:
        return False
    if kept.cause.error is not None or finding.cause.error is not None:
        return _is_same_error(kept.cause, finding.cause)
    if finding.cause.damaged:
        # Before, damage was told by a crash; the first file that is found again takes it over.
        is_alike = kept.cause.invariant is finding.cause.invariant
        return is_alike and kept.cause.damaged in ("", finding.cause.damaged)
    again = replace(kept.cause, fate=fate_site(kept.fate, kept.cause.invariant))
    if again.fate is not None and finding.cause.fate is not None:
        before = fate_site(_as_before(finding.fate), finding.cause.invariant)
        before = before or finding.cause.fate
        facts = (finding.cause.facts, replace(finding.cause, fate=before).facts)
        return again.facts in facts
    invariant = finding.cause.invariant
    if invariant in _BY_THEIR_CRASH and invariant is kept.cause.invariant:
        return kept.cause.is_plain is finding.cause.is_plain
    causes = (finding.cause, _where_it_landed(finding.cause, finding.landings))
    return kept.id in {
        finding_id(
            finding.scenario,
            subject,
            cause.facts_of_crash,
            is_portability=finding.is_portability,
        )
        for cause in causes
    }


def _where_it_landed(cause: Cause, landings: Sequence[Landing]) -> Cause:
    """Return a cause with its crash at the sync where it landed, if an earlier kill leaves that.

    That in front of a message was told as that behind it, which is another crash.
    """
    last = landings[-1] if landings else None
    if cause.site is None or last is None or last.kind not in CHANGES_NO_FILE:
        return cause
    return replace(cause, site=site_of(last, with_operation=False))


def _as_before(fate: Fate | None) -> Fate | None:
    """Return a fate as it was before stale places, renames that were lost, and holes were told."""
    if fate is None or fate.record is None:
        return fate
    told = fate.record
    copies = tuple(replace(copy, renamed=None) for copy in told.copies)
    told = replace(told, copies=copies, outlasted=None)
    if told.beside is not None and told.beside.write.kind is EventKind.RENAME:
        told = replace(told, beside=None)
    if told.torn is not None and told.torn.is_hole:
        told = replace(told, torn=None, reading=Reading.UNKNOWN)
    return replace(fate, shown=None, record=told)


def _is_same_error(kept: Cause, cause: Cause) -> bool:
    """Whether a kept error is one of now.

    Each call on a file was a finding of its own before, and so was each file that was read.
    """
    if kept.error is None or cause.error is None or kept.invariant is not cause.invariant:
        return False
    before, now = kept.error, cause.error
    is_read = {before.kind, now.kind} <= READS
    path = "" if is_read else before.path
    is_joined = cause.is_passed_over and (is_read or not kept.is_passed_over)
    return replace(before, path=path) == now or (is_joined and path == now.path)


def _cause_text(cause: Cause) -> str:
    fault = "power" if cause.is_power_loss else "kill"
    begin = f"{cause.invariant.value}, {fault}: "
    if cause.lost:
        return begin + ", ".join(sorted(map(_name, cause.lost)))
    place = "no recorded crash" if cause.site is None else _site_text(cause.site)
    if cause.is_power_loss:
        return begin + place
    return f"{begin}{cause.crashes} crash{'es' if cause.crashes > 1 else ''}, {place}"


def _site_text(site: CrashSite) -> str:
    text = f"{site.kind.value} {_name(site.path)}".rstrip()
    if site.path_to:
        text += f" to {_name(site.path_to)}"
    if site.kind is EventKind.TRUNCATE:
        text += " to # bytes"
    if site.has_failed and site.kind not in _COMMA_BEFORE_FAILURE:
        text += " (failed"
    # The sentence was split at its first comma, also where that was in a name.
    event = text.partition(",")[0]
    if site.kind not in MESSAGES:
        return event
    return f"{'' if site.operation is None else site.operation.value} {event}"


def _name(pattern: str) -> str:
    return _ESCAPED.sub(r"\1", pattern)
