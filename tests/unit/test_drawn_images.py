"""In which order the images of one position are built."""

from collections import Counter

import pytest
from disk_events import K, write

from walcrash.case.drawn_images import (
    FirstFew,
    by_turns,
    drawn_images,
    plainest_first,
    uniformly,
)
from walcrash.disk import ImageBuilder, Pending, choices
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition
from walcrash.values.seed import Prng

AT = CrashPosition(4)


def pending() -> Pending:
    made = Pending(Image({"log": FileEntry(b"0123456789")}))
    for number in range(4):
        made.apply(write("log", 0, 3000 * number, bytes([number + 1]) * 3000))
    made.apply(Event(kind=K.RENAME, path="log", path_to="other"))
    return made


def every() -> list[ImageChoice]:
    return list(choices(pending(), PersistenceModel.POSIX, AT))


@pytest.mark.parametrize("seed", range(3))
def test_each_policy_has_its_turn_before_any_has_a_second_one(seed: int) -> None:
    ordered = list(by_turns(every(), Prng(seed)))
    assert sorted(map(repr, ordered)) == sorted(map(repr, every()))
    policies = [choice.policy for choice in ordered]
    kinds = len(set(policies))
    assert kinds > 6
    assert len(set(policies[:kinds])) == kinds
    assert policies[0] in (Policy.NOTHING, Policy.ALL, Policy.NAMES_ONLY)
    most = Counter(policies).most_common(1)[0][0]
    assert policies[-1] is most


def test_the_seed_says_which_of_a_policy_is_first() -> None:
    def torn(seed: int) -> ImageChoice:
        ordered = by_turns(every(), Prng(seed))
        return next(choice for choice in ordered if choice.policy is Policy.TORN)

    assert torn(1) == torn(1)
    assert len({repr(torn(seed)) for seed in range(20)}) > 3


@pytest.mark.parametrize("draw", [by_turns, plainest_first, uniformly, None])
def test_each_content_is_built_once_and_no_more_than_asked_for(draw: object) -> None:
    found = list(
        drawn_images(
            pending(),
            PersistenceModel.POSIX,
            AT,
            Prng(1),
            most=9,
            pool=500,
            draw=draw,  # type: ignore[arg-type]
        )
    )
    assert len(found) == len({each.digest for each in found}) == 9


def test_what_an_equal_call_has_built_is_neither_built_nor_yielded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[ImageChoice] = []

    def drawn(most: int, known: list[str] | None) -> list[str]:
        model = PersistenceModel.POSIX
        found = drawn_images(pending(), model, AT, Prng(1), most=most, pool=500, known=known)
        return [each.digest for each in found]

    build = ImageBuilder.build
    monkeypatch.setattr(ImageBuilder, "build", lambda s, c: (built.append(c), build(s, c))[1])
    once = drawn(30, None)
    built_once = len(built)
    known: list[str] = []
    built.clear()
    parts = [drawn(most, known) for most in (5, 12, 30)]
    assert [len(part) for part in parts] == [5, 7, 18]
    assert [digest for part in parts for digest in part] == once
    assert len(built) == len(known) == built_once
    assert len(set(known)) == 30


@pytest.mark.parametrize(("most", "is_cut"), [(0, True), (3, True), (len(every()), False)])
def test_the_first_few_of_an_order_say_whether_there_were_more(most: int, is_cut: bool) -> None:
    few = FirstFew(by_turns, most)
    assert list(few(every(), Prng(1))) == list(by_turns(every(), Prng(1)))[:most]
    assert few.is_cut is is_cut
