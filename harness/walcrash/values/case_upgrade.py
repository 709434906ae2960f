"""Stored cases of older formats as the next ones have them.

From format 1 to 2 things were renamed. Until format 2 a kill could fall after any byte of a write,
and so could a power loss: such a case asks for byte tears now, so that it runs as it did.
What is no case of an older format is left as it is, for the reader of the next one to refuse.

Not here: what a case is (`case_file`).
"""

from collections.abc import Mapping
from typing import Any, Final

from walcrash.values.codec import loads
from walcrash.values.codec_scalars import Mismatch, found, missing
from walcrash.values.codec_shapes import TAG

ANY_BYTE: Final = 1
"""The `atomic_bytes` of contracts that had none."""

OLD_PACKAGE: Final = "harness.subjects."
"""Where built-in adapters were, up to format 1."""


def upgraded_stored_case(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored case of format 1, without its `format`, as format 2 has it.

    Raises:
        Mismatch: it has a key that format 1 did not have.
    """
    made = dict(form)
    if isinstance(made.get("case"), dict):
        case = {name: value for name, value in made["case"].items() if name != "format"}
        try:
            made["case"] = upgraded_case(case)
        except Mismatch as problem:
            raise problem.inside(".case") from None
    subject = made.get("subject")
    if isinstance(subject, dict) and isinstance(subject.get("adapter"), str):
        made["subject"] = {**subject, "adapter": upgraded_adapter(subject["adapter"])}
    return made


def with_byte_tears(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored case of format 2, without its `format`, as format 3 has it.

    Raises:
        Mismatch: it has a key that format 2 did not have.
    """
    made = dict(form)
    contract = made.get("contract")
    if isinstance(contract, dict):
        if "atomic_bytes" in contract:
            raise Mismatch('there is no key "atomic_bytes" in format 2', place=".contract")
        made["contract"] = {**contract, "atomic_bytes": ANY_BYTE}
    return made


def upgraded_adapter(adapter: str) -> str:
    """Return an adapter's name, with a built-in one under the package that it is in now."""
    if adapter.startswith(OLD_PACKAGE):
        return f"walcrash.subjects.{adapter.removeprefix(OLD_PACKAGE)}"
    return adapter


def upgraded_case(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case of format 1, without its `format`, as format 2 has it.

    Raises:
        Mismatch: it has a key that format 1 did not have.
    """
    made = dict(form)
    if isinstance(made.get("boots"), list):
        made["boots"] = [_boot(boot, f".boots[{at}]") for at, boot in enumerate(made["boots"])]
    return made


def _boot(form: Any, place: str) -> Any:
    if not isinstance(form, dict):
        return form
    made = dict(form)
    if isinstance(made.get("operations"), list):
        made["operations"] = [
            _renamed(operation, {"do": "kind"}, f"{place}.operations[{at}]")
            for at, operation in enumerate(made["operations"])
        ]
    crash = _renamed(made.get("crash"), {"kind": TAG}, f"{place}.crash")
    if isinstance(crash, dict) and crash.get(TAG) == "power" and "choice" in crash:
        try:
            crash["choice"] = upgraded_choice_text(crash["choice"])
        except Mismatch as problem:
            raise problem.inside(f"{place}.crash.choice") from None
    return {**made, "crash": crash} if "crash" in made else made


def _renamed(form: Any, names: Mapping[str, str], place: str) -> Any:
    if not isinstance(form, dict):
        return form
    for old, new in names.items():
        if new in form:
            raise Mismatch(f'there is no key "{new}" in format 1', place=place)
        if old not in form:
            raise missing(old, form).inside(place)
    return {names.get(name, name): value for name, value in form.items()}


def upgraded_choice_text(text: Any) -> Any:
    """Return an image choice, which stood as JSON in a text; empty for none.

    Raises:
        Mismatch: the text is no JSON.
    """
    if text == "":
        return None
    if not isinstance(text, str):
        raise found(text, "an image choice as text")
    try:
        form = loads(text)
    except ValueError as problem:
        raise found(text, f"an image choice ({problem})") from None
    return upgraded_choice(form)


def upgraded_choice(form: Any) -> Any:
    """Return an image choice as it was in cases of format 1."""
    if not isinstance(form, dict):
        return form
    made = dict(form)
    position = {"event_index": made.pop("event", None), "placement": made.pop("placement", None),
                "kept_bytes": made.pop("kept_bytes", None)}  # fmt: skip
    held = made.get("held")
    if isinstance(held, list):
        made["held"] = [_held(each) for each in held]
    return {**made, "position": position}


def _held(form: Any) -> Any:
    if isinstance(form, list) and len(form) > 2 and form[2] == "stale":
        return [*form[:2], None, *form[3:]]
    return form
