"""The HTML report in a real browser: keys, mouse, dark, narrow, without scripts, without a network.

It needs Debian's chromium and the extra `browser`; WALCRASH_EXPECT_TOOLS=1 makes a failure of
a skip.
"""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from needs import lacking

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from report_lines import finding, run_of, story

from walcrash.report.html import html_report
from walcrash.report.run_report import RunReport
from walcrash.values.contract import PersistenceModel
from walcrash.values.history import BootEnd
from walcrash.values.moments import Placement
from walcrash.values.story import Aspect, Durability, Fate, PathState, Story, StoryCrash

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\x1b.log"

LIGHT_BACK, DARK_BACK = "rgb(255, 255, 255)", "rgb(15, 20, 25)"
LEAST_CONTRAST = 4.5
"""Text against what is behind it: WCAG 2.2, success criterion 1.4.3."""


def powered() -> Story:
    """The story of a power loss: the last append is gone, in a second boot's place."""
    crash = StoryCrash(
        event=14,
        placement=Placement.AFTER,
        kept_bytes=0,
        model=PersistenceModel.EXT4,
        fates=(Fate(1, 11, 0, Aspect.DATA, False, (), ((104, 208),)),),
        fate_count=1,
        states=(PathState(0, Durability.DURABLE, 104, 104),),
    )
    boot = replace(story().boots[0], crash=crash, end=BootEnd.POWER_LOST)
    return story(boots=(boot,))


@dataclass
class Seen:
    """A page, and what the browser said of it."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if shutil.which(CHROMIUM) is None:
        lacking(f"there is no {CHROMIUM}: apt-get install chromium")
    if importlib.util.find_spec("playwright") is None:
        lacking("there is no playwright: pip install 'walcrash[browser]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def seen(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """The page of three findings, as the test's parameters ask for it."""
    told = [
        (finding(id="F-1"), story()),
        (finding(id="F-2"), powered()),
        (finding(id="F-3"), story(paths=(HOSTILE,))),
    ]
    path = tmp_path / "report.html"
    path.write_text(html_report(RunReport.of(run_of(*told))), encoding="utf-8")
    context = browser.new_context(**getattr(request, "param", {}))
    result = Seen(context.new_page())
    result.page.on("console", lambda message: result.said.append(message.text))
    result.page.on("pageerror", lambda error: result.said.append(str(error)))
    result.page.on("dialog", lambda dialog: result.said.append(dialog.message))
    result.page.on("request", lambda asked: result.asked.append(asked.url))
    result.page.goto(path.as_uri())
    yield result
    context.close()
    assert result.said == []
    assert [url for url in result.asked if url != path.as_uri() and url != "data:,"] == []


def slider(seen: Seen, name: str) -> Any:
    return seen.page.locator(f"#{name} [role=slider]")


def at(seen: Seen, name: str) -> str:
    return f"{slider(seen, name).get_attribute('aria-valuenow')} of 6"


def test_each_finding_has_a_timeline_that_begins_at_its_crash(seen: Seen) -> None:
    assert seen.page.locator("[role=slider] svg").count() == 3
    assert at(seen, "F-1") == "6 of 6"
    shown = seen.page.locator("#F-2 output").text_content()
    assert shown.startswith("6 of 6: boot 1: the power was lost after event 14 (ext4). of 1 pend")


def test_keys_go_from_finding_to_finding_and_from_event_to_event(seen: Seen) -> None:
    page = seen.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('article').id") == "F-2"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert at(seen, "F-2") == "4 of 6"
    assert slider(seen, "F-2").get_attribute("aria-valuetext") == (
        "event 13: acknowledged, offset 104"
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    assert at(seen, "F-2") == "1 of 6"
    page.keyboard.press("ArrowLeft")
    assert at(seen, "F-2") == "1 of 6"
    page.keyboard.press("End")
    assert at(seen, "F-2") == "6 of 6"
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('article').id") == "F-1"
    assert at(seen, "F-1") == "6 of 6"
    page.keyboard.press("Control+ArrowLeft")
    assert at(seen, "F-1") == "6 of 6"


def test_buttons_the_timeline_and_the_table_can_be_clicked(seen: Seen) -> None:
    page = seen.page
    page.locator("#F-1").get_by_role("button", name="One event back").click()
    assert at(seen, "F-1") == "5 of 6"
    page.locator("#F-1").get_by_role("button", name="First event").click()
    assert at(seen, "F-1") == "1 of 6"
    assert page.locator("#F-1").get_by_role("button", name="One event back").is_disabled()
    wide = page.locator("#F-1 svg .now").bounding_box()["width"]
    slider(seen, "F-1").locator("svg").click(position={"x": 6 + 2.5 * wide, "y": 50})
    assert at(seen, "F-1") == "3 of 6"
    page.locator("#F-1 summary").click()
    row = page.locator("#F-1 tr", has_text="acknowledged, offset 104")
    row.click()
    assert at(seen, "F-1") == "4 of 6"
    assert row.get_attribute("class") == "a now"


def test_pending_durable_lost_and_acknowledged_are_drawn(seen: Seen) -> None:
    for style in (".durable", ".pending", ".lost", ".ack", ".crash"):
        assert seen.page.locator(f"#F-2 svg {style}").count() > 0, style
    assert seen.page.locator("#F-1 svg .lost").count() == 0


def test_a_hostile_name_is_shown_and_not_run(seen: Seen) -> None:
    assert seen.page.title() == "walcrash: fail"
    assert seen.page.locator("img").count() == 0
    shown = seen.page.locator("#F-3 svg").text_content()
    assert "<script>document.title" in shown


@pytest.mark.parametrize(
    ("seen", "back"),
    [({"color_scheme": "light"}, LIGHT_BACK), ({"color_scheme": "dark"}, DARK_BACK)],
    indirect=["seen"],
)
def test_every_text_stands_out_from_what_is_behind_it(seen: Seen, back: str) -> None:
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == back
    seen.page.locator("#F-2 summary").click()
    assert seen.page.evaluate(WORST_CONTRAST) >= LEAST_CONTRAST


@pytest.mark.parametrize("seen", [{"viewport": {"width": 400, "height": 800}}], indirect=True)
def test_nothing_is_wider_than_a_narrow_window(seen: Seen) -> None:
    seen.page.locator("#F-1 summary").click()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("seen", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_all_steps_are_there_as_a_table(seen: Seen) -> None:
    assert seen.page.locator("[role=slider]").count() == 0
    row = seen.page.locator("#F-2 tr", has_text="write wal.log, bytes 104-207")
    assert row.is_visible()
    assert "bytes 104-207 pending" in row.inner_text()
    assert seen.page.locator("#F-2 tr.x").is_visible()
    assert not seen.page.locator(".help").is_visible()


def test_all_that_can_be_used_is_reached_by_tab_and_has_a_name(seen: Seen) -> None:
    page = seen.page
    names = []
    for _ in range(40):
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED_NAME))
    assert "To the findings" in names
    assert "Timeline of F-1" in names
    assert "One event back" in names
    assert all(names)
    assert page.locator("h1").count() == 1


FOCUSED_NAME = """() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") || one.textContent.trim() || one.tagName;
}"""

WORST_CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (colour.startsWith("rgb") && parse(colour)[3] !== 0) return parse(colour);
    }
    return [255, 255, 255];
  };
  let worst = 99;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const isDrawn = node.closest("svg, script, button:disabled, .hit");
    if (!walker.currentNode.data.trim() || isDrawn || !node.checkVisibility()) continue;
    const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    worst = Math.min(worst, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
  }
  return worst;
}"""
