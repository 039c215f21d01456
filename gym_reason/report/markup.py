"""HTML from parts: what came from outside goes through `text` or an attribute of `tag`."""

import html
import unicodedata

# Characters that would hide, reorder or break what stands around them are shown by their code.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_VOID = {"input"}


def text(value: object) -> str:
    """Return `value` as HTML text; invisible characters are written as their codes."""
    return html.escape("".join(_visible(char) for char in str(value)), quote=True)


def tag(name: str, /, *children: str, **attributes: object) -> str:
    """Return an element. Children are markup already; attributes are escaped here.

    Underscores in attribute names stand for hyphens, and one at the end is dropped: `class_`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    if name in _VOID:
        return f"<{name}{written}>"
    return f"<{name}{written}>{''.join(children)}</{name}>"


def shorten(value: str, limit: int) -> str:
    """Return `value`, cut after `limit` characters with a note of how many are left out."""
    if len(value) <= limit:
        return value
    return f"{value[:limit]} [... {len(value) - limit:,} more characters]"


def _visible(char: str) -> str:
    if char in "\n\t" or (char.isascii() and char.isprintable()):
        return char
    if unicodedata.category(char) in _HIDDEN_CATEGORIES:
        return f"\\u{ord(char):04x}"
    return char
