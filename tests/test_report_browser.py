"""The report in a real browser: it opens, filters, shows an episode, and asks nobody anything."""

import base64
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.envs.mobile.devices.browser import Browser, find_chromium
from gym_reason.errors import RunError
from gym_reason.records import dump_line
from gym_reason.report import build_report
from gym_reason.types import Message, Trajectory
from tests.report_browser import ReportPage
from tests.test_report import ANSWER, SUMMARY, make_run, rl_row
from tests.test_report_episodes import ATTACK, make_episode

try:
    find_chromium()
except RunError as error:
    pytest.skip(f"no browser: {error}", allow_module_level=True)


@pytest.fixture(scope="module")
def tab() -> Iterator[ReportPage]:
    browser = Browser(opens_files=True)
    yield ReportPage(browser)
    browser.close()


@pytest.fixture
def page(tab: ReportPage) -> ReportPage:
    """Return the tab as it is at a desk; each test loads the report anew."""
    tab.resize(1280, 900)
    return tab


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a run with 300 episodes, one of them an attack with a picture."""
    folder = tmp_path_factory.mktemp("report")
    rows = [
        rl_row(
            step,
            parts={"answer": step / 20, "format": 1.0},
            accuracy_error=0.05,
            reward_error=0.05,
            length_low=5.0,
            length_high=40.0,
            outcomes={"pass": step, "fail": 20 - step},
        )
        for step in range(1, 20)
    ]
    run = make_run(folder / "run", rows, SUMMARY, {"after": [ANSWER]})
    (run / "trajectories").mkdir()
    episodes: list[Trajectory] = [make_episode(n, f"answer {n}", n % 3 > 0) for n in range(299)]
    attack = make_episode(299, ATTACK + "y" * 1_000_000, correct=False)
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    prompt = (Message("user", ATTACK, (png,)),)
    task = dataclasses.replace(attack.task, prompt=prompt)
    advantages = {"advantages": [[0.0, 0.0, 0.0, -1.0, 0.5, 1.0]]}
    episodes.append(dataclasses.replace(attack, task=task, meta=advantages))
    file = io.BytesIO()
    for one in episodes:
        file.write(dump_line(one))
    (run / "trajectories" / "rl-000001.jsonl").write_bytes(file.getvalue())
    return build_report([run], folder / "report.html")


STATUS = "document.querySelector('.status').textContent"
SELECTED = "document.querySelector('.row[aria-selected=true] .title')?.textContent"
DETAIL = "document.querySelector('.inner').textContent"


def test_it_opens_without_a_complaint_or_a_request(page: ReportPage, report: Path) -> None:
    page.open(report)
    assert page.ask(STATUS) == "300 of 300 episodes, 66.3 % solved"
    assert page.ask("document.querySelectorAll('.row').length") < 40
    assert "Problem 0" in page.ask(DETAIL)
    assert page.ask("document.querySelectorAll('figure svg').length") >= 12
    page.ask("document.querySelector('.list').scrollTop = 1e6")
    page.wait("document.querySelector('.list').textContent.includes('Problem 298')")
    assert page.complaints() == []


def test_a_chart_is_read_off_where_it_is_touched(page: ReportPage, report: Path) -> None:
    page.resize(360, 740)
    page.open(report)
    touch = """(() => {
      const svg = document.querySelector("figure.chart > svg");
      const box = svg.getBoundingClientRect();
      const x = box.left + box.width / 2;
      svg.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, clientX: x }));
      return document.querySelector(".read-off-line").textContent;
    })()"""
    assert page.ask(touch) == "step 9: 47.5 %"
    assert page.ask("document.querySelectorAll('.read-off').length") == 1
    assert page.complaints() == []


def test_it_filters_by_outcome_reward_and_text(page: ReportPage, report: Path) -> None:
    page.open(report)
    page.fill("outcome", "1")
    page.wait(f"{STATUS} === '199 of 300 episodes, 100.0 % solved'")
    page.fill("outcome", "all")
    page.fill("high", "0.5")
    page.wait(f"{STATUS} === '101 of 300 episodes, 0.0 % solved'")
    page.fill("text", "ANSWER 27")
    page.wait(f"{STATUS} === '5 of 300 episodes, 0.0 % solved'")  # 27, 270, 273, 276, 279
    page.fill("text", "nowhere to be found")
    page.wait(f"{STATUS} === '0 of 300 episodes'")
    assert page.ask("document.getElementById('episodes').classList.contains('nothing')")
    page.ask("document.querySelector('.filters [type=reset]').click()")
    page.wait(f"{STATUS} === '300 of 300 episodes, 66.3 % solved'")
    page.fill("order", "best")
    page.wait("document.querySelector('.row .title').textContent === 'Problem 1'")
    assert page.complaints() == []


def test_keys_go_through_the_list_and_the_address_follows(page: ReportPage, report: Path) -> None:
    page.open(report)
    page.ask("document.querySelector('.list').focus()")
    page.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
    assert page.ask(SELECTED) == "Problem 1"
    page.wait(f"{DETAIL}.includes('Problem 1')")
    page.press("End", "ArrowUp")
    assert page.ask(SELECTED) == "Problem 298"
    fragment = page.ask("location.hash")
    page.wait(f"{DETAIL}.includes('answer 298')")
    assert fragment.startswith("#t-")
    page.press("Home")
    page.ask("location.hash = '#t-unknown'")
    page.wait(f"{DETAIL}.includes('answer 0')")
    page.ask(f"location.hash = {fragment!r}")
    page.wait(f"{DETAIL}.includes('answer 298')")
    assert page.ask(SELECTED) == "Problem 298"
    assert page.complaints() == []


def test_an_address_opens_its_episode(page: ReportPage, report: Path) -> None:
    page.open(report)
    page.ask("document.querySelector('.list').focus()")
    page.press("End")
    fragment = page.ask("location.hash")
    page.call("Page.navigate", url="about:blank")
    page.open(report, fragment)
    page.wait(f"{DETAIL}.includes('alert(1)')")
    assert "img src=x" in page.ask(SELECTED)


def test_what_a_policy_wrote_is_shown_and_never_obeyed(page: ReportPage, report: Path) -> None:
    page.open(report)
    page.ask("document.querySelector('.list').focus()")
    page.press("End")
    page.wait(f"{DETAIL}.includes('alert(1)')")
    shown = page.ask(DETAIL)
    whole = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    assert whole + r"\u202e\u0000\ud800" in shown
    assert "more characters]" in shown
    assert "\u202e" not in shown
    assert page.ask("document.querySelectorAll('.inner script').length") == 0
    images = page.ask("Array.from(document.querySelectorAll('.inner img'), (i) => i.naturalWidth)")
    assert images == [1]
    assert page.complaints() == []


def test_tokens_are_coloured_on_demand(page: ReportPage, report: Path) -> None:
    page.open(report)
    page.ask("document.querySelector('.list').focus()")
    page.press("End")
    page.wait(f"{DETAIL}.includes('alert(1)')")
    classes = "Array.from(document.querySelectorAll('.tokens [data-at]'), (s) => s.className)"
    page.ask("document.querySelector('.views [value=logprobs]').click()")
    assert page.ask(classes) == ["p0", "p3", "p0"]
    assert page.ask("document.querySelector('.tokens .read').textContent") == "⟨1⟩⟨5⟩⟨6⟩"
    page.ask("document.querySelector('.tokens .p3').click()")
    told = page.ask("document.querySelector('.pointed').textContent")
    assert told == '"⟨8⟩", token 8 · log-probability -1.500 (22.3 %) · advantage 0.500'
    page.ask("document.querySelector('.views [value=advantages]').click()")
    assert page.ask(classes) == ["b3", "g2", "g3"]
    page.press("Home")
    page.wait(f"{DETAIL}.includes('answer 0')")
    assert page.ask("document.querySelector('.views [value=advantages]').disabled")
    assert page.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_on_a_phone(page: ReportPage, report: Path, dark: bool) -> None:
    page.resize(360, 740, dark=dark)
    page.open(report)
    assert page.ask("document.documentElement.scrollWidth") <= 360
    small = (
        "Array.from(document.querySelectorAll('main *:not(svg *)')).filter((e) => e.innerText"
        " && e.children.length === 0 && parseFloat(getComputedStyle(e).fontSize) < 12).length"
    )
    assert page.ask(small) == 0
    visible = "getComputedStyle(document.querySelector({!r})).display !== 'none'"
    assert page.ask(visible.format(".list"))
    assert not page.ask(visible.format(".panes .detail"))
    page.ask("document.querySelector('.row').click()")
    page.wait(visible.format(".panes .detail"))
    assert not page.ask(visible.format(".list"))
    assert page.ask("document.documentElement.scrollWidth") <= 360
    page.ask("document.querySelector('.back').click()")
    assert page.ask(visible.format(".list"))
    # Text and what is behind it: WCAG's contrast for normal text is 4.5.
    assert page.ask(CONTRAST) >= 4.5
    assert page.complaints() == []


CONTRAST = """(() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const found = ["body", ".quiet", ".row .title", ".row .facts", ".lead"].map((one) => {
    const text = light(getComputedStyle(document.querySelector(one)).color);
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
  });
  return Math.min(...found);
})()"""
