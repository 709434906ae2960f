"""What power losses left is held against the contract's model image by image, not by its label."""

from dataclasses import replace

from test_story import OPENED, append, put, watched

from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.replayed import ended_boots, is_promised
from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import Pending, images
from walcrash.values.contract import PersistenceModel
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootEnd
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition

M = PersistenceModel


ROWS = [
    *OPENED,
    *append(1, 0, data=b"x" * 600, is_synced=False),
    *append(2, 600, data=b"y" * 600, is_synced=False),
]


def without_power(choice: ImageChoice) -> WatchedBoot:
    crash = PowerLoss(seed=1, images=1, choice=choice)
    return watched(ROWS, put("op-1"), put("op-2"), end=BootEnd.POWER_LOST, crash=crash)


def choices_of(model: PersistenceModel) -> list[ImageChoice]:
    """Return what names the images that a model allows at the end of the boot."""
    disk = Pending(Image({}))
    for row in ROWS:
        disk.apply(row.event())
    position = CrashPosition(len(ROWS) - 1)
    return [candidate.choice for candidate in images(disk, model, position)]


def test_an_image_that_a_stricter_model_allows_is_promised_whatever_its_label() -> None:
    posix = [(without_power(choice),) for choice in choices_of(M.POSIX)]
    allowed = [is_promised(boots, M.EXT4) for boots in posix]
    assert any(allowed)
    assert not all(allowed)
    assert all(is_promised(boots, M.POSIX) for boots in posix)


def test_all_images_of_a_model_are_promised_by_it() -> None:
    assert all(is_promised((without_power(one),), M.EXT4) for one in choices_of(M.ORDERED))


def test_each_boot_is_told_with_what_it_left() -> None:
    kept = watched([*OPENED, *append(1, 0, data=b"one", is_synced=True)], put("op-1"))
    choice = replace(choices_of(M.ORDERED)[0], position=CrashPosition(5 + len(ROWS)))
    first, second = ended_boots((kept, without_power(choice)))
    assert (first.number, first.image, first.choice) == (1, None, None)
    assert len(first.events) == 6
    assert second.number == 2


def test_a_power_line_numbers_events_as_a_crash_line_does() -> None:
    kept = watched([*OPENED, *append(1, 0, data=b"one", is_synced=True)], put("op-1"))
    last = watched(ROWS, put("op-1"), put("op-2"))
    recorded = RecordedBoot(
        number=2,
        plan=last.plan,
        base=Image({}),
        earlier=(kept.events(),),
        events=last.events(),
        history_until=lambda _: last.history,
    )
    choice = replace(
        choices_of(M.ORDERED)[0],
        position=CrashPosition(6 + 4),
        policy=Policy.ALL_BUT_ONE,
        about=6 + 3,
    )
    landing = recorded.landing(choice)
    assert landing.event_index == 4
    assert "everything kept but event 3 (write" in landing.loss
    assert "power lost after event 4 (" in landing.loss
    earlier = recorded.landing(replace(choice, about=3))
    assert "everything kept but event 3 of boot 1 (write" in earlier.loss
