"""What the documentation shows runs, and what it links to is there."""

import re
from pathlib import Path

import pytest

from tests.cli.commands import CommandServer
from tests.page_program import read_blocks

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
PROGRAM = ROOT / "tests" / "page_program.py"
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{name}" for name in DOCS)]
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)
ROW = '{"question": "How much is 1 + 1?", "answer": "Two.\\n#### 2"}\n'


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs(page: str, tmp_path: Path, commands: CommandServer) -> None:
    if not read_blocks((ROOT / page).read_text("utf-8")):
        return
    for name in ("exam.jsonl", "gsm8k_train.jsonl"):
        (tmp_path / name).write_text(ROW, encoding="utf-8")
    done = commands.run(str(PROGRAM), str(ROOT / page), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def list_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    anchors: set[str] = set()
    for heading in HEADING.findall(CODE.sub("", text)):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = base = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        count = 0
        while anchor in anchors:
            count += 1
            anchor = f"{base}-{count}"
        anchors.add(anchor)
    return anchors


def list_broken_links(page: Path) -> list[str]:
    """Return the links of a page to files, and headings in them, that are not there."""
    broken = []
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        is_page = target.is_file() and target.suffix == ".md"
        anchors = list_anchors(target.read_text("utf-8")) if is_page else set()
        if not target.exists() or (anchor and anchor not in anchors):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    assert list_broken_links(ROOT / page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text(
        "# The `run` command, 2nd form\n\n## Steps\n\n## Steps\n\n```\n# Not a heading\n```\n"
        "### [A_link](x.md) \u2014 and on-wards ###\n"
    )
    page.write_text(
        "## Here\n[1](#here) [2](other.md#the-run-command-2nd-form) [3](other.md#steps-1)\n"
        "[4](other.md#a_link--and-on-wards) [5](https://example.org/x#y) [6](other.md)\n"
        "[7](#there) [8](other.md#steps-2) [9](other.md#not-a-heading) [10](gone.md#steps)\n"
    )
    assert list_broken_links(page) == [
        "#there",
        "other.md#steps-2",
        "other.md#not-a-heading",
        "gone.md#steps",
    ]
