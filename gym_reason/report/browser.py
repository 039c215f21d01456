"""The part of the page in which a person looks through episodes: what its scripts begin with."""

import base64
import hashlib
import importlib.resources

from gym_reason.report.archive import Archive, pack
from gym_reason.report.markup import tag, text

_SCRIPTS = (
    "episodes.js",
    "chart_reading.js",
    "token_view.js",
    "episode_list.js",
    "episode_detail.js",
    "episode_browser.js",
)
_ORDERS = (
    ("played", "as played"),
    ("best", "highest reward"),
    ("worst", "lowest reward"),
    ("longest", "most tokens"),
    ("shortest", "fewest tokens"),
)


def read_script() -> str:
    """Return the page's script: the files of this package, one after another."""
    folder = importlib.resources.files("gym_reason.report")
    parts = [folder.joinpath(name).read_text("utf-8") for name in _SCRIPTS]
    # A scope of its own: an element's id in the page cannot be taken for a name of the script's.
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def hash_script(script: str) -> str:
    """Return what lets a browser run this script in the page and no other."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def draw_browser(archive: Archive) -> str:
    """Return the section with the episodes of an archive, which has to hold some."""
    count = f"{archive.count:,} episode{'' if archive.count == 1 else 's'}"
    note = (
        f"{count}. The arrow keys go through the list; the address of the page then names the "
        "episode, and opens it again."
    )
    remarks = tag("p", text(" ".join(archive.remarks)), class_="quiet") if archive.remarks else ""
    panes = tag(
        "div",
        tag("div", "", class_="list", role="listbox", tabindex=0, aria_label="Episodes"),
        tag(
            "article",
            tag("button", "Back to the list", class_="back", type="button"),
            tag("div", "", class_="inner"),
            class_="detail",
            tabindex=0,
            aria_label="The episode",
        ),
        class_="panes",
    )
    browser = tag(
        "div",
        _draw_filters(),
        tag("p", "", class_="quiet status", role="status"),
        panes,
        class_="browser",
        hidden="hidden",
    )
    return tag(
        "section",
        tag("h2", "Episodes"),
        tag("p", text(note), class_="quiet"),
        remarks,
        tag("p", "The episodes are being unpacked; this takes scripts.", class_="empty waiting"),
        browser,
        *_draw_blocks(archive),
        id="episodes",
        class_="episodes",
    )


def _draw_filters() -> str:
    every = tag("option", "all", value="all")
    orders = [tag("option", label, value=value) for value, label in _ORDERS]
    return tag(
        "form",
        tag("label", "Text ", tag("input", type="search", name="text", autocomplete="off")),
        *(
            tag("label", f"{label} ", tag("select", every, name=name))
            for name, label in (
                ("source", "From"),
                ("env", "Environment"),
                ("policy", "Policy"),
                ("outcome", "Outcome"),
            )
        ),
        tag("label", "Reward from ", tag("input", type="number", name="low", step="any")),
        tag("label", "to ", tag("input", type="number", name="high", step="any")),
        tag("label", "Order ", tag("select", *orders, name="order")),
        tag("button", "Clear", type="reset"),
        class_="filters",
    )


def _draw_blocks(archive: Archive) -> list[str]:
    """Return the data: elements that no browser runs, of characters that cannot end them."""
    blocks = [("episodes-index", "", pack(archive.index))]
    blocks += [(f"episodes-texts-{n}", "", one) for n, one in enumerate(archive.texts)]
    blocks += [(f"episodes-tokens-{n}", "", one) for n, one in enumerate(archive.tokens)]
    blocks += [
        (f"episodes-picture-{n}", kind, one) for n, (kind, one) in enumerate(archive.pictures)
    ]
    return [
        tag("script", content, type="application/octet-stream", id=name, data_kind=kind)
        for name, kind, content in blocks
    ]
