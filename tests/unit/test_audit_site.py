"""Looking at one boot with made-up recoveries: what is needed, unconfirmed, or the baseline's."""

from collections.abc import Callable

import pytest

from walcrash.case.power_loss import Judged
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.tools.audit import site as audit_site
from walcrash.tools.audit.site import SiteAuditor
from walcrash.tools.audit.sites import Site
from walcrash.values.audit import Reason, SiteAudit
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.case import BootPlan, Landing
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootEnd, BootHistory, Recoveries
from walcrash.values.image import FileEntry, Image
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

K = EventKind
FSYNC = Event(kind=K.FSYNC, call=0, path="log", file=0)
REPLY = Event(kind=K.REPLY, call=0)
SITE = Site("append: fsync log", frozenset({1}))

Judge = Callable[[bytes, int], bool]
"""Whether a log of these bytes is right after so many replies."""


def write(offset: int, data: bytes) -> Event:
    size = len(data)
    return Event(
        kind=K.WRITE, call=0, path="log", file=0, offset=offset, length=size, data=data,
        result=size,
    )  # fmt: skip


def shown(image: Image) -> Recoveries:
    """Return recoveries that carry the log's bytes."""
    entry = image.entries["log"]
    assert isinstance(entry, FileEntry)
    return Recoveries(first=RecoveryFailure(FailureKind.REFUSED, entry.content.decode("latin-1")))


def looker(
    *events: Event,
    is_right: Judge,
    model: Model = Model.EXT4,
    images: int = 60,
    has_promise: bool = True,
    fresh: Callable[[Image], Recoveries] = shown,
) -> SiteAuditor:
    replies = {at: event.kind is K.REPLY for at, event in enumerate(events)}

    def history_until(count: int) -> BootHistory:
        said = sum(replies[at] for at in range(count))
        return BootHistory((), RecoveryFailure(FailureKind.REFUSED, str(said)), BootEnd.POWER_LOST)

    def judge(history: BootHistory, recoveries: Recoveries) -> Judgement:
        assert isinstance(history.recovery, RecoveryFailure)
        assert isinstance(recoveries.first, RecoveryFailure)
        content = recoveries.first.message.encode("latin-1")
        is_broken = not is_right(content, int(history.recovery.message))
        violation = Violation(Invariant.LOST_PUT, "first recovery", f"found {content!r}")
        return Judgement(
            Verdict.FAIL if is_broken else Verdict.PASS,
            (violation,) if is_broken else (),
            frozenset({Invariant.LOST_PUT}),
            (),
        )

    def finding(judged: Judged, landing: Landing) -> AuditFinding:
        return AuditFinding(
            case_index=0,
            violations=judged.judgement.violations,
            landings=(landing,),
            model=judged.candidate.choice.model,
        )

    return SiteAuditor(
        boot=RecordedBoot(
            number=1,
            plan=BootPlan(()),
            base=Image({"log": FileEntry(b"")}),
            earlier=(),
            events=events,
            history_until=history_until,
        ),
        model=model,
        images=images,
        seed=1,
        recover=shown,
        recover_fresh=fresh,
        judge=judge,
        has_promise=lambda _: has_promise,
        finding=finding,
    )


def keeps_a(content: bytes, replies: int) -> bool:
    return content[:1] == b"a" or not replies


def test_a_sync_whose_loss_takes_what_was_promised_is_needed_in_the_strictest_model() -> None:
    look = looker(write(0, b"a"), FSYNC, REPLY, is_right=keeps_a, model=Model.POSIX).audit_without(
        SITE
    )
    assert look.finding is not None
    assert look.finding.model is Model.ORDERED
    assert look.finding.landings[0].kind is K.REPLY
    assert look.finding.worst.message == "found b''"


def test_the_baseline_passes_where_the_sync_is_there_and_is_told_from_the_look() -> None:
    made = looker(write(0, b"a"), FSYNC, REPLY, is_right=keeps_a)
    baseline = made.baseline()
    assert baseline.finding is None
    assert baseline.images > 0
    assert made.is_judged


def test_a_baseline_that_fails_is_a_finding_with_its_landing() -> None:
    baseline = looker(write(0, b"a"), REPLY, is_right=keeps_a).baseline()
    assert baseline.finding is not None
    assert baseline.finding.worst.invariant is Invariant.LOST_PUT


def test_where_every_image_is_right_the_sync_is_proven_to_be_of_no_use() -> None:
    made = looker(write(0, b"a"), FSYNC, REPLY, is_right=lambda _, __: True)
    look = made.audit_without(SITE)
    assert look.is_exhaustive
    assert look.judged == look.legal == 2
    assert look.promised == 2
    assert (look + look).differing == 2 * look.differing


def test_without_any_promise_nothing_is_proven() -> None:
    made = looker(
        write(0, b"a"), FSYNC, REPLY, is_right=lambda _, __: True, has_promise=False
    )  # fmt: skip
    look = made.audit_without(SITE)
    assert (look.judged, look.promised) == (2, 0)


@pytest.mark.parametrize("images", [1, 7, 30])
def test_never_more_images_are_judged_than_were_asked_for(images: int) -> None:
    long = write(0, bytes(range(256)) * 64)
    more = [event for at in range(8) for event in (write(at, b"x"), REPLY)]
    made = looker(long, FSYNC, *more, is_right=lambda _, __: True, images=images)
    look = made.audit_without(SITE)
    assert not look.is_exhaustive
    assert 0 < look.judged <= images
    assert (look + look).finding is None


def test_a_failure_that_a_fresh_process_does_not_show_is_counted_and_is_no_finding() -> None:
    whole = Image({"log": FileEntry(b"a")})
    made = looker(
        write(0, b"a"), FSYNC, REPLY, is_right=keeps_a, fresh=lambda _: shown(whole)
    )  # fmt: skip
    look = made.audit_without(SITE)
    assert look.finding is None
    assert look.unconfirmed == look.judged == 2


def test_what_could_have_failed_with_the_sync_too_is_the_baseline_s_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_site, "is_possible_with", lambda *_: True)
    made = looker(write(0, b"a"), FSYNC, REPLY, is_right=keeps_a)
    look = made.audit_without(SITE)
    assert look.finding is None
    assert made.failed_baseline is not None


def test_a_sync_that_another_one_covers_adds_nothing() -> None:
    look = looker(write(0, b"a"), FSYNC, FSYNC, REPLY, is_right=keeps_a).audit_without(SITE)
    assert (look.differing, look.judged) == (0, 0)
    work = SiteAudit(site=SITE.name, calls=1)
    assert (work + look).reason is Reason.ADDS_NO_IMAGE
