"""Image choices as JSON, for findings and bundles.

A stored choice may come from a stranger: whatever is in it, reading it gives a choice or an
error, and the choice means an image that is legal in its model.
"""

from typing import TypeVar

from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import UsageError
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import PARTS, STALE, CrashPosition, Moment, Placement, split

T = TypeVar("T")


def choice_to_json(choice: ImageChoice) -> dict[str, object]:
    """Return a choice as plain values; `choice_from_json` is the way back."""
    return {
        "model": choice.model.value,
        "event": choice.position.event_index,
        "placement": choice.position.placement.value,
        "kept_bytes": choice.position.kept_bytes,
        "policy": choice.policy.value,
        "names": _moment_to_json(choice.names),
        "files": _moment_to_json(choice.files),
        "held": [_held_to_json(held) for held in choice.held],
        "about": choice.about,
        "seed": choice.seed,
        "sector_bytes": choice.sector_bytes,
    }


def _held_to_json(held: Held) -> list[object]:
    moment = _moment_to_json(held.moment)
    return [held.kind.value, held.node, moment, held.name, held.first, held.end]


def _moment_to_json(moment: Moment) -> object:
    return "stale" if moment == STALE else list(split(moment))


def choice_from_json(value: object) -> ImageChoice:
    """Return the choice that `choice_to_json` has written.

    Raises:
        UsageError: the value is of another form.
    """
    try:
        return _choice(_typed(value, dict))
    except (KeyError, TypeError, ValueError) as problem:
        raise UsageError(
            f"an image choice is broken ({type(problem).__name__}: {problem}); nothing was built"
        ) from None


def _choice(value: dict[str, object]) -> ImageChoice:
    policy = Policy(value["policy"])
    seed = value["seed"]
    return ImageChoice(
        model=PersistenceModel(value["model"]),
        position=CrashPosition(
            _whole(value["event"], least=0),
            Placement(value["placement"]),
            _whole(value["kept_bytes"], least=0),
        ),
        policy=policy,
        names=_moment(value["names"]),
        files=_moment(value["files"]),
        held=tuple(_held(held) for held in _typed(value["held"], list)),
        about=_whole(value["about"], least=-1),
        seed=None if seed is None and policy is not Policy.DRAWN else _whole(seed, least=0),
        sector_bytes=_whole(value["sector_bytes"], least=1),
    )


def _held(value: object) -> Held:
    kind, node, moment, name, first, end = _typed(value, list)
    kind = HeldKind(kind)
    return Held(
        kind=kind,
        node=_whole(node, least=0),
        moment=STALE if moment == "stale" and kind is HeldKind.SECTORS else _moment(moment),
        name=_typed(name, str),
        first=_whole(first, least=0),
        end=_whole(end, least=0),
    )


def _moment(value: object) -> Moment:
    event, number = _typed(value, list)
    if _whole(number, least=0) >= PARTS:
        raise ValueError(f"an event has fewer parts than {number}")
    return _whole(event, least=0) * PARTS + _whole(number, least=0)


def _whole(value: object, *, least: int) -> int:
    number = _typed(value, int)
    if number < least:
        raise ValueError(f"{number} is below {least}")
    return number


def _typed(value: object, kind: type[T]) -> T:
    # The exact type: a truth value is no number.
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value
