"""Groups, causes and ids are made of facts: rewording makes nothing new, names stay whole."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from report_lines import finding, story

from walcrash.findings.former_ids import id_by_text, is_same_now
from walcrash.minimise.cause import FailureGroup, cause_of, group_of
from walcrash.values.case import Landing, Place, landing_at
from walcrash.values.cause import Cause, CrashSite, FateSite, fate_site, name_pattern
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import MAPPED, READS, Event, EventKind
from walcrash.values.fate import (
    CopyFate,
    EventRef,
    Fate,
    FateKind,
    FoundFate,
    LostBeside,
    Reading,
    RecordFate,
    event_ref,
)
from walcrash.values.finding import Finding
from walcrash.values.identity import canonical, finding_id, group_id
from walcrash.values.io_error import IoError
from walcrash.values.log import LOG
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.rules import RULES
from walcrash.values.scenario import SubjectSpec
from walcrash.values.story import Aspect, Story, StoryCrash
from walcrash.values.story import Fate as StoryFate
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

K = EventKind

SUBJECT = SubjectSpec("/home/somebody/wal/my_wal.py:Wal", {"sync": True})
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "op-1", 1))
OPEN = Operation(OperationKind.OPEN)
SYNC = Operation(OperationKind.SYNC)

REPLY = Event(kind=K.REPLY, length=3, result=3)
WRITE = Event(kind=K.WRITE, path="wal.12.log", length=3, result=3)


def landed(event: Event, operation: Operation | None = PUT, loss: str | None = None) -> Landing:
    return landing_at(event, operation, boot=1, event_index=0, placement=Placement.AFTER, loss=loss)


def killed(event: Event, operation: Operation | None = PUT) -> Cause:
    return cause_of(Invariant.LOST_PUT, [landed(event, operation)])


def id_of(cause: Cause, *, is_portability: bool = False) -> str:
    return finding_id("made-up", SUBJECT, cause.facts, is_portability=is_portability)


def write_to(path: str) -> Event:
    return replace(WRITE, path=path)


def test_files_whose_names_have_commas_blanks_or_marks_are_told_apart() -> None:
    names = (
        "data,wal", "data,checkpoint", "data", "data, 3 bytes at 0", "a b", "a", "a to b",
        "log.#", "log.1", r"log.\#", "log (failed, errno 5)", "",
    )  # fmt: skip
    causes = [killed(write_to(name)) for name in names]
    assert len(set(causes)) == len({id_of(cause) for cause in causes}) == len(names)
    groups = {group_of(Invariant.LOST_PUT, [landed(write_to(name))]) for name in names}
    assert len({group_id("made-up", SUBJECT, group.facts) for group in groups}) == len(names)


def test_two_names_of_a_rename_are_two_facts() -> None:
    one = Event(kind=K.RENAME, path="a to b", path_to="c")
    other = Event(kind=K.RENAME, path="a", path_to="b to c")
    assert str(one) == str(other)
    assert id_of(killed(one)) != id_of(killed(other))


def test_files_that_are_numbered_are_one_kind_of_file() -> None:
    assert killed(write_to("log.1")) == killed(write_to("log.27"))
    assert killed(write_to("log.1")) != killed(write_to("log"))
    assert name_pattern("0000000000000a1f.seg") == name_pattern("0000000000000010.seg") == "#.seg"
    assert name_pattern("pg_wal/00000001000000A0000000FE") == "pg_wal/#"
    assert name_pattern("0000000000000001-00000000000000ff.wal") == "#-#.wal"
    assert name_pattern("deadbeef.log") == "deadbeef.log"
    assert name_pattern("backup2deadbeef1.log") == "backup#deadbeef#.log"
    assert name_pattern(r"7/wal#08\x.log") == r"#/wal\##\\x.log"


def test_offsets_lengths_and_sizes_do_not_count() -> None:
    assert killed(WRITE) == killed(replace(WRITE, offset=900, length=77, result=5, flags=MAPPED))
    short = Event(kind=K.TRUNCATE, path="wal.log", offset=0)
    assert killed(short) == killed(replace(short, offset=12))


def test_the_operation_counts_where_the_event_is_no_file_s() -> None:
    assert killed(WRITE, PUT) == killed(WRITE, OPEN)
    assert killed(REPLY, PUT) != killed(REPLY, OPEN)
    mark = Operation(OperationKind.APPEND, Record(RecordType.DONE, "op-1", 2))
    assert killed(REPLY, PUT) == killed(REPLY, mark)


def test_a_kill_and_a_power_loss_are_two_groups_also_where_nothing_is_said_of_the_loss() -> None:
    kill, power = landed(WRITE), landed(WRITE, loss="")
    assert group_of(Invariant.ORDER, [kill]) == FailureGroup(
        invariant=Invariant.ORDER,
        site=CrashSite(kind=K.WRITE, path="wal.#.log", operation=OperationKind.APPEND),
    )
    assert group_of(Invariant.ORDER, [power]) == replace(
        group_of(Invariant.ORDER, [kill]), is_power_loss=True
    )
    assert group_of(Invariant.ORDER, []) == FailureGroup(invariant=Invariant.ORDER)
    assert cause_of(Invariant.ORDER, [power]).is_power_loss
    assert cause_of(Invariant.ORDER, [power, kill]).is_power_loss


def test_more_that_was_lost_is_explained_by_less() -> None:
    less = Cause(invariant=Invariant.ORDER, is_power_loss=True, lost=("a, b",))
    more = replace(less, lost=("a, b", "c"))
    assert less.explains(more)
    assert not more.explains(less)
    assert not less.explains(replace(more, lost=("a", "b")))
    assert not less.explains(replace(more, invariant=Invariant.LOST_PUT))


WRITTEN = EventRef(boot=1, event=3, kind=K.WRITE, path="wal.1")
COPY = CopyFate(kind=FateKind.THERE, path="wal.1", start=0, end=9, written=WRITTEN)


def became(copy: CopyFate, *, reading: Reading = Reading.UNTIL) -> FateSite:
    told = RecordFate(record="", is_missing=True, kind=copy.kind, copies=(copy,), reading=reading)
    site = fate_site(Fate(record=told), Invariant.LOST_PUT)
    assert site is not None
    return site


def test_what_became_of_a_record_joins_crash_points_and_rules() -> None:
    there = became(COPY)
    put = cause_of(Invariant.LOST_PUT, [landed(WRITE)], fate=there)
    mark = cause_of(Invariant.LOST_MARK, [landed(WRITE), landed(WRITE)], fate=there)
    assert put.explains(mark)
    assert id_of(put) == id_of(mark) == "F-423958"
    assert not put.explains(replace(mark, fate=None))
    # A hole: the record was not promised, and what lies behind it is there.
    assert mark.explains(replace(put, invariant=Invariant.ORDER))
    assert put.explains(replace(mark, invariant=Invariant.CHECKPOINT_AHEAD))
    assert put.facts_of_crash == cause_of(Invariant.LOST_PUT, [landed(WRITE)]).facts


def test_another_file_another_event_or_a_torn_write_is_another_cause() -> None:
    put = cause_of(Invariant.LOST_PUT, [landed(WRITE)], fate=became(COPY))
    unlink = EventRef(boot=1, event=5, kind=K.UNLINK, path="wal.1")
    gone = replace(COPY, kind=FateKind.REMOVED, by=unlink)
    others = [
        became(replace(COPY, path="data")),
        became(COPY, reading=Reading.TORN),
        became(gone),
        became(replace(gone, by=replace(unlink, kind=K.TRUNCATE))),
        became(replace(COPY, kind=FateKind.NOT_DURABLE, not_synced="./")),
    ]
    causes = [put, *(cause_of(Invariant.LOST_PUT, [landed(REPLY)], fate=each) for each in others)]
    assert len({id_of(cause) for cause in causes}) == len(causes)
    assert not any(one.explains(other) for one in causes for other in causes if one is not other)


def test_a_copy_that_was_left_half_way_is_explained_by_what_took_the_other_one() -> None:
    unlink = EventRef(boot=1, event=5, kind=K.UNLINK, path="wal.1")
    gone = replace(COPY, kind=FateKind.REMOVED, by=unlink)
    half_way = replace(COPY, path="data.new")

    def lost(*copies: CopyFate) -> Cause:
        told = RecordFate(record="", is_missing=True, kind=copies[0].kind, copies=copies)
        return cause_of(
            Invariant.LOST_PUT, [], fate=fate_site(Fate(record=told), Invariant.LOST_PUT)
        )

    assert lost(gone).explains(lost(half_way, gone))
    assert not lost(half_way, gone).explains(lost(gone))
    assert not lost(gone).explains(lost(half_way))
    cut = replace(gone, by=replace(unlink, kind=K.TRUNCATE))
    assert not lost(cut).explains(lost(half_way, gone))
    # The id is that of the copy that is there, whatever became of others.
    assert id_of(lost(half_way, gone)) == id_of(lost(half_way))


def test_what_needs_no_crash_is_another_finding_though_it_loses_alike() -> None:
    crash = cause_of(Invariant.LOST_PUT, [landed(WRITE)], fate=became(COPY))
    plain = cause_of(Invariant.LOST_PUT, [], fate=became(COPY), is_plain=True)
    assert plain.is_plain
    assert not crash.explains(plain)
    assert not plain.explains(crash)
    assert id_of(crash) != id_of(plain)


def told(*taken: tuple[str, Aspect]) -> Story:
    """Return the story of a case whose power loss took these."""
    paths = tuple(path for path, _ in taken)
    fates = tuple(
        StoryFate(boot=1, event=0, path=at, aspect=aspect, is_kept=False)
        for at, (_, aspect) in enumerate(taken)
    )
    crash = StoryCrash(
        event=3,
        placement=Placement.AFTER,
        kept_bytes=0,
        model=PersistenceModel.POSIX,
        fates=fates,
    )
    return story(paths=paths, boots=(replace(story().boots[0], crash=crash),))


def lost_power(invariant: Invariant, *taken: tuple[str, Aspect]) -> Cause:
    return cause_of(invariant, [landed(WRITE, loss="")], told(*taken))


def test_all_that_waited_for_one_sync_is_one_cause_whichever_rule_it_breaks() -> None:
    renamed = lost_power(
        Invariant.CHECKPOINT_AHEAD, ("state", Aspect.NAME), ("state.tmp", Aspect.NAME)
    )
    unsynced = became(replace(COPY, kind=FateKind.NOT_DURABLE, not_synced="./"))
    put = cause_of(Invariant.LOST_PUT, [landed(WRITE, loss="")], fate=unsynced)
    assert id_of(renamed) == id_of(put)
    assert put.explains(renamed)
    data = lost_power(Invariant.CHECKPOINT_AHEAD, ("state", Aspect.DATA), ("state", Aspect.SIZE))
    assert data.fate == FateSite(kind=FateKind.NOT_DURABLE, detail="state")
    assert not put.explains(data)


def test_what_waited_for_two_syncs_or_breaks_a_rule_of_something_else_has_no_such_cause() -> None:
    for invariant, taken in (
        (Invariant.ORDER, (("wal.log", Aspect.DATA), ("state", Aspect.DATA))),
        (Invariant.ORDER, (("log/wal.1", Aspect.NAME), ("state", Aspect.NAME))),
        (Invariant.ALTERED_RECORD, (("wal.log", Aspect.DATA),)),
        (Invariant.EFFECT_BEFORE_APPEND, (("wal.log", Aspect.DATA),)),
    ):
        cause = lost_power(invariant, *taken)
        assert cause.fate is None
        assert cause.lost == tuple(sorted(path.replace("1", "#") for path, _ in taken))


@pytest.mark.parametrize("rule", [Invariant.DETERMINISM, Invariant.SILENT_ROT, Invariant.REQUEUE])
def test_what_surroundings_change_or_is_not_sent_again_is_one_cause_wherever_the_crash_fell(
    rule: Invariant,
) -> None:
    crashes = ([landed(WRITE)], [landed(WRITE), landed(REPLY, OPEN)], [landed(REPLY, loss="x")])
    assert len({group_of(rule, each) for each in crashes}) == 1
    assert len({id_of(cause_of(rule, each)) for each in crashes}) == 1
    plain = cause_of(rule, [], is_plain=True)
    assert not plain.explains(cause_of(rule, crashes[0]))
    assert group_of(rule, [], is_plain=True) != group_of(rule, crashes[0])


def test_a_name_that_is_gone_is_one_cause_where_new_names_were_made_behind_it() -> None:
    unlinked = event_ref(1, 3, Event(kind=EventKind.UNLINK, path="1.wal"))
    made = event_ref(1, 2, Event(kind=EventKind.CREATE, path="3.sst"))
    gone = fate_site(Fate(found=FoundFate(gone=(unlinked,))), Invariant.UNRECOVERABLE)
    beside = fate_site(
        Fate(found=FoundFate(gone=(unlinked,), new=(made,))), Invariant.UNRECOVERABLE
    )
    torn = fate_site(Fate(found=FoundFate(gone=(unlinked,), torn=(made,))), Invariant.UNRECOVERABLE)
    assert gone is not None
    assert beside is not None
    assert torn is not None
    assert gone.explains(beside)
    assert not beside.explains(gone)
    assert not gone.explains(torn)
    # No id is made of it.
    assert beside.facts == FateSite(found=("#.sst",)).facts


def test_recoveries_that_fail_are_told_by_the_rule_and_by_what_they_found() -> None:
    site = FateSite(found=("wal.#",))
    failed = cause_of(Invariant.UNRECOVERABLE, [landed(WRITE)], fate=site)
    died = cause_of(Invariant.NOT_APPENDABLE, [landed(WRITE)], fate=site)
    assert not failed.explains(died)
    assert failed.explains(cause_of(Invariant.UNRECOVERABLE, [landed(REPLY)], fate=site))


def test_what_a_recovery_has_left_torn_is_one_cause_whichever_recovery_fails_on_it() -> None:
    torn = (event_ref(1, 3, Event(kind=EventKind.WRITE, path="wal.1")),)
    found, left = FoundFate(torn=torn), FoundFate(torn=torn, is_left=True)
    at_once = fate_site(Fate(found=found), Invariant.UNRECOVERABLE)
    behind = fate_site(Fate(found=left), Invariant.NOT_APPENDABLE)
    first = cause_of(Invariant.UNRECOVERABLE, [landed(WRITE)], fate=at_once)
    second = cause_of(Invariant.NOT_APPENDABLE, [landed(REPLY)], fate=behind)
    assert first.explains(second)
    assert not second.explains(first)


def test_a_recovery_that_lacks_what_one_sync_would_have_kept_is_one_cause_with_a_lost_record() -> (
    None
):
    write = event_ref(1, 3, Event(kind=EventKind.WRITE, path="table.1"))
    unlinked = event_ref(1, 4, Event(kind=EventKind.UNLINK, path="wal.1"))
    lost = cause_of(
        Invariant.LOST_PUT, [], fate=FateSite(kind=FateKind.NOT_DURABLE, detail="table.#")
    )
    for found, is_one in (
        (FoundFate(lost=(write,)), True),
        (FoundFate(torn=(write,), outlived_by=unlinked), True),
        (FoundFate(torn=(write,), is_over=True), True),
        (FoundFate(torn=(write,)), False),
        (FoundFate(lost=(write,), torn=(unlinked,)), False),
    ):
        site = fate_site(Fate(found=found), Invariant.UNRECOVERABLE)
        refused = cause_of(Invariant.UNRECOVERABLE, [landed(REPLY, loss="x")], fate=site)
        assert lost.explains(refused) is is_one


def test_a_record_that_is_shown_is_one_cause_by_its_file_and_rule_wherever_the_crash_fell() -> None:
    shown = Fate(
        record=RecordFate(record="r", is_missing=False, kind=FateKind.THERE, copies=(COPY,))
    )
    causes = [
        cause_of(rule, landings, fate=fate_site(shown, rule))
        for rule in (Invariant.ORDER, Invariant.PHANTOM_RECORD)
        for landings in ([landed(WRITE)], [landed(REPLY)], [landed(WRITE), landed(WRITE)])
    ]
    assert len({id_of(cause) for cause in causes}) == 2
    assert causes[0].explains(causes[2])
    assert not causes[0].explains(causes[3])
    # Of what a recovery says twice, the record alone says nothing.
    assert fate_site(shown, Invariant.DETERMINISM) is None
    missing = replace(shown, record=replace(shown.record, is_missing=True))
    lost = cause_of(Invariant.ORDER, [], fate=fate_site(missing, Invariant.ORDER))
    assert not lost.explains(causes[0])
    assert not causes[0].explains(lost)


def test_a_record_from_a_stale_place_is_one_cause_whichever_rule_it_breaks() -> None:
    shown = RecordFate(record="r", is_missing=False, kind=FateKind.THERE, copies=(COPY,))
    missing = replace(shown, is_missing=True, copies=(replace(COPY, path="wal.2"),))
    rewritten = replace(shown, outlasted=replace(WRITTEN, event=7))

    def of(rule: Invariant, fate: Fate) -> Cause:
        return cause_of(rule, [landed(REPLY)], fate=fate_site(fate, rule))

    phantom = of(Invariant.PHANTOM_RECORD, Fate(record=shown))
    stale = [
        of(Invariant.ORDER, Fate(record=rewritten)),
        of(Invariant.LOST_MARK, Fate(record=missing, shown=shown)),
        of(Invariant.LOST_PUT, Fate(record=missing, shown=rewritten)),
        of(Invariant.NOT_APPENDABLE, Fate(record=shown)),
    ]
    assert {id_of(each) for each in stale} == {id_of(phantom)}
    assert all(phantom.explains(each) and each.explains(phantom) for each in stale)
    # The wrong order of a record that is not known to be stale joins what is, and nothing else.
    ordered = of(Invariant.ORDER, Fate(record=shown))
    assert all(each.explains(ordered) and ordered.explains(each) for each in stale)
    assert not phantom.explains(ordered)
    altered = of(Invariant.ALTERED_RECORD, Fate(record=rewritten))
    elsewhere = of(
        Invariant.LOST_PUT,
        Fate(record=missing, shown=replace(shown, copies=(replace(COPY, path="data"),))),
    )
    for other in (altered, elsewhere, of(Invariant.LOST_MARK, Fate(record=missing))):
        assert not any(each.explains(other) or other.explains(each) for each in stale)
    assert LOG.from_json(Cause, LOG.to_json(stale[1]), "") == stale[1]


def test_a_finding_that_was_kept_before_holes_and_renames_beside_were_told_is_known() -> None:
    there = RecordFate(record="r", is_missing=True, kind=FateKind.THERE, copies=(COPY,))
    cut = EventRef(boot=2, event=0, kind=K.TRUNCATE, path="wal", is_recovery=True)
    gone = replace(there, kind=FateKind.REMOVED, copies=(replace(COPY, by=cut),))
    renamed = EventRef(boot=1, event=4, kind=K.RENAME, path="length.new", path_to="length")

    def of(told: RecordFate) -> Finding:
        fate = Fate(record=told)
        rule = Invariant.LOST_PUT
        cause = cause_of(rule, [landed(REPLY)], fate=fate_site(fate, rule))
        return replace(finding(), cause=cause, fate=fate)

    hole = replace(WRITTEN, is_hole=True)
    behind_hole = of(replace(there, torn=hole, reading=Reading.TORN))
    beside = of(replace(gone, beside=LostBeside(write=renamed)))
    assert is_same_now(of(replace(there, reading=Reading.UNTIL)), behind_hole, SUBJECT)
    assert is_same_now(of(gone), beside, SUBJECT)
    assert not is_same_now(of(gone), behind_hole, SUBJECT)
    # A torn write was told before as well.
    behind_torn = of(replace(there, torn=WRITTEN, reading=Reading.TORN))
    assert not is_same_now(of(replace(there, reading=Reading.UNTIL)), behind_torn, SUBJECT)


def test_a_finding_that_was_kept_before_stale_places_were_told_is_known() -> None:
    shown = RecordFate(record="r", is_missing=False, kind=FateKind.THERE, copies=(COPY,))
    missing = replace(shown, is_missing=True, copies=(replace(COPY, path="data"),))

    def of(rule: Invariant, fate: Fate) -> Finding:
        cause = cause_of(rule, [landed(REPLY)], fate=fate_site(fate, rule))
        return replace(finding(), cause=cause, fate=fate)

    order = of(Invariant.ORDER, Fate(record=shown))
    mark = of(Invariant.LOST_MARK, Fate(record=missing))
    order_now = of(Invariant.ORDER, Fate(record=replace(shown, outlasted=WRITTEN)))
    mark_now = of(Invariant.LOST_MARK, Fate(record=missing, shown=shown))
    assert is_same_now(order, order_now, SUBJECT)
    assert is_same_now(mark, mark_now, SUBJECT)
    assert not is_same_now(mark, order_now, SUBJECT)
    assert not is_same_now(order, mark_now, SUBJECT)


def test_a_finding_that_was_kept_for_a_lost_name_that_a_removal_had_left_free_is_known() -> None:
    removal = EventRef(boot=1, event=3, kind=K.UNLINK, path="wal")
    renamed = EventRef(boot=1, event=4, kind=K.RENAME, path="wal.tmp", path_to="wal")
    swept = EventRef(boot=0, event=0, kind=K.UNLINK, path="wal.tmp", is_recovery=True)
    heir = replace(
        COPY, kind=FateKind.REMOVED, path="wal.tmp", by=swept, not_synced="./", lost_name="wal"
    )
    old = replace(COPY, kind=FateKind.REMOVED, path="wal", by=removal)

    def of(heir: CopyFate, old: CopyFate = old) -> Finding:
        told = RecordFate(record="r", is_missing=True, kind=heir.kind, copies=(heir, old))
        site = fate_site(Fate(record=told), Invariant.LOST_PUT)
        cause = cause_of(Invariant.LOST_PUT, [landed(REPLY, loss="x")], fate=site)
        return replace(finding(), cause=cause, fate=Fate(record=told))

    kept, now = of(heir), of(replace(heir, renamed=renamed))
    assert kept.cause != now.cause
    assert is_same_now(kept, now, SUBJECT)
    # Where the rename came first, or the removal was of another name, one sync is all it lacked.
    for other in (replace(removal, event=5), replace(removal, boot=2)):
        assert of(replace(heir, renamed=renamed), replace(old, by=other)).cause == kept.cause
    elsewhere = replace(old, path="data", by=replace(removal, path="data"))
    assert of(replace(heir, renamed=renamed), elsewhere).cause == kept.cause


def test_a_group_with_a_fate_is_that_of_every_crash_and_rule() -> None:
    there = became(COPY)
    groups = [
        group_of(invariant, landings, there)
        for invariant in (Invariant.LOST_PUT, Invariant.LOST_MARK, Invariant.ORDER)
        for landings in ([landed(WRITE)], [landed(REPLY)], [landed(WRITE, loss="")], [])
    ]
    assert len({group_id("made-up", SUBJECT, group.facts) for group in groups}) == 1
    apart = [
        group_of(Invariant.LOST_PUT, [landed(WRITE)]),
        group_of(Invariant.LOST_PUT, [], there, is_plain=True),
        group_of(Invariant.LOST_PUT, [landed(WRITE)], became(replace(COPY, path="data"))),
    ]
    assert len({group_id("made-up", SUBJECT, each.facts) for each in (groups[0], *apart)}) == 4


def test_ids_are_those_of_every_other_process_and_version() -> None:
    assert canonical(killed(write_to("d\u00e9j\u00e0,\udcff")).facts) == (
        r'["lost-put",false,1,["write","d\u00e9j\u00e0,\udcff","",false,null],[]]'
    )
    assert id_of(killed(WRITE)) == "F-346034"
    assert group_id("made-up", SUBJECT, group_of(Invariant.ORDER, [landed(REPLY)]).facts) == (
        "G-c9b81d"
    )


def test_a_scenario_a_subject_its_options_and_portability_each_make_another_id() -> None:
    facts = killed(WRITE).facts
    ids = {
        finding_id("made-up", SUBJECT, facts),
        finding_id("other", SUBJECT, facts),
        finding_id("made-up", SubjectSpec("reference", SUBJECT.options), facts),
        finding_id("made-up", SubjectSpec(SUBJECT.adapter, {"sync": 1}), facts),
        finding_id("made-up", SubjectSpec(SUBJECT.adapter, {"sync": "True"}), facts),
        finding_id("made-up", SUBJECT, facts, is_portability=True),
    }
    assert len(ids) == 6
    elsewhere = SubjectSpec("/other/place/my_wal.py:Wal", SUBJECT.options)
    assert finding_id("made-up", elsewhere, facts) in ids


def everything_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say everything in other words."""
    other: Callable[[object], str] = lambda _: "said differently, and with a comma"  # noqa: E731
    for kind in (Event, Landing, Place, Operation, Record):
        monkeypatch.setattr(kind, "__str__", other)
    for invariant, rule in list(RULES.items()):
        monkeypatch.setitem(RULES, invariant, replace(rule, text="another sentence"))


def test_rewording_every_description_makes_no_group_and_no_finding_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landings = [landed(WRITE), landed(write_to("data,wal"), OPEN, loss="nothing"), landed(REPLY)]

    def ids() -> list[str]:
        groups = [group_of(Invariant.ORDER, [one]) for one in landings]
        causes = [cause_of(Invariant.ORDER, [one]) for one in landings]
        return [
            *(group_id("made-up", SUBJECT, group.facts) for group in groups),
            *(id_of(cause) for cause in causes),
        ]

    before = ids()
    everything_said(monkeypatch)
    assert str(landings[0]) == "said differently, and with a comma"
    assert ids() == before
    assert len(set(before)) == 6


def test_a_message_of_the_oracle_is_in_no_id() -> None:
    one, other = (Violation(Invariant.ORDER, "boot 1", text) for text in ("a", "b"))
    assert one != other
    assert group_of(one.invariant, []) == group_of(other.invariant, [])


def test_a_cause_comes_back_from_a_store() -> None:
    cause = cause_of(Invariant.ORDER, [landed(REPLY, SYNC, loss="")])
    assert LOG.from_text(Cause, LOG.to_text(cause), "cause") == cause


FORMER = [
    # Each id is what the last version computed that hashed the sentence beside it.
    (killed(WRITE), "F-9481dd"),  # lost-put, kill: 1 crash, write wal.#.log
    (killed(Event(kind=K.WRITE, path="wal.log", result=-28)), "F-f45c4e"),  # ..., write wal.log
    (killed(Event(kind=K.TRUNCATE, path="wal.log", offset=7)), "F-2e032b"),
    # ..., rename wal.log.tmp to wal.log
    (killed(Event(kind=K.RENAME, path="wal.log.tmp", path_to="wal.log")), "F-e41d19"),
    (killed(Event(kind=K.UNLINK, path="old", result=-2)), "F-3ab154"),  # ..., unlink old (failed
    (killed(Event(kind=K.ATTRIBUTE, path="log", mode=0o600)), "F-a904cc"),
    (killed(write_to("data,wal")), "F-af9c5a"),  # ..., write data
    (killed(REPLY), "F-0c5e95"),  # ..., append reply
    (killed(Event(kind=K.WRITE, path="shm", result=3, flags=MAPPED)), "F-d32a1a"),
    # lost-mark, kill: 2 crashes, open reply
    (cause_of(Invariant.LOST_MARK, [landed(WRITE), landed(REPLY, OPEN)]), "F-03895d"),
    (cause_of(Invariant.LOST_MARK, [landed(REPLY, None)]), "F-eb6fa2"),
    (cause_of(Invariant.ORDER, []), "F-c98351"),  # order, kill: 1 crash, no recorded crash
    (cause_of(Invariant.ORDER, [landed(REPLY, SYNC, loss="x")]), "F-a65948"),
    # order, power: a#.log, b, c
    (Cause(invariant=Invariant.ORDER, is_power_loss=True, lost=("a#.log", "b, c")), "F-511b79"),
]


@pytest.mark.parametrize(("cause", "former"), FORMER)
def test_the_id_that_a_finding_had_by_its_sentence_is_known(cause: Cause, former: str) -> None:
    assert id_by_text("made-up", SUBJECT, cause, is_portability=False) == former
    assert id_of(cause) != former


def test_a_finding_of_portability_had_an_id_of_its_own_too() -> None:
    cause = Cause(invariant=Invariant.ORDER, is_power_loss=True, lost=("a#.log", "b, c"))
    assert id_by_text("made-up", SUBJECT, cause, is_portability=True) == "F-442b05"


def test_the_worst_violation_names_what_was_found() -> None:
    first, second = (Violation(each, "boot 1", "text") for each in list(Invariant)[:2])
    judgement = Judgement(Verdict.FAIL, (first, second), frozenset(), ())
    assert judgement.worst is first
    assert judgement.breaks_first(first.invariant)
    assert not judgement.breaks_first(second.invariant)
    assert not Judgement(Verdict.PASS, (), frozenset(), ()).breaks_first(first.invariant)


def test_where_a_call_was_made_to_fail_that_call_decides() -> None:
    rule = Invariant.UNREPORTED_ERROR

    def failed(kind: EventKind, path: str, *, errno: int = 5, call: int = 1) -> IoError:
        return IoError(boot=1, call=call, kind=kind, path=path, nth=call, errno=errno)

    one = failed(EventKind.WRITE, "log.1")
    alike = (failed(EventKind.WRITE, "log.2", errno=28), failed(EventKind.WRITE, "log.1", call=3))
    cause = cause_of(rule, [], error=one)
    assert not cause.is_plain
    for other in alike:
        killed = cause_of(rule, [landed(WRITE)], fate=became(COPY), error=other)
        assert cause.explains(killed)
        assert cause.facts == killed.facts
        assert group_of(rule, [], error=one) == group_of(rule, [landed(WRITE)], error=other)
    for other in (failed(EventKind.FSYNC, "log.1"), failed(EventKind.WRITE, "state")):
        assert not cause.explains(cause_of(rule, [], error=other))
        assert group_of(rule, [], error=one) != group_of(rule, [], error=other)
    assert not cause.explains(cause_of(rule, [landed(WRITE)]))


def test_errors_that_are_passed_over_are_one_for_a_file_whichever_call_failed() -> None:
    rule = Invariant.UNREPORTED_ERROR
    write = IoError(boot=1, call=1, kind=EventKind.WRITE, path="log", nth=1, errno=5)
    passed = replace(write, is_acknowledged=True)
    others = [replace(passed, kind=kind) for kind in (EventKind.CREATE, EventKind.FSYNC)]
    one = cause_of(rule, [], error=passed)
    # A full disk moves a part, and the next call returns the error.
    full = replace(passed, kind=EventKind.ALLOCATE, errno=0, done_bytes=3, then_errno=28)
    for other in (*others, full):
        alike = cause_of(rule, [landed(WRITE)], error=other)
        assert one.explains(alike)
        assert alike.facts == one.facts
        assert group_of(rule, [], error=passed).facts == group_of(rule, [], error=other).facts
    # Another file, what moved a part only, and what was refused, are told by the call.
    for other in (
        replace(others[0], path="state"),
        replace(others[0], errno=0, done_bytes=3, length=9),
        replace(others[0], is_acknowledged=False),
    ):
        assert not one.explains(cause_of(rule, [], error=other))
        assert group_of(rule, [], error=passed).facts != group_of(rule, [], error=other).facts
    # The same call is the same bug, also where a retry made it good in one of them.
    assert one.explains(cause_of(rule, [], error=write))


def test_reads_that_fail_are_one_whichever_file_is_read() -> None:
    rule = Invariant.UNREPORTED_ERROR
    part = IoError(
        boot=2, call=0, kind=EventKind.READ, path="log", nth=1, errno=0, done_bytes=3, length=9
    )
    one = cause_of(rule, [], error=part)
    elsewhere = replace(part, path="checkpoint")
    assert one == cause_of(rule, [], error=elsewhere)
    assert group_of(rule, [], error=part) == group_of(rule, [], error=elsewhere)
    # A call that fails is another bug than one that moves a part, unless it was passed over.
    opened = replace(part, kind=EventKind.OPEN, errno=12, done_bytes=0)
    assert not one.explains(cause_of(rule, [], error=opened))
    passed = [replace(opened, kind=kind, is_acknowledged=True) for kind in sorted(READS, key=str)]
    assert len({cause_of(rule, [], error=each).facts for each in passed}) == 1
    # Before, each file had a finding of its own.
    site = CrashSite(kind=EventKind.READ, path="checkpoint", has_failed=True)
    kept = replace(finding(), cause=replace(one, error=site))
    assert is_same_now(kept, replace(finding(), cause=one), SUBJECT)
    assert not is_same_now(
        kept, replace(finding(), cause=cause_of(rule, [], error=opened)), SUBJECT
    )


def test_damage_at_rest_is_one_for_a_file_wherever_the_crash_fell_and_whatever_it_shows() -> None:
    rule = Invariant.SILENT_ROT
    one = cause_of(rule, [landed(WRITE)], damaged="log.1")
    other = cause_of(rule, [landed(REPLY)], fate=became(COPY), damaged="log.2")
    assert one.explains(other)
    assert one.facts == other.facts
    assert not one.is_plain
    group = group_of(rule, [landed(WRITE)], damaged="log.1")
    assert group.facts == one.facts
    assert group == group_of(rule, [], became(COPY), damaged="log.2")
    assert not one.explains(cause_of(rule, [landed(WRITE)], damaged="checkpoint"))
    assert LOG.from_json(Cause, LOG.to_json(one), "") == one


def test_a_finding_of_damage_that_was_kept_by_its_crash_is_known() -> None:
    rule = Invariant.SILENT_ROT
    found = replace(finding(), cause=cause_of(rule, [], damaged="log"))
    kept = replace(finding(), cause=cause_of(rule, [landed(WRITE)]))
    assert is_same_now(kept, found, SUBJECT)
    other = replace(finding(), cause=cause_of(rule, [], damaged="checkpoint"))
    assert not is_same_now(other, found, SUBJECT)
    assert not is_same_now(replace(kept, cause=killed(WRITE)), found, SUBJECT)


def test_findings_of_errors_that_were_kept_for_each_call_are_known() -> None:
    rule = Invariant.UNREPORTED_ERROR
    write = IoError(boot=1, call=1, kind=EventKind.WRITE, path="log", nth=1, errno=5)

    def of(error: IoError) -> Finding:
        return replace(finding(), cause=cause_of(rule, [], error=error))

    found = of(replace(write, is_acknowledged=True))
    for kind in (EventKind.WRITE, EventKind.FSYNC):
        assert is_same_now(of(replace(write, kind=kind)), found, SUBJECT)
    assert not is_same_now(of(replace(write, path="state")), found, SUBJECT)
    # What was refused is told by its call, as it was.
    assert is_same_now(of(write), of(write), SUBJECT)
    assert not is_same_now(of(replace(write, kind=EventKind.FSYNC)), of(write), SUBJECT)
    assert not is_same_now(replace(finding(), cause=killed(WRITE)), found, SUBJECT)
