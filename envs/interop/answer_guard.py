"""Which answers may reach a scorer that evaluates them as Python.

Nine scorers of `reasoning-gym` 0.1.25 hand the answer to `eval`, four of them as it is and five
through `sympy.parse_expr`. An answer that could do more there than spell a value is kept from them.
"""

import ast
import builtins
import re
import unicodedata
from functools import cache

LITERAL_SCORERS = frozenset({"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"})
"""Data sets whose scorer calls `eval` on the answer."""

FORMULA_SCORERS = frozenset(
    {
        "countdown",
        "intermediate_integration",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
    }
)
"""Data sets whose scorer calls `sympy.parse_expr` on the answer."""

MAX_FORMULA = 2_000
"""Most characters of a formula."""
MAX_EXPONENT = 999
"""Largest exponent that is written as a number."""

_LITERALS = (
    ast.Expression, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Constant, ast.Name, ast.Load,
    ast.UnaryOp, ast.USub, ast.UAdd,
)  # fmt: skip

_FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "cot", "sec", "csc"),
        *("asin", "acos", "atan", "acot", "asec", "acsc"),
        *("sinh", "cosh", "tanh", "coth", "asinh", "acosh", "atanh"),
        *("exp", "log", "ln", "sqrt", "cbrt", "Abs", "abs", "erf", "pi", "oo", "zoo"),
        *("Rational", "Integer", "Float", "int", "float"),
    )
)

_NAME = re.compile(r"[^\W\d]\w*")
_ATTRIBUTE = re.compile(r"\.\s*[^\W\d]")
_POWER = r"(?:\*\*|\^)\s*"
_NUMBER_AFTER = re.compile(_POWER + r"\(?\s*[-+]?\s*(\d+)")
_FACTORIAL = re.compile(r"(\d+)[\s)]*!")
_LARGE = (
    re.compile(r"\d[eE][-+]?\d{4}"),
    re.compile(_POWER + r"[-+]?\s*[\w.]+\s*(?:\*\*|\^)"),  # a power of a power
    re.compile(_POWER + r"[-+]?\s*\((?!\s*[-+]?\s*\w{1,3}\s*(?:/\s*\d{1,3}\s*)?\))"),
    re.compile(r"\)\s*" + _POWER + r".*\)\s*" + _POWER, re.DOTALL),
)
"""What a short text can ask for that no machine computes."""


def is_harmless(dataset: str, answer: str) -> bool:
    """Return whether `answer` may be given to the scorer of `dataset`."""
    if dataset in LITERAL_SCORERS:
        return _is_literal(answer)
    if dataset in FORMULA_SCORERS:
        return _is_formula(answer)
    return True


def _is_literal(answer: str) -> bool:
    """Return whether `eval` of the answer makes a literal, or raises before it runs anything."""
    try:
        tree = ast.parse(answer.lstrip(" \t"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # `eval` stops at the same place.
    return all(isinstance(node, _LITERALS) for node in ast.walk(tree))


def _is_formula(answer: str) -> bool:
    """Return whether `parse_expr` of the answer can only compute, and soon ends."""
    text = unicodedata.normalize("NFKC", answer)
    if len(text) > MAX_FORMULA or any(character in text for character in "'\"\\`"):
        return False
    if _ATTRIBUTE.search(text) or any(pattern.search(text) for pattern in _LARGE):
        return False
    powers = [*_NUMBER_AFTER.findall(text), *_FACTORIAL.findall(text)]
    if any(len(digits) > 3 or int(digits) > MAX_EXPONENT for digits in powers):
        return False
    return not any(name in _dangerous() or "__" in name for name in _NAME.findall(text))


@cache
def _dangerous() -> frozenset[str]:
    """Return what a name would mean to `parse_expr` besides a symbol, but for functions."""
    import sympy  # type: ignore[import-untyped]

    known = {*dir(sympy), *dir(builtins), "lambda", "for", "yield", "await"}
    return frozenset(name for name in known if len(name) > 1 and name not in _FUNCTIONS)
