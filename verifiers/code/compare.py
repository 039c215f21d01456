"""Whether a program's output is the expected one."""

import math
import re

from gym_reason.errors import DataError

NAMES = ("lines", "exact", "tokens", "float:TOLERANCE", "checker")
# Plain ASCII white space alone: what else Unicode counts as a space is part of an answer.
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def check_comparison(name: str) -> str:
    """Return the name of a comparison. Raises DataError where there is none of the name."""
    if name in ("lines", "exact", "tokens", "checker"):
        return name
    kind, _, tolerance = name.partition(":")
    try:
        known = kind == "float" and math.isfinite(float(tolerance)) and float(tolerance) >= 0
    except ValueError:
        known = False
    if not known:
        raise DataError(f"the comparison {name!r}", ", ".join(NAMES))
    return name


def outputs_equal(comparison: str, output: str, expected: str) -> bool:
    r"""Return whether `output` is as expected.

    Args:
        comparison: `exact` wants every character; `lines` forgives spaces at the end of a line and
            empty lines at the end; `tokens` compares what stands between spaces; `float:1e-6`
            compares tokens, numbers among them within that distance, absolute or relative.
        output: What the program wrote.
        expected: What it should have written.
    """
    if comparison == "exact":
        return output == expected
    if comparison == "lines":
        return _lines(output) == _lines(expected)
    found, wanted = _tokens(output), _tokens(expected)
    if comparison == "tokens":
        return found == wanted
    tolerance = float(comparison.partition(":")[2])
    return len(found) == len(wanted) and all(
        _close(one, other, tolerance) for one, other in zip(found, wanted, strict=True)
    )


def _lines(text: str) -> list[str]:
    lines = [line.rstrip(" \t\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _tokens(text: str) -> list[str]:
    return [token for token in _SPACE.split(text) if token]


def _close(found: str, wanted: str, tolerance: float) -> bool:
    if found == wanted:
        return True
    if not (_NUMBER.fullmatch(found) and _NUMBER.fullmatch(wanted)):
        return False
    one, other = float(found), float(wanted)
    # An overflow to infinity is no number that could be near another.
    return math.isfinite(one) and math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
