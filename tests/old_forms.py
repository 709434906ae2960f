"""What older versions wrote, made from what this one writes."""

from walcrash.values.case import Landing
from walcrash.values.log import LOG

# A power loss without its model is written without it, too.
SINCE = {"is", "model"}
FACTS = set(Landing.__dataclass_fields__) - SINCE


def old_landing(landing: Landing) -> dict[str, object]:
    """Return a landing as stores had it to format 3, bundles to 2 and event logs to 1."""
    named = (landing.operation, landing.record)
    return {
        "boot": landing.boot,
        "event_index": landing.event_index,
        "kind": landing.kind.value,
        "placement": landing.placement.value,
        "operation": " ".join(one.value for one in named if one is not None),
        "description": str(landing.event),
        "kept_bytes": landing.kept_bytes,
        "loss": landing.loss,
    }


def with_old_landings(value: object) -> object:
    """Return a JSON value with every landing in it in the old form."""
    if isinstance(value, list):
        return [with_old_landings(one) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) - SINCE == FACTS:
        tag = {"is": value["is"]} if "is" in value else {}
        plain = {key: one for key, one in value.items() if key != "is"}
        return {**tag, **old_landing(LOG.from_json(Landing, plain, "landing"))}
    return {key: with_old_landings(one) for key, one in value.items()}
