"""What a validation concludes from a row, and the table in its three forms."""

import json
import re
from collections.abc import Iterable

import pytest
from command import ROOT

from walcrash.report.validation_text import (
    place_of,
    publish_validation,
    validation_json,
    validation_markdown,
    validation_text,
)
from walcrash.scenario.file import shipped_directory
from walcrash.tools.validate import TABLE, at_most, choose_rows, read_documented
from walcrash.values.contract import Acknowledges, Contract, PersistenceModel, Promise
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.probe import Probe, ProbedCrash, ProbedPromise
from walcrash.values.validation import COLUMNS, Agreement, Documented, ValidatedRow, verdict_of
from walcrash.values.verdict import Verdict

ALL, PREFIX, NONE = Promise.ALL, Promise.PREFIX, Promise.NONE
KNOWN = (
    PersistenceModel.KILL,
    PersistenceModel.ORDERED,
    PersistenceModel.EXT4,
    PersistenceModel.POSIX,
)
"""The columns of the rows below; a table may have more."""


def documented(*keeps: Promise) -> Documented:
    return Documented(
        subject="mylog,sync=x|y",
        acknowledges=Acknowledges.APPEND,
        keeps=dict(zip(KNOWN, keeps, strict=False)),
        says="keeps what it says",
        because="the rename is not synced",
    )


def probed(*kept: Promise | None) -> Probe:
    """Return a probe that found this for each column; what is None was not tried."""
    promises = []
    assert len(kept) == len(KNOWN)
    for model, promise in zip(KNOWN, kept, strict=True):
        crash = ProbedCrash.KILL if model is PersistenceModel.KILL else ProbedCrash.POWER
        tried = () if promise is None else (ALL, PREFIX)
        for each in tried:
            is_kept = each is promise
            promises.append(
                ProbedPromise(
                    acknowledges=Acknowledges.APPEND,
                    crash=crash,
                    model=model,
                    promise=each,
                    verdict=Verdict.PASS if is_kept else Verdict.FAIL,
                    cases=5,
                    images=50,
                )
            )
            if is_kept:
                break
    return Probe(subject="mylog", seed="7", stated=Contract(), promises=tuple(promises))


def row(known: Iterable[Promise], found: Iterable[Promise | None]) -> ValidatedRow:
    return ValidatedRow(documented=documented(*known), probe=probed(*found))


SAME = row((ALL, ALL, PREFIX, PREFIX), (ALL, ALL, PREFIX, PREFIX))
WEAKER = row((ALL, ALL, ALL, ALL), (ALL, ALL, ALL, PREFIX))
STRONGER = row((ALL, ALL, ALL, NONE), (ALL, ALL, ALL, ALL))
OPEN = row((ALL, ALL, ALL, ALL), (ALL, ALL, ALL, None))
MISSING = ValidatedRow(
    documented=documented(ALL, ALL, ALL, ALL), probe=None, missing="needs the package `mylog`"
)


@pytest.mark.parametrize(
    ("found", "agreement"),
    [
        (SAME, Agreement.AGREES),
        (WEAKER, Agreement.WEAKER),
        (STRONGER, Agreement.STRONGER),
        (OPEN, Agreement.OPEN),
        (MISSING, Agreement.MISSING),
    ],
)
def test_a_row_stands_as_its_worst_column(found: ValidatedRow, agreement: Agreement) -> None:
    assert found.agreement is agreement


def test_a_row_that_is_weaker_in_one_column_and_stronger_in_another_is_weaker() -> None:
    found = row((PREFIX, ALL, ALL, ALL), (ALL, ALL, ALL, NONE))
    assert found.agreement is Agreement.WEAKER


def test_posix_is_held_against_nothing_where_nothing_is_said_of_it() -> None:
    found = row((ALL, ALL, ALL), (ALL, ALL, ALL, PREFIX))
    assert found.agreement is Agreement.AGREES
    assert "| **prefix** | " in validation_markdown((found,), "7")


def test_a_table_is_green_only_if_every_row_agrees() -> None:
    assert verdict_of((SAME, SAME)) is Verdict.PASS
    assert verdict_of((SAME, STRONGER)) is Verdict.INCONCLUSIVE
    assert verdict_of((SAME, MISSING)) is Verdict.INCONCLUSIVE
    assert verdict_of((SAME, MISSING, WEAKER)) is Verdict.FAIL
    assert verdict_of(()) is Verdict.INCONCLUSIVE


def test_the_text_shows_what_is_documented_where_it_differs() -> None:
    text = validation_text((SAME, WEAKER, MISSING), "7")
    assert "prefix (all)" in text
    assert "missing   needs the package `mylog`" in text
    assert text.endswith("FAIL  1 of 3 rows agree with what is documented")


def test_the_markdown_has_a_row_each_and_escapes_bars() -> None:
    text = validation_markdown((SAME, WEAKER), "7")
    assert text.count("`mylog,sync=x\\|y`") == 2
    assert "**prefix**" in text
    assert "1 of 2 rows agree" in text


def test_the_json_has_what_is_documented_beside_what_was_kept() -> None:
    found = json.loads(json.dumps(validation_json((WEAKER,), "7")))
    assert found["verdict"] == "fail"
    assert (found["rows"][0]["documented"]["posix"], found["rows"][0]["kept"]["posix"]) == (
        "all",
        "prefix",
    )


def test_the_exit_code_is_that_of_the_worst_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert publish_validation([SAME], form="text", seed="7") is ExitCode.PASSED
    assert publish_validation([WEAKER], form="json", seed="7") is ExitCode.FINDINGS
    assert publish_validation([], form="markdown", seed="7") is ExitCode.INCONCLUSIVE
    assert capsys.readouterr().out


def test_every_row_of_the_shipped_table_is_whole_and_said_once() -> None:
    rows = read_documented(shipped_directory() / "engines" / TABLE)
    order = list(Promise)
    for each in rows:
        ranks = [order.index(each.keeps[model]) for model in COLUMNS[1:] if model in each.keeps]
        assert ranks == sorted(ranks), f"{each.subject}: a weaker model keeps no more"
        is_all_kept = all(promise is ALL for promise in each.keeps.values())
        assert is_all_kept or each.because, f"{each.subject}: say why something is not kept"
    names = [(each.subject, each.acknowledges) for each in rows]
    assert len(set(names)) == len(names)


def test_rows_are_chosen_by_the_beginning_of_their_subject() -> None:
    chosen = choose_rows(("sqlite",), is_short=False)
    assert {each.subject.split(",")[0] for each in chosen} == {"sqlite"}
    assert all(each.is_short for each in choose_rows((), is_short=True))
    with pytest.raises(UsageError, match="the short table has no row for `atomic-file`") as none:
        choose_rows(("sqlite", "atomic-file"), is_short=True)
    assert none.value.hint == "walcrash validate atomic-file"
    with pytest.raises(UsageError, match="there is no row for `nosuch`"):
        choose_rows(("nosuch",), is_short=False)


def test_a_row_bounds_what_it_asks_for_only_where_it_says_so() -> None:
    assert (at_most(8, 0), at_most(8, 4), at_most(3, 4)) == (8, 4, 3)


def test_a_scenario_is_printed_by_the_path_at_which_a_reader_finds_it() -> None:
    assert place_of("../drivers/classic-level-kill.toml") == (
        "scenarios/drivers/classic-level-kill.toml"
    )
    assert place_of("sqlite,synchronous=normal") == "sqlite,synchronous=normal"
    published = (ROOT / "reports" / "validation.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([^`]*\.toml)`", published, re.MULTILINE)
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []
