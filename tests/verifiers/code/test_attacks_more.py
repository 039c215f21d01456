"""More attacks than the first corpus has: on the link, the warm server, the compiler, the text."""

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.code import CodeVerifier, asserts, stdio
from gym_reason.verifiers.code.extract import extract_program
from gym_reason.verifiers.sandbox import BoxSpec, Sandbox
from tests.verifiers.code.judging import assert_reference, judge, judge_all, stdio_reference

CORPUS = Path(__file__).with_name("data") / "more_attacks.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text().split("\n") if line]
COMPILERS = {"c": "gcc", "cpp": "g++", "javascript": "node"}
# The interpreter of a run is warm, a compiler is not.
QUICK = CodeVerifier("bubblewrap", timeout=2.5, feedback="test")
SLOW = CodeVerifier("bubblewrap", timeout=6.0, feedback="test")


@pytest.fixture(scope="module")
def verdicts(needs_bubblewrap: None) -> dict[str, Verdict]:
    """The verdict on each row of the corpus, by its name."""
    found: dict[str, Verdict] = {}
    for verifier, compiled in ((QUICK, False), (SLOW, True)):
        rows = [row for row in ROWS if (row["language"] in COMPILERS) == compiled]
        asked = [
            (json.dumps(row["tests"]), row["program"], {"language": row["language"]})
            for row in rows
        ]
        verdicts = judge_all(verifier, asked)
        found |= {row["id"]: verdict for row, verdict in zip(rows, verdicts, strict=True)}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_program_ends_as_it_may(row: dict[str, Any], verdicts: dict[str, Verdict]) -> None:
    compiler = COMPILERS.get(row["language"])
    if compiler and shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    verdict = verdicts[row["id"]]
    assert verdict.outcome.value in row["accept"], verdict.detail
    assert verdict.correct == (verdict.outcome is Outcome.PASS)
    for text in (verdict.detail, verdict.feedback):
        text.encode()
        assert "\x1b" not in text


def test_names_are_unique() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    "line",
    ["```" + "a" * 300_000 + "`", "``` " + " " * 300_000 + "`", "~" * 300_000 + "`"],
    ids=["letters", "spaces", "tildes"],
)
def test_fences_are_found_in_one_pass(line: str) -> None:
    text = f"{line}\n```python\nx = 1\n```\n"
    assert "x = 1" in (extract_program(text, "python", ("py",)) or "")


def test_the_mode_of_the_terminal_multiplexer_is_the_same_in_the_next_run(
    needs_bubblewrap: None,
) -> None:
    reference = stdio_reference(("", "0o20666\n"))
    change = "import os\ntry: os.chmod('/dev/pts/ptmx', 0)\nexcept OSError: pass\n"
    show = "import os\nprint(oct(os.stat('/dev/pts/ptmx').st_mode))\n"
    judge(QUICK, reference, change)
    assert judge(QUICK, reference, show).correct


def test_no_core_is_handed_to_a_program_of_the_host(needs_bubblewrap: None) -> None:
    program = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE))\n"
    assert judge(QUICK, stdio_reference(("", "(1, 1)\n")), program).correct


@pytest.mark.parametrize(
    "code",
    [
        "assert (add(1, 2) == 3, 'a message')\n",
        "def test_add():\n    assert add(1, 2) == 3\n",
        "if __name__ == '__main__':\n    assert add(1, 2) == 3\n",
        "assert add(lambda x: x, 2) == 3\n",
    ],
    ids=["tuple", "never called", "main guard", "function as argument"],
)
def test_tests_that_cannot_tell_are_no_fault_of_the_program(
    code: str, needs_bubblewrap: None
) -> None:
    program = "def add(a, b):\n    return a + b\n"
    verdict = judge(QUICK, assert_reference("add", code), program)
    assert verdict.outcome is Outcome.UNSCORABLE


def test_asserts_passed_before_the_program_broke_off_are_counted(needs_bubblewrap: None) -> None:
    program = "import os\ndef add(a, b):\n    return a + b if a < 5 else os._exit(0)\n"
    code = "assert add(1, 2) == 3\nassert add(2, 2) == 4\nassert add(7, 2) == 9\n"
    verdict = judge(QUICK, assert_reference("add", code), program)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.parts["tests"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("judging", [asserts, stdio], ids=["asserts", "stdio"])
def test_the_start_of_a_sandbox_is_not_the_time_of_the_program(
    judging: ModuleType, needs_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = judging.borrow

    @contextlib.contextmanager
    def borrow_slowly(spec: BoxSpec) -> Iterator[Sandbox]:
        time.sleep(QUICK.seconds)
        with real(spec) as sandbox:
            yield sandbox

    monkeypatch.setattr(judging, "borrow", borrow_slowly)
    if judging is asserts:
        reference, program = assert_reference("f", "assert f(1) == 1"), "def f(x): return x"
    else:
        reference, program = stdio_reference(("1\n", "1\n")), "print(input())"
    verdict = judge(QUICK, reference, program)
    assert verdict.correct, verdict.detail


def test_random_tests_are_the_same_each_time(needs_bubblewrap: None) -> None:
    code = "import random\nassert add(random.random(), 0) == 0\n"
    program = "def add(a, b):\n    return a\n"
    reference = assert_reference("add", code)
    details = {judge(QUICK, reference, program).detail for _ in range(2)}
    fresh = CodeVerifier("bubblewrap", timeout=1.5, memory_mb=200, feedback="test")
    assert details == {judge(fresh, reference, program).detail}
