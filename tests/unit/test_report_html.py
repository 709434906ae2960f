"""The HTML report: what it says, what it never lets through, how large it gets."""

import html.parser
import json
import re
from dataclasses import replace

from report_lines import (
    ended,
    failing_run,
    finding,
    landing,
    passing_run,
    run_of,
    scenario_ended,
    scenario_started,
    started,
    story,
    violation,
)

from walcrash.report.html import PAGE_BYTES, html_report
from walcrash.report.html_story import fewer, step_rows
from walcrash.report.run_report import RunReport
from walcrash.values.event import EventKind
from walcrash.values.history import Outcome
from walcrash.values.log import FindingReported, LogLine
from walcrash.values.story import (
    STEPS_SHOWN,
    TEXT_CHARACTERS,
    Durability,
    PathState,
    Step,
    Story,
    StoryCall,
)
from walcrash.values.verdict import Verdict

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00\x1b[2J\u202e\udc80"
)


def page(lines: list[LogLine]) -> str:
    return html_report(RunReport.of(lines))


class Tags(html.parser.HTMLParser):
    """Counts the tags of a page and keeps its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(page: str) -> str:
    return " ".join(" ".join(Tags(page).words).split())


def test_it_tells_verdict_totals_seed_and_each_scenario() -> None:
    text = text_of(page(failing_run()))
    assert "walcrash fail" in text
    assert "1 finding in 8 cases, 8 boots, 24 recoveries, 240 events." in text
    assert "seed 3f9c2ab" in text
    assert "quickstart pass 4 4 12 120 0" in text
    assert "torn-tail fail 4 4 12 120 1" in text


def test_a_run_without_findings_says_so() -> None:
    text = text_of(page(passing_run()))
    assert "walcrash pass No findings in 4 cases" in text
    assert "Findings None." in text


def test_the_matrix_tells_kills_from_power_losses_and_shows_what_was_never_reached() -> None:
    lines = failing_run()
    text = text_of(page(lines))
    assert "write never 8 never never never never" in text
    assert "rename never - never never - never" in text
    assert "1 of 82 cells were reached" in text


def test_a_finding_has_its_crash_its_steps_its_bytes_and_its_commands() -> None:
    text = text_of(page(failing_run()))
    for part in (
        "crash boot 1, within event 14: write wal.log, 104 bytes at 208, bytes 0-19 kept (kill)",
        "11 write wal.log, bytes 104-207 wal.log: size 208, durable 104; bytes 104-207 pending",
        "13 acknowledged, offset 104",
        "(10 events left out)",
        "boot 1: killed within event 14, when 20 bytes of it had reached memory",
        "wal.log: 312 bytes written, 228 found",
        "- 224 e0e1e2e3 e4e5e6e7",
        "first recovery 1 record; checkpoint 0, applied 0; PutOperation op-1 at 104",
        "broken lost-put: every acknowledged PutOperation is there after recovery",
        "taken the rest of a write that a kill interrupted",
        "walcrash replay F-7c1e",
        "walcrash run scenarios/torn-tail.toml --seed 3f9c2ab --case 1",
    ):
        assert part in text, part


def test_what_the_timeline_is_drawn_from_is_in_the_rows() -> None:
    told = story(
        paths=("wal.log", "new", "old"),
        boots=(
            replace(
                story().boots[0],
                steps=(
                    Step(
                        0,
                        0,
                        EventKind.WRITE,
                        0,
                        states=(
                            PathState(0, Durability.NEW, 228, 208, ((0, 9), (208, 228))),
                            PathState(1, Durability.ABSENT),
                            PathState(2, Durability.DURABLE, 7, 7),
                        ),
                    ),
                ),
            ),
        ),
    )
    (row,) = [row for row in step_rows(told, 64) if row.states]
    assert row.states == "0n228,208,0-9+208-228;1a;2d7,7"


def test_a_finding_without_a_story_is_told_without_one() -> None:
    text = text_of(page(run_of((finding(replays_alike=3), None))))
    assert "story none: no replay showed it" in text
    assert "UNSTABLE, 3 of 5 replays alike" in text


def test_a_log_that_ends_too_early_is_no_pass() -> None:
    text = text_of(page(passing_run()[:-1]))
    assert "walcrash inconclusive" in text
    assert "stopped the log ends before the run did" in text


def hostile_run() -> list[LogLine]:
    calls = (StoryCall(1, HOSTILE[:TEXT_CHARACTERS], Outcome.REFUSED, error=HOSTILE),)
    steps = (Step(0, 1, EventKind.EFFECT, text=HOSTILE), Step(1, 1, EventKind.WRITE, 0))
    told = story(paths=(HOSTILE,), boots=(replace(story().boots[0], calls=calls, steps=steps),))
    told = replace(told, recoveries=(replace(told.recoveries[0], where=HOSTILE, failure=HOSTILE),))
    broken = violation(message=HOSTILE, where=HOSTILE, allowed=HOSTILE, found=HOSTILE)
    bad = finding(
        scenario=HOSTILE,
        scenario_path=HOSTILE,
        master_seed=HOSTILE,
        violations=(broken, broken),
        landings=(landing(path=HOSTILE, path_to=HOSTILE, is_power_loss=True, loss=HOSTILE),),
    )
    unknown = replace(told, unknown=HOSTILE)
    return [
        started(HOSTILE, seed=HOSTILE),
        replace(scenario_started(HOSTILE), subject=HOSTILE),
        FindingReported(finding=bad, story=told),
        FindingReported(finding=replace(bad, id="F-2", is_portability=True), story=unknown),
        scenario_ended(HOSTILE, 4, 1, reason=HOSTILE, verdict=Verdict.INCONCLUSIVE),
        ended(Verdict.FAIL, 4),
    ]


def test_nothing_that_a_subject_says_becomes_markup() -> None:
    hostile, plain = Tags(page(hostile_run())), Tags(page(failing_run()))
    assert hostile.found.count("script") == 1 == plain.found.count("script")
    assert "img" not in hostile.found
    assert not [name for name, _ in hostile.attributes if name.startswith("on")]
    assert "alert(1)" in " ".join(hostile.words)


def test_no_character_that_a_reader_would_not_see_is_in_the_page() -> None:
    text = page(hostile_run())
    assert [c for c in set(text) if not c.isprintable() and c != "\n"] == []
    text.encode("utf-8")


def test_the_page_names_no_other_place_and_allows_no_other_script() -> None:
    text = page(failing_run())
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]+)""", text)
    assert all(link.startswith(("#", "data:", "${id}")) for link in links), links
    assert "default-src 'none'" in text
    assert "unsafe-inline" not in text
    assert " style=" not in text.partition("<script>")[0]


def test_the_same_lines_give_the_same_page() -> None:
    assert page(failing_run()) == page(failing_run())


def busy_story() -> Story:
    """A story at its limits: nothing that a campaign reports is larger in the page."""
    paths = tuple(f"{number:02}-{'p' * (TEXT_CHARACTERS - 3)}" for number in range(24))
    states = tuple(PathState(at, Durability.REPLACED, 10**6, 10**5, ((1, 2),) * 8) for at in (0, 1))
    steps = tuple(
        Step(at, at // 2, EventKind.WRITE, at % 24, at, 9, states) for at in range(STEPS_SHOWN)
    )
    calls = tuple(
        StoryCall(at, "c" * TEXT_CHARACTERS, Outcome.ACKNOWLEDGED, at) for at in range(32)
    )
    boot = replace(story().boots[0], steps=steps, calls=calls)
    return story(paths=paths, boots=(boot,))


def test_a_page_of_a_hundred_findings_is_small_and_says_what_it_left_out() -> None:
    plain = [(finding(id=f"F-{at:06x}"), story()) for at in range(100)]
    text = page(run_of(*plain))
    assert len(text.encode()) < PAGE_BYTES
    assert "stays small" not in text
    busy = [(finding(id=f"F-{at:06x}"), busy_story()) for at in range(100)]
    text = page(run_of(*busy))
    assert len(text.encode()) < PAGE_BYTES
    assert "So that this page stays small" in text


def test_what_is_left_out_in_the_middle_is_in_the_states_of_what_follows() -> None:
    one, other = (PathState(at, Durability.DURABLE, 1, 1) for at in (0, 1))
    newer = PathState(0, Durability.DURABLE, 2, 2)
    steps = tuple(
        Step(at, 0, EventKind.FSYNC, states=given)
        for at, given in enumerate([(), (one,), (other,), (newer,), (), (), ()])
    )
    shown = fewer(steps, 4)
    assert [step.event for step in shown] == [0, 4, 5, 6]
    assert shown[1].states == (newer, other)


def test_the_names_for_the_timeline_are_json() -> None:
    texts = [value for key, value in Tags(page(hostile_run())).attributes if key == "data-p"]
    assert len(texts) == 2
    assert all(isinstance(json.loads(text or ""), list) for text in texts)
