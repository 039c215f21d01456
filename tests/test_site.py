"""The documentation as a site: the pages that are made, its links, and the whole of it offline."""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from gym_reason.cli import build_parser
from gym_reason.envs.mobile.devices.browser import Browser, find_chromium
from gym_reason.errors import RunError
from tests.report_browser import ReportPage

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def parts() -> Iterator[Any]:
    """Return how to import what the site is made with."""
    sys.path.insert(0, str(ROOT / "scripts" / "site"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "scripts" / "site"))


def test_links_lead_to_pages_of_the_site(parts: Any) -> None:
    turn = parts("links").turn_links
    assert turn("[a](x.md#y) ![b](images/z.png)", "docs", None) == "[a](x.md#y) ![b](images/z.png)"
    assert turn("[a](docs/x.md)", "", None) == "[a](x.md)"
    assert turn("[a](../CONTRIBUTING.md#style)", "docs", None) == "[a](contributing.md#style)"
    assert turn("[a](https://example.org/x.md) [b](#c)", "", None) == (
        "[a](https://example.org/x.md) [b](#c)"
    )


def test_a_source_file_is_named_where_there_is_no_address(parts: Any) -> None:
    turn = parts("links").turn_links
    assert (
        turn("[`trainers/rl/stage.py`](../trainers/rl/stage.py)", "docs", None)
        == "`trainers/rl/stage.py`"
    )
    assert turn("[kl.py](../trainers/kl.py)", "docs", None) == "`trainers/kl.py`"
    assert turn("the [fused pass](../trainers/fused)", "docs", None) == (
        "the fused pass (`trainers/fused`)"
    )
    assert turn("[kl.py](../trainers/kl.py#L3)", "docs", "https://example.org/r") == (
        "[kl.py](https://example.org/r/blob/HEAD/trainers/kl.py)"
    )


def test_code_keeps_what_looks_like_a_link(parts: Any) -> None:
    page = "```python\nx[0](docs/y.md)\n```\n[a](docs/y.md)\n"
    assert parts("links").turn_links(page, "", None) == (
        "```python\nx[0](docs/y.md)\n```\n[a](y.md)\n"
    )


def test_a_picture_gives_way_to_its_dark_one(parts: Any) -> None:
    show = parts("links").show_dark_pictures
    assert show("![a](images/x.png) ![b](images/y.png)", {"images/x-dark.png"}) == (
        "![a](images/x.png#only-light)![a](images/x-dark.png#only-dark) ![b](images/y.png)"
    )


def test_every_command_and_option_is_in_its_reference(parts: Any) -> None:
    page: str = parts("command_page").write_command_page(build_parser())
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("##")]
    assert {"train", "eval", "data rejection", "envs show"} <= set(headings)
    missing: list[str] = []

    def look(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    look(command)
            elif action.help is not argparse.SUPPRESS:
                assert action.help, f"{parser.prog} {action.dest} has no help"
                missing.extend(o for o in action.option_strings if f"`{o}" not in page)

    look(build_parser())
    assert missing == []


@dataclass(frozen=True)
class Inner:
    """A table."""

    lr: float
    """Rate of a_b."""
    kind: Literal["", "b"] = ""
    """Which."""


@dataclass(frozen=True)
class Outer:
    """A recipe."""

    name: str
    """Its name."""
    words: tuple[str, ...] = ("x", "y")
    """Some
    words."""
    limit: int | None = None
    """A limit."""
    first: Inner = field(default_factory=lambda: Inner(0.5))
    """One table."""
    second: Inner = field(default_factory=lambda: Inner(0.25, "b"))
    """Another."""
    rows: tuple[Inner, ...] = ()
    """Many."""
    numbers: Mapping[str, float] = field(default_factory=lambda: {"a": 1.0})
    """Free keys."""


def test_the_keys_of_a_recipe_come_from_its_classes(parts: Any) -> None:
    page: str = parts("recipe_page").write_recipe_page(Outer)
    for text in (
        "`name` text\n:   Its name.\n",
        '`words` list of text; default `["x", "y"]`\n:   Some words.\n',
        "`limit` whole number; default `none`\n",
        "`numbers` table; default `{a = 1.0}`\n",
        "## `[first]`\n\nOne table.\n\n`first.lr` number; default `0.5`\n:   Rate of a\\_b.\n",
        '`first.kind` one of `""`, `b`; default `""`\n',
        "## `[second]`\n\nAnother.\n\nThe keys of `[first]`, by default with `lr = 0.25` and "
        '`kind = "b"`.\n',
        "## `[[rows]]`\n\nMany.\n\nThe keys of `[first]`.\n",
    ):
        assert text in page, text


@dataclass(frozen=True)
class Bare:
    """A table with a field that nobody explains."""

    key: int = 1


def test_a_key_without_a_string_is_refused(parts: Any) -> None:
    with pytest.raises(KeyError, match=r"Bare\.key has no string under it"):
        parts("recipe_page").write_recipe_page(Bare)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, strictly."""
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_works_from_a_disk_and_asks_nobody(site: Path) -> None:
    try:
        find_chromium()
    except RunError as error:
        pytest.skip(f"no browser: {error}")
    browser = Browser(opens_files=True)
    try:
        page = ReportPage(browser)
        for name in ("index", "command", "recipe_keys", "python", "policy_gradient", "changelog"):
            page.call("Page.navigate", url=(site / f"{name}.html").as_uri())
            page.wait(f"location.pathname.endsWith('{name}.html')")
            page.wait("document.readyState === 'complete'")
            for width in (1280, 390):
                page.resize(width, 900)
                page.wait(f"document.documentElement.scrollWidth <= {width}")  # tables get wrapped
        page.ask("document.querySelector('label[for=__search]').click()")
        page.ask(
            "(() => { const box = document.querySelector('.md-search__input');"
            "box.focus(); box.value = 'unscorable';"
            "box.dispatchEvent(new Event('input', {bubbles: true}));"
            "box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true})); })()"
        )
        page.wait("document.querySelectorAll('.md-search-result__item').length > 2")
        assert page.complaints() == []
    finally:
        browser.close()
