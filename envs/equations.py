"""A calculator that reads along: where a derivation first goes wrong, and what is true there."""

import re
from collections import Counter

MAX_EQUATIONS = 64
"""Equations of a text that are worked out."""
_NUMBER = r"[0-9]{1,18}"
_EQUATION = re.compile(rf"(?<![0-9+*=-])({_NUMBER}(?:[+*-]{_NUMBER})+)=(-?{_NUMBER})(?![0-9+*=-])")


def mend_first_equation(text: str, *, unasked: str = "") -> str:
    """Return a text as far as its first false equation, and that one as it is true.

    Where all equations hold, or there is none, nothing is returned. An equation has whole numbers
    with `+ - *` and no parentheses on its left, and one number on its right: of
    `47*5=245,47*20=940` comes `47*5=235`. What is not of this form is passed over.

    Args:
        text: What the policy wrote.
        unasked: The problem as it was put; a left side with all of its numbers is not worked out.
    """
    asked = _numbers(unasked)
    for found, _ in zip(_EQUATION.finditer(text), range(MAX_EQUATIONS), strict=False):
        left, right = found.groups()
        if asked and asked <= _numbers(left):
            continue
        value = _work_out(left)
        if value != int(right):
            return f"{text[: found.start(2)]}{value}"
    return ""


def _numbers(expression: str) -> Counter[str]:
    return Counter(re.findall("[0-9]+", expression))


def _work_out(expression: str) -> int:
    """Return the value of whole numbers with `+ - *` between them."""
    total, product, sign = 0, 0, 1
    for symbol, digits in re.findall("([+*-]?)([0-9]+)", expression):
        if symbol == "*":
            product *= int(digits)
            continue
        total += sign * product
        sign, product = (-1 if symbol == "-" else 1), int(digits)
    return total + sign * product
