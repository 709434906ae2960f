"""The form of a finding."""

import shlex

from report_lines import finding, landing, violation

from walcrash.report.finding_text import finding_text, minimised
from walcrash.values.contract import PersistenceModel
from walcrash.values.moments import Placement
from walcrash.values.verdict import Invariant

EXPECTED = """\
FAIL  torn-tail · lost-put · F-7c1e
  an acknowledged record is gone: PutOperation op-2 was acknowledged, recovery shows op-1

  crash     boot 1, within event 14: write wal.log, 104 bytes at 208, bytes 0-19 kept   (kill)
  then      first recovery showed it
  allowed   op-1, op-2
  found     op-1
  history   9 operations, minimised to 3 in 41 tries; seen 2 times in 4 cases; replayed 5 of 5

  replay    walcrash replay F-7c1e
  origin    walcrash run scenarios/torn-tail.toml --seed 3f9c2ab --case 1
  read      walcrash explain F-7c1e"""


def test_a_finding_has_the_form_of_the_style_guide() -> None:
    assert finding_text(finding()) == EXPECTED


def test_a_note_says_whether_it_needs_another_model_or_another_tear() -> None:
    weaker = finding_text(finding(is_portability=True), width=200)
    assert weaker.startswith("NOTE  torn-tail")
    assert "this shows only under a weaker one" in weaker
    torn = finding_text(finding(is_portability=True, is_torn_inside=True), width=200)
    assert "a write torn inside a page: NFS, FUSE, other systems." in " ".join(torn.split())
    assert "weaker" not in torn


def test_a_finding_that_does_not_repeat_says_so() -> None:
    text = finding_text(finding(replays_alike=3), width=200)
    assert "UNSTABLE, 3 of 5 replays alike" in text


def test_a_finding_that_was_not_minimised_to_the_end_says_so() -> None:
    text = finding_text(finding(is_minimal=False, tries=200), width=200)
    assert "minimised to 3 in 200 tries, the most work that is spent on one; seen" in text
    several = finding(rules=(Invariant.LOST_PUT, Invariant.LOST_MARK))
    assert "seen 2 times in 4 cases, as lost-put, lost-mark; replayed" in finding_text(
        several, width=200
    )
    late = finding(is_minimal=False, is_late=True, tries=12, most_tries=200)
    assert minimised(late) == (
        "9 operations, minimised to 3 in 12 of at most 200 tries, then its time was over"
    )
    heavy = finding(is_minimal=False, tries=12, most_tries=200)
    assert minimised(heavy).endswith(
        "minimised to 3 in 12 of at most 200 tries, the most work that is spent on one"
    )
    unbegun = finding(is_minimal=False, is_late=True, tries=0)
    assert minimised(unbegun) == "3 operations, not minimised, since its time was over"
    assert minimised(finding(most_tries=200)) == "9 operations, minimised to 3 in 41 tries"
    same = finding(operations=9, most_tries=200)
    assert minimised(same) == "9 operations, none left out in 41 tries"
    text = finding_text(finding(is_minimal=False, tries=0, operations=9))
    assert "9 operations; seen" in text


def test_a_finding_that_was_never_replayed_does_not_claim_it() -> None:
    assert "not replayed" in finding_text(finding(replays=0, replays_alike=0))


def test_later_crashes_and_other_violations_are_told() -> None:
    text = finding_text(
        finding(
            landings=(landing(), landing(boot=2, kept_bytes=3)),
            violations=(violation(), violation(invariant=Invariant.ORDER, where="boot 2")),
        )
    )
    assert "then      boot 2, within event 14" in text
    assert "also      order (boot 2): an acknowledged record" in text


def test_a_crash_behind_the_boot_that_showed_it_is_left_out() -> None:
    crashes = tuple(landing(boot=boot) for boot in (1, 2, 4))
    told = finding_text(finding(landings=crashes, violations=(violation(where="boot 3"),)))
    assert "boot 2, within event 14" in told
    assert "boot 4, within" not in told
    assert "then      boot 3 showed it" in told


def test_what_needs_no_crash_was_seen_in_cases_without_one_as_well() -> None:
    told = finding_text(finding(is_plain=True, landings=()), width=200)
    assert "seen 2 times in 4 cases, those without a crash included; replayed" in told


def test_a_case_without_a_crash_is_told_as_such() -> None:
    assert "crash     none recorded\n" in finding_text(finding(landings=()))
    rot = finding(landings=(), violations=(violation(invariant=Invariant.SILENT_ROT),))
    assert "crash     none recorded; files were damaged at rest\n" in finding_text(rot)


def test_blocks_without_content_are_left_out() -> None:
    text = finding_text(finding(violations=(violation(allowed="", found=""),)))
    assert "allowed" not in text
    assert "found" not in text


def test_a_subject_cannot_write_to_the_terminal() -> None:
    hostile = violation(message="\x1b[2J\nPASS  all is well", found="\r\x1b]0;title\x07")
    text = finding_text(finding(violations=(hostile,)))
    assert all(line.isprintable() for line in text.split("\n"))
    assert not any(line.startswith("PASS") for line in text.split("\n"))


def test_long_lines_are_wrapped_but_not_the_commands() -> None:
    text = finding_text(
        finding(
            scenario_path="a directory/" + "deep/" * 20 + "torn tail.toml",
            violations=(violation(message="gone " * 60),),
        ),
        width=60,
    )
    *others, origin, read = text.split("\n")
    assert all(len(line) <= 60 for line in [*others, read])
    assert shlex.split(origin)[3].endswith("torn tail.toml")


def test_commands_name_the_runs_directory_where_it_is_another() -> None:
    text = finding_text(finding(), runs="my runs")
    assert "walcrash replay F-7c1e --runs 'my runs'" in text
    assert "--case 1 --runs 'my runs'" in text
    assert "walcrash explain F-7c1e --runs 'my runs'" in text


def test_what_a_probe_found_is_shown_again_by_that_probe() -> None:
    text = finding_text(finding(origin="probe duckdb --cases 8 --images 30"), runs="my runs")
    line = "origin    walcrash probe duckdb --cases 8 --images 30 --seed 3f9c2ab --runs 'my runs'"
    assert line in text


def test_nobody_who_reads_the_story_is_told_how_to_read_it() -> None:
    assert "walcrash explain" not in finding_text(finding(), is_read=True)


def test_a_finding_before_the_first_acknowledgement_is_labelled_as_a_half_made_store() -> None:
    assert "A half-made store: no record had been" in finding_text(finding(is_before_promise=True))
    assert "half-made" not in finding_text(finding())


def test_a_finding_that_needs_a_clock_that_goes_back_says_so() -> None:
    assert "wall clock that goes back" not in " ".join(finding_text(finding()).split())
    text = " ".join(finding_text(finding(is_clock_back=True)).split())
    assert "Clock: it needs a wall clock that goes back." in text


def test_each_power_loss_is_told_with_its_own_model() -> None:
    """A case that was not minimised may have lost its power twice, once by a stricter model."""
    lost = {"is_power_loss": True, "placement": Placement.AFTER}
    landings = (
        landing(**lost, loss="everything kept (ext4)", model=PersistenceModel.EXT4),
        landing(**lost, boot=2, loss="nothing kept (posix)", model=PersistenceModel.POSIX),
        # As an older version kept it.
        landing(**lost, boot=3, loss="nothing kept (posix)"),
        landing(boot=4),
    )
    text = finding_text(finding(landings=landings, model=PersistenceModel.POSIX), width=200)
    lines = [line for line in text.splitlines() if line.startswith(("  crash", "  then      boot"))]
    assert [line.rpartition("(")[2] for line in lines] == ["ext4)", "posix)", "posix)", "kill)"]
