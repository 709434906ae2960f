"""How many findings a planted bug comes to is counted on every seed; two are a fault of ours."""

import json
from pathlib import Path

import pytest
from report_lines import finding

from walcrash.report.causes_text import causes_text, publish_causes, read_causes
from walcrash.report.planted_page import Page
from walcrash.tools import planted_causes
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.finding import Finding
from walcrash.values.made import Made
from walcrash.values.planted import Planted, PlantedCauses, SeenFinding
from walcrash.values.verdict import Invariant

BUG = Planted(
    name="bug",
    invariant=Invariant.LOST_PUT,
    needs="a kill",
    within_cases=40,
    path=Path("bug.toml"),
)


MADE = Made(
    command="walcrash selftest --causes --seeds 2", commit="abc1234", processors=2, load=0.5
)


def causes(
    *ids: str, name: str = "bug", commit: str = "abc1234", seconds: float | None = None
) -> PlantedCauses:
    """Return the findings of a bug; a text of ids for each seed."""
    seeds = tuple(
        tuple(SeenFinding(id=each, invariant=Invariant.LOST_PUT) for each in text.split())
        for text in ids
    )
    return PlantedCauses(name=name, seeds=seeds, commit=commit, seconds=seconds)


@pytest.mark.parametrize(
    ("found", "is_one", "ids"),
    [
        (causes("F-a", "F-a"), True, ("F-a",)),
        (causes("F-b", "", "F-a", "F-a"), True, ("F-a", "F-b")),
        (causes("F-a", "F-a F-b"), False, ("F-a", "F-b")),
        (causes("", ""), False, ()),
    ],
)
def test_a_bug_is_one_finding_on_each_seed_that_shows_it(
    found: PlantedCauses, is_one: bool, ids: tuple[str, ...]
) -> None:
    assert (found.is_one, found.ids) == (is_one, ids)
    code = ExitCode.PASSED if is_one else ExitCode.HARNESS_FAULT
    assert publish_causes([causes("F-a"), found], as_json=False) is code


def test_the_table_has_the_findings_of_each_seed_and_says_how_many_bugs_are_one() -> None:
    text = causes_text([causes("F-a", "F-a", ""), causes("F-a F-b", "F-c", "F-d")])
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert rows[1:3] == [
        "bug lost-put 1 1 0 1 F-a",
        "bug lost-put 2 1 1 4 F-a F-b F-c and 1 more",
    ]
    assert rows[-1] == "FAIL 1 of 2 planted bugs are one finding, 1 with one id, on 3 seeds"
    assert causes_text([causes("F-a", "F-b")]).endswith(
        "PASS  1 of 1 planted bug are one finding, 0 with one id, on 2 seeds"
    )


def test_json_has_every_finding_and_nothing_found_is_no_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert publish_causes([causes("F-a F-b")], as_json=True) is ExitCode.HARNESS_FAULT
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["is_one"], one["ids"]) == (False, ["F-a", "F-b"])
    assert (one["name"], one["commit"]) == ("bug", "abc1234")
    assert one["seeds"] == [[{"id": each, "invariant": "lost-put"} for each in one["ids"]]]
    assert publish_causes([], as_json=True) is ExitCode.HARNESS_FAULT


def test_each_seed_is_a_campaign_and_right_subjects_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, str, int]] = []

    def planted_findings(
        chosen: tuple[Planted, ...], *, seed: str, most_cases: int, **_: object
    ) -> list[tuple[Planted, tuple[Finding, ...]]]:
        asked.extend((bug.name, seed, most_cases) for bug in chosen)
        return [(bug, (finding(),)) for bug in chosen]

    monkeypatch.setattr(planted_causes, "planted_findings", planted_findings)
    right = Planted(name="right", invariant=None, needs="", within_cases=9, path=BUG.path)
    (found,) = planted_causes.run_causes([BUG, right], seeds=2, job_count=1, commit="abc1234")
    assert (found.name, found.seen, found.commit) == ("bug", 2, "abc1234")
    assert asked == [("bug", "0", 20), ("bug", "1", 20)]


def test_what_runs_in_parts_wrote_is_read_again_and_the_last_part_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again, other = causes("F-a F-b"), causes("F-a"), causes("F-a", seconds=30.0)
    parts = []
    for number, results in enumerate(([first, other], [again])):
        publish_causes(results, as_json=True)
        parts.append(tmp_path / f"{number}.json")
        parts[-1].write_text(capsys.readouterr().out)
    assert read_causes([str(part) for part in parts]) == [again, other]
    parts[0].write_text("{}")
    for path in (parts[0], tmp_path / "none.json"):
        with pytest.raises(UsageError, match=path.name):
            read_causes([str(path)])


def test_a_page_says_how_it_was_made_and_has_a_table_for_each_budget(tmp_path: Path) -> None:
    path = tmp_path / "causes.md"
    results = [
        causes("F-a", "F-a"),
        causes("F-b", "F-c", name="other", commit="def5678"),
        causes("F-a", "F-a", seconds=30.0),
        causes("F-b", "F-b", name="other", seconds=30.0),
    ]
    page = Page(path=str(path), made=MADE)
    assert publish_causes(results, as_json=False, page=page) is ExitCode.PASSED
    text = path.read_text()
    assert text.startswith("# What one planted bug comes to\n\nMade by ")
    assert f"`{MADE.command}` at commit abc1234, on 2 processors with a load of 0.5." in text
    assert "It was run in parts, a row each: 3 at abc1234, 1 at def5678." in text
    assert "2 of 2 planted bugs are one finding, 1 with one id, on 2 seeds\n" in text
    assert "2 of 2 planted bugs are one finding, 2 with one id, on 2 seeds of 30 seconds\n" in text
    assert text.endswith("\n\n1 of the 2 bugs in several tables have one id\n```\n")
    nowhere = Page(path=str(tmp_path / "none" / "causes.md"), made=MADE)
    with pytest.raises(UsageError, match="the page cannot be written to"):
        publish_causes(results, as_json=False, page=nowhere)
