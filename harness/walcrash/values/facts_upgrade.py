"""Landings and findings as they were kept before their facts had fields.

Until format 3 of stores, 2 of bundles and 1 of event logs, a landing held its event as the sentence
that reports show (`description`), its operation as `append PutOperation`, and whether the power
was lost as a `loss` that is not empty. This is the one place where these texts are read; what a
landing says to a person stays the same to the letter. The cause of a finding was a sentence too,
from which its facts cannot always be told: it is left out.

Not here: which format a file has (its reader), landings as they are now (`values.case`), the ids
that were made of such sentences (`findings.former_ids`).
"""

import re
from collections.abc import Mapping
from typing import Final

from walcrash.values.event import EventKind

_FAILED: Final = re.compile(r"(.*) \(failed, errno (\d{1,9})\)", re.DOTALL)
_RANGE: Final = re.compile(r"(.*), (\d{1,20}) bytes at (-?\d{1,20})", re.DOTALL)
_SIZE: Final = re.compile(r"(.*) to (-?\d{1,20}) bytes", re.DOTALL)
_MODE: Final = re.compile(r"(.*), mode ([0-7]{1,6})", re.DOTALL)
_STORED: Final = ", stored through a mapping"
_KINDS: Final = tuple(kind.value for kind in EventKind)
_TWO_NAMES: Final = frozenset({EventKind.RENAME, EventKind.LINK, EventKind.SYMLINK})


def upgrade_facts(value: object) -> object:
    """Return a JSON value in which every landing, at any depth, has its facts as fields.

    The cause of a finding, a text, is left out. Everything else is returned as it is, also what
    has its facts already.
    """
    if isinstance(value, list):
        return [upgrade_facts(one) for one in value]
    if not isinstance(value, dict):
        return value
    whole = {key: upgrade_facts(one) for key, one in value.items()}
    if "landings" in whole and isinstance(whole.get("cause"), str):
        del whole["cause"]
    return _upgraded(whole) if _is_landing(whole) else whole


def _is_landing(value: Mapping[str, object]) -> bool:
    texts = (value.get(key) for key in ("operation", "description", "loss"))
    is_whole = "event_index" in value and all(isinstance(one, str) for one in texts)
    return is_whole and value.get("kind") in _KINDS


def _upgraded(landing: dict[str, object]) -> dict[str, object]:
    kind, words = EventKind(landing["kind"]), str(landing["description"])
    operation, _, record = str(landing["operation"]).partition(" ")
    kept = {key: one for key, one in landing.items() if key != "description"}
    return {
        **kept,
        "operation": operation or None,
        "record": record or None,
        **_event_facts(kind, words.removeprefix(kind.value).removeprefix(" ")),
        "is_power_loss": bool(landing["loss"]),
    }


def _event_facts(kind: EventKind, words: str) -> dict[str, object]:
    """Return the fields that an `Event` makes these words of, its kind left out."""
    facts: dict[str, object] = {}
    if found := _FAILED.fullmatch(words):
        words, facts["result"] = found[1], -int(found[2])
    if words.endswith(_STORED):
        words, facts["is_stored"] = words.removesuffix(_STORED), True
    if kind in (EventKind.WRITE, EventKind.MSYNC) and (found := _RANGE.fullmatch(words)):
        words, facts["length"], facts["offset"] = found[1], int(found[2]), int(found[3])
    elif kind is EventKind.TRUNCATE and (found := _SIZE.fullmatch(words)):
        words, facts["offset"] = found[1], int(found[2])
    elif kind is EventKind.ATTRIBUTE and (found := _MODE.fullmatch(words)):
        words, facts["mode"] = found[1], int(found[2], 8)
    elif kind in _TWO_NAMES:
        words, _, facts["path_to"] = words.partition(" to ")
    facts["path"] = words
    return facts
