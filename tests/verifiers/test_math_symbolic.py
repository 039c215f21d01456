"""sympy in a child process: right, limited, replaced, and shared by threads and forks."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier
from gym_reason.verifiers.math import symbolic
from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.judgement import Obstacle
from gym_reason.verifiers.math.parser import parse
from gym_reason.verifiers.math.symbolic import ChildError, compare_symbolically, to_plain

NEEDS_SYMPY = ("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}")


def compare(left: str, right: str) -> tuple[bool | None, str | Obstacle]:
    return compare_symbolically(parse(left), parse(right), Budget())


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (*NEEDS_SYMPY, True),
        ("\\sqrt{3+2\\sqrt2}", "2+\\sqrt2", False),
        ("\\binom{n}{2}", "\\frac{n(n-1)}{2}", True),
        ("(n+1)!", "(n+1)n!", True),
        ("\\sqrt{x^2}", "|x|", True),
        ("\\sqrt{x^2}", "x", None),
        ("\\arctan 1", "\\frac\\pi4", True),
        ("\\log x", "\\ln x", False),
        ("f(x)", "f(x)+1", False),
    ],
)
def test_what_sympy_says(left: str, right: str, equal: bool | None) -> None:
    found = compare(left, right)[0]
    assert (found is True) is (equal is True)
    assert equal is None or found is equal


def test_a_comparison_that_takes_too_long_is_killed_and_the_next_one_works() -> None:
    assert compare("(a+b+c+d+x+y)^{200}", "(a+b+c+d+x+z)^{200}") == (None, Obstacle.TIME)
    assert compare(*NEEDS_SYMPY) == (True, "")


def test_a_child_that_died_is_replaced() -> None:
    assert compare(*NEEDS_SYMPY)[0] is True
    for child in symbolic._pool._idle:
        os.kill(child._process.pid, signal.SIGKILL)
    assert compare(*NEEDS_SYMPY)[0] is True


def test_a_child_has_a_limit_of_memory() -> None:
    compare(*NEEDS_SYMPY)
    child = symbolic._pool._idle[-1]
    limits = Path(f"/proc/{child._process.pid}/limits")
    if not limits.exists():
        pytest.skip("no /proc here")
    line = next(row for row in limits.read_text().splitlines() if row.startswith("Max address"))
    assert int(line.split()[3]) == symbolic.MEMORY_BYTES


def in_threads(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_the_children() -> None:
    results: list[bool | None] = []
    in_threads(3, lambda: results.append(compare(*NEEDS_SYMPY)[0]))
    in_threads(3, lambda: results.append(compare("\\arctan 1", "\\frac\\pi4")[0]))
    results.append(compare(*NEEDS_SYMPY)[0])
    assert results == [True] * 7
    assert len(symbolic._pool._idle) <= symbolic.MAX_CHILDREN


def test_threads_that_come_and_go_share_one_child() -> None:
    symbolic._pool.close()
    used: list[int] = []

    def work() -> None:
        assert compare(*NEEDS_SYMPY)[0] is True
        used.extend(child._process.pid for child in symbolic._pool._idle)

    for _ in range(3):
        in_threads(1, work)
    assert len(used) == 3
    assert len(set(used)) == 1


PROGRAM = """
import os, sys
from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier
assert "sympy" not in sys.modules and "mpmath" not in sys.modules
task = Task("t", (), r"\\sqrt{3+2\\sqrt{2}}")
answer = r"\\boxed{1+\\sqrt{2}}"
verifier = MathVerifier()
assert verifier.verify(task, answer).correct
pid = os.fork()
if pid == 0:
    os._exit(0 if verifier.verify(task, answer).correct else 1)
assert os.waitpid(pid, 0)[1] == 0
assert verifier.verify(task, answer).correct
assert "sympy" not in sys.modules
from gym_reason.verifiers.math import symbolic
print(symbolic._pool._idle[0]._process.pid)
sys.stdout.flush()
if sys.argv[1] == "kill":
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks the kernel to end children")
@pytest.mark.parametrize("end", ["kill", "exit"])
def test_forks_have_their_own_child_and_no_child_outlives_its_parent(end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, end], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    child = int(done.stdout)
    for _ in range(200):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"the child {child} is alive")


def test_a_verifier_is_pickled_without_its_child() -> None:
    verifier = MathVerifier("strict", 0.5)
    task = Task("t", (), NEEDS_SYMPY[0])
    assert verifier.verify(task, f"\\boxed{{{NEEDS_SYMPY[1]}}}").correct
    copy = pickle.loads(pickle.dumps(verifier))
    assert (copy.profile, copy.tolerance) == (verifier.profile, verifier.tolerance)
    assert copy.verify(task, f"\\boxed{{{NEEDS_SYMPY[1]}}}").correct


def test_only_expressions_are_sent() -> None:
    assert to_plain(parse("2x")) == ["product", ["number", "0x2", "0x1"], ["symbol", "x"]]
    with pytest.raises(TypeError):
        to_plain(parse("(1,2)"))
    assert issubclass(ChildError, Exception)
