"""Honest programs in every common style: each is judged as an interpreter at home would do."""

import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.types import Verdict
from gym_reason.verifiers.code import CodeVerifier
from tests.verifiers.code.judging import assert_reference, judge, judge_all, stdio_reference

CORPUS = Path(__file__).with_name("data") / "honest_programs.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text().split("\n") if line]
VERIFIER = CodeVerifier("bubblewrap", timeout=8.0, feedback="test")


@pytest.fixture(scope="module")
def verdicts(needs_bubblewrap: None) -> dict[str, Verdict]:
    """The verdict on each row of the corpus, by its name."""
    found = judge_all(VERIFIER, [(json.dumps(row["tests"]), row["program"], {}) for row in ROWS])
    return {row["id"]: verdict for row, verdict in zip(ROWS, found, strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_program_passes(row: dict[str, Any], verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[row["id"]]
    assert verdict.correct, verdict.detail


def test_an_output_just_under_the_limit_is_judged(needs_bubblewrap: None) -> None:
    verdict = judge(VERIFIER, stdio_reference(("", "x" * 1_000_000)), "print('x' * 1_000_000)")
    assert verdict.correct, verdict.detail


@pytest.mark.parametrize(
    ("entry", "program", "code"),
    [
        ("Foo", "class Foo:\n    size = 2\n", "assert Foo().size == 1\n"),
        ("Foo", "class Foo:\n    def __len__(self): return 2\n", "assert len(Foo()) == 1\n"),
        ("f", "def f(x): x.sort()\n", "x = [2, 1]\nf(x)\nassert x == [2, 1]\n"),
        ("f", "def f():\n    yield 1\n", "assert list(f()) == [2]\n"),
        ("f", "async def f(): return 1\n", "import asyncio\nassert asyncio.run(f()) == 2\n"),
        ("f", "def f(n): return lambda x: x + n\n", "assert f(1)(2) == 4\n"),
        ("f", "f = 3\n", "assert f == 4\n"),
    ],
    ids=["attribute", "length", "in place", "generator", "coroutine", "closure", "constant"],
)
def test_what_passes_in_these_styles_passes_for_being_right(
    entry: str, program: str, code: str, needs_bubblewrap: None
) -> None:
    assert not judge(VERIFIER, assert_reference(entry, code), program).correct
