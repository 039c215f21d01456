"""The links of a page that a code host shows, as the site needs them."""

import posixpath
import re
from collections.abc import Callable, Set

DOCS = "docs"
ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Pages at the root of the repository, and what they are called in the site."""
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def turn_links(text: str, folder: str, repository: str | None) -> str:
    """Return a page whose links lead to pages of the site.

    A link to a source file leads to the repository where its address is known. Else it becomes the
    file's path.

    Args:
        text: The page, in Markdown.
        folder: Where it lies, from the root of the repository.
        repository: Its address, without a slash at the end.
    """

    def turn(found: re.Match[str]) -> str:
        mark, label, link = found.groups()
        path, hash_, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:") or not path:
            return found[0]
        target = posixpath.normpath(posixpath.join(folder, path))
        if target in ROOT_PAGES:
            return f"{mark}[{label}]({ROOT_PAGES[target]}{hash_}{anchor})"
        if target.startswith(f"{DOCS}/"):
            return f"{mark}[{label}]({target.removeprefix(f'{DOCS}/')}{hash_}{anchor})"
        if repository:
            return f"{mark}[{label}]({repository.rstrip('/')}/blob/HEAD/{target})"
        return _name_file(label, target)

    return _outside_fences(text, lambda part: LINK.sub(turn, part))


def show_dark_pictures(text: str, dark: Set[str]) -> str:
    """Return a page in which a picture `x.png` gives way to `x-dark.png` in the dark.

    Args:
        text: The page, in Markdown.
        dark: The pictures that there are for the dark.
    """

    def show(found: re.Match[str]) -> str:
        mark, label, link = found.groups()
        other = re.sub(r"\.png$", "-dark.png", link)
        if not mark or other not in dark:
            return found[0]
        return f"![{label}]({link}#only-light)![{label}]({other}#only-dark)"

    return _outside_fences(text, lambda part: LINK.sub(show, part))


def _name_file(label: str, target: str) -> str:
    bare = label.replace("`", "").rstrip("/")
    return f"`{target}`" if target.endswith(bare) else f"{label} (`{target}`)"


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a text with a change made to all of it but its fenced blocks."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])
