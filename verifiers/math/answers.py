r"""From the text of an answer to its tree: what stands around the formula is taken off first.

`5\sqrt{2}\text{ cm}` is a quantity with a unit, `\$3\sqrt{2}` one with a currency, `(B) 12` a
choice with what it stands for. Words in front that only announce the answer go.
"""

import functools
import re
from dataclasses import dataclass

from gym_reason.verifiers.math.parser import parse
from gym_reason.verifiers.math.tokens import MAX_CHARS
from gym_reason.verifiers.math.tree import (
    Choice,
    Constant,
    Listing,
    Node,
    Product,
    Quantity,
    Tuple,
    UnreadableError,
    is_expression,
)
from gym_reason.verifiers.math.units import CURRENCIES, read_unit

_ANNOUNCEMENT = re.compile(
    r"(?:the )?(?:final |correct )?(?:answer|result|solution|option|choice)(?: is|:| =)?:? |"
    r"(?:therefore|thus|hence|so),? |(?:\u6700\u7ec8)?\u7b54\u6848(?:\u662f|\u4e3a)?[:\uff1a]? ?|"
    r"\u6240\u4ee5|\u56e0\u6b64|\u9009(?=[A-H])",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"(?:\\(?:text|textbf|mathrm|mathbf|textrm)\s?\{\s*\(?(?P<marked>[A-H])[).:]?\s*[.:)]?\s*\}[.:)]?"
    r"|\((?P<round>[A-H])\)[.:]?(?=[\s\\])|(?P<plain>[A-H])[.):](?=\s))\s*(?P<content>\S.*)",
    re.DOTALL,
)
_OTHER_CHOICE = re.compile(r"^[A-H](?![A-Za-z0-9])|[({ ][A-H][.):}]|[A-H]\s*$")
_UNIT = re.compile(
    r"(?:\\(?:text|textrm|mathrm|mbox|textit|operatorname|textnormal)\s?\{[^{}]{1,60}\}|"
    r"(?<=[\s}\d)])[A-Za-z\u00b5]{2,20}(?:/[A-Za-z]{1,10})?)(?: ?\^ ?\{? ?[23] ?\}?)?$"
)
_JOINT_TEXT = re.compile(r"\{\s*(?:or|and)\s*\}$")
_SPACING = re.compile(r"(?:\\[,;:! ]|~|\\quad|\s)+$")
_CURRENCY = {mark: name for mark, name in CURRENCIES.items() if not mark.isalpha()}


@dataclass(frozen=True, slots=True)
class Reading:
    """A tree, or why there is none."""

    tree: Node | None
    """The tree of a text that the grammar holds."""
    reason: str = ""
    """Why it does not hold another."""


@functools.lru_cache(maxsize=1024)
def read_answer(text: str) -> Reading:
    """Return the tree of an answer, without raising."""
    if len(text) > MAX_CHARS:
        return Reading(None, f"longer than {MAX_CHARS} characters")
    text = _strip(text)
    announced = _ANNOUNCEMENT.match(text)
    if announced:
        text = _strip(text[announced.end() :])
    try:
        return Reading(_read_choice(text))
    except UnreadableError as error:
        return Reading(None, str(error))
    except RecursionError:  # the caller's own stack may be nearly full
        return Reading(None, "nested too deep")


def _strip(text: str) -> str:
    for _ in range(4):
        before = text
        text = text.strip().removesuffix("\u3002").strip("`")
        text = text if text.endswith("...") else text.removesuffix(".")
        if text.startswith("**") and text.endswith("**"):
            text = text[2:-2]
        if text == before:
            break
    return text


def _read_choice(text: str) -> Node:
    match = _CHOICE.match(text)
    if match is None:
        return _read_quantity(text)
    letter = match["marked"] or match["round"] or match["plain"]
    content = match["content"].strip()
    if _OTHER_CHOICE.search(content):
        raise UnreadableError("several choices")
    node = _read_quantity(content)
    if isinstance(node, (Choice, Listing)):
        raise UnreadableError("several answers behind a choice")
    # `(A) x` may be a product where A is a variable; as a choice it must stand alone.
    return Choice(letter, node)


def _read_quantity(text: str) -> Node:
    symbol, text = _take_currency(text)
    node = _read_with_unit(text)
    if symbol:
        if isinstance(node, Quantity) or not is_expression(node):
            raise UnreadableError("a currency in front of what is no amount")
        return Quantity(node, symbol, "")
    if (
        isinstance(node, Product)
        and len(node.factors) == 2
        and node.factors[1] == Constant("degree")
    ):
        return Quantity(node.factors[0], "\u00b0", "")
    return node


def _take_currency(text: str) -> tuple[str, str]:
    """Return a currency in front of `text` and the rest."""
    if text.startswith("\\$"):
        return "$", text[2:].strip()
    for mark, name in _CURRENCY.items():
        # A lone dollar at each end is a formula's, and stays.
        if text.startswith(mark) and (mark != "$" or text.count("$") % 2):
            return name, text[len(mark) :].strip()
    return "", text


def _read_with_unit(text: str) -> Node:
    bare = text.strip().removesuffix("$").rstrip() if text.count("$") == 2 else text.strip()
    match = _UNIT.search(bare[-100:])
    if match is None or _JOINT_TEXT.search(match[0]):
        return parse(text)
    written = match[0]
    start = len(bare) - len(written)
    unit = read_unit(written.replace(" ^", "^"))
    value = _SPACING.sub("", bare[:start])
    if unit is None or unit == ("", "") or not value:
        return parse(text)
    try:
        node = parse(value)
    except UnreadableError:
        return parse(text)
    if isinstance(node, Tuple) or is_expression(node):
        return Quantity(node, *unit)
    return parse(text)
