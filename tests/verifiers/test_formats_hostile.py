"""Texts made to hang or crash a verifier of form or of steps: quadratic time would be hours."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Outcome, Task
from gym_reason.verifiers import make_verifier

SIZE = 400_000
HOSTILE = {
    "one letter": "a" * SIZE,
    "open tags": "<think>" * (SIZE // 7),
    "nested tags": "<think>" * (SIZE // 15) + "</think>" * (SIZE // 15),
    "brackets": "[" * SIZE,
    "nested sum": "(" * (SIZE // 2) + "1" + ")" * (SIZE // 2) + "=1",
    "equations": "1=" * (SIZE // 2),
    "long sum": "1+" * (SIZE // 2),
    "dollars": "$x " * (SIZE // 3),
    "open formulas": "\\[" * (SIZE // 2),
    "open environments": "\\begin{a}" * (SIZE // 9),
    "open fractions": "\\frac{" * (SIZE // 6),
    "open notes": "<<1=1" * (SIZE // 5),
    "fences": "```json\n" * (SIZE // 8),
    "quotes": '"' * SIZE,
    "backslashes": "\\" * SIZE,
    "spaces": " " * SIZE,
    "tag of spaces": "<" + "\t" * SIZE,
    "NUL": "\0" * SIZE,
    "lone surrogates": "\ud800" * SIZE,
    "one ideograph": "\u6570" * SIZE,
    "a letter of eighteen": "\ufdfa" * (SIZE // 2),
    "wrong lines": "1+1=3\n" * (SIZE // 6),
    "towers": "2^" * (SIZE // 2) + "2=1",
    "distinct words": " ".join(map(str, range(SIZE // 7))),
}
SPECS = [
    "think_tags",
    "no_think",
    "answer_tags",
    "json_schema",
    "language",
    "length:cosine,target=512",
    "overlong:512,unit=words",
    "repetition:8",
    "arithmetic_steps:none",
]


@pytest.mark.parametrize("spec", SPECS)
def test_hundreds_of_thousands_of_characters(spec: str) -> None:
    verifier = make_verifier(spec)
    task = Task("t", (), "{}" if spec == "json_schema" else "5")
    for text in HOSTILE.values():
        verdict = verifier.verify(task, text)
        assert verdict.outcome is not Outcome.UNSCORABLE
        assert all(math.isfinite(value) for value in (verdict.reward, *verdict.parts.values()))
        json.dumps(verdict.to_json()).encode()


@pytest.mark.parametrize(
    "lines",
    [
        "(x+1)^6*(y+1)^6*(x+y)=1\n" * 3_900,
        "9^64*9^64*9^64*9^64=1\n" * 3_900,
        "9.123456789e" * 900 + "=1\n",
        "1/3/3/3/3/3/3/3/3/3/3/3/3/3=1\n" * 3_900,
    ],
)
def test_equations_that_grow_stay_small(lines: str) -> None:
    verdict = make_verifier("arithmetic_steps:none").verify(Task("t", (), ""), lines)
    assert verdict.parts["right_steps"] == 0.0


@given(st.text(), st.sampled_from(SPECS))
def test_any_text_gets_a_finite_reward(text: str, spec: str) -> None:
    task = Task("t", (), "{}" if spec == "json_schema" else "5")
    verdict = make_verifier(spec).verify(task, text)
    assert -1.0 <= verdict.reward <= 1.0
    assert verdict.outcome is not Outcome.UNSCORABLE
