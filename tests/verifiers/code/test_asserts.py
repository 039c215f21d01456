"""Programs judged by asserts: what counts as passed, and what a program is told about."""

import pytest

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.code import CodeVerifier
from tests.verifiers.code.judging import assert_reference, judge

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")
FIRST = CodeVerifier("bubblewrap", timeout=5.0, feedback="test")
EVERY = CodeVerifier("bubblewrap", timeout=5.0, feedback="test", every=True)
ADD = assert_reference(
    "add", "assert add(1, 2) == 3\nassert add(-5, 7) == 2\nassert add(0, 0) == 0"
)


def run(program: str, code: str, entry: str | list[str] = "f", setup: str = "") -> Verdict:
    return judge(FIRST, assert_reference(entry, code, setup), program)


def test_a_right_program_passes() -> None:
    verdict = judge(FIRST, ADD, "def add(a, b): return a + b")
    assert (verdict.outcome, verdict.reward, verdict.correct) == (Outcome.PASS, 1.0, True)
    assert dict(verdict.parts) == {"answer": 1.0, "tests": 1.0}
    assert (verdict.feedback, verdict.detail) == ("", "")
    assert verdict.seconds > 0


def test_a_wrong_program_fails_at_its_first_wrong_answer() -> None:
    verdict = judge(FIRST, ADD, "def add(a, b): return abs(a) + abs(b)")
    assert verdict.outcome is Outcome.FAIL
    assert dict(verdict.parts) == {"answer": 0.0, "tests": 1 / 3}
    assert "add(-5, 7) returned 12" in verdict.detail
    assert "line 2: assert add(-5, 7) == 2" in verdict.detail


@pytest.mark.parametrize(
    ("program", "share"),
    [
        ("def add(a, b): return abs(a) + abs(b)", 2 / 3),
        ("def add(a, b): return 0", 1 / 3),
        ("def add(a, b): return 'no'", 0.0),
        ("def add(a, b): raise OSError", 0.0),
        ("def add(a, b): return a + b", 1.0),
    ],
)
def test_every_test_is_run_where_that_is_asked_for(program: str, share: float) -> None:
    verdict = judge(EVERY, ADD, program)
    assert dict(verdict.parts) == {"answer": float(share == 1.0), "tests": share}


def test_an_assert_in_a_loop_passes_every_time_or_not_at_all() -> None:
    code = "for x in (0, 1, 2): assert f(x) == x\nfor x in (0, 1): assert f(x) == (\n    x\n)"
    for verifier, share in ((FIRST, 0.0), (EVERY, 0.5)):
        verdict = judge(verifier, assert_reference("f", code), "def f(x): return min(x, 1)")
        assert dict(verdict.parts) == {"answer": 0.0, "tests": share}


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def f(x): return [x, (x,), {x}, {x: None}]", "assert f(1) == [1, (1,), {1}, {1: None}]"),
        ("def f(*a, k=0, **m): return (a, k, m)", "assert f(1, k=3, z=4) == ((1,), 3, {'z': 4})"),
        ("f = lambda: 1", "assert f() == 1"),
        ("from math import gcd as f", "assert f(12, 18) == 6"),
        ("def f(x): x.sort()", "x = [2, 1]\nassert f(x) is None\nassert x == [1, 2]"),
        ("def f(d): d['a'] = d.pop('b')", "d = {'b': 1}\nf(d)\nassert d == {'a': 1}"),
        ("def f(x): return x[::-1]", "for x in ('', 'a', 'ab'): assert f(x) == x[::-1]"),
        ("def f(x): return x",
         "def check(c):\n    assert c(1) == 1\n    assert c('ü') == 'ü'\ncheck(f)"),
        ("def f(): return 0.1 + 0.2", "assert abs(f() - 0.3) < 1e-9"),
        ("def f(): return -0.0", "import math\nassert math.copysign(1, f()) == -1"),
        ("def f(): return float('nan')", "x = f()\nassert x != x"),
        ("def f(n): return n ** n", "assert f(1000) == 1000 ** 1000"),
        ("def f(n): return n if n < 2 else f(n - 1) + f(n - 2)", "assert f(15) == 610"),
        ("calls = 0\ndef f():\n    global calls\n    calls += 1\n    return calls",
         "assert [f(), f(), f()] == [1, 2, 3]"),
        ("import random\ndef f(): return random.random()", "assert 0 <= f() < 1"),
        ("print('noise')\ndef f():\n    print('more')\n    return 1", "assert f() == 1"),
        ("def f(): raise ValueError('bad')",
         "try:\n    f()\n    assert False\nexcept ValueError as error: assert str(error) == 'bad'"),
        ("class OwnError(KeyError): pass\ndef f(): raise OwnError",
         "try:\n    f()\n    raised = False\nexcept KeyError: raised = True\nassert raised"),
        ("def f(): return 'assert'", "assert f() == 'assert', 'a message'"),
    ],
)  # fmt: skip
def test_honest_programs_pass(program: str, code: str) -> None:
    verdict = run(program, code)
    assert verdict.correct, verdict.detail


def test_two_functions_and_a_setup() -> None:
    program = "def f(x): return x + 1\ndef g(x): return f(x) * 2"
    code = "assert g(f(base)) == 2 * (base + 2)"
    assert run(program, code, ["f", "g"], "base = 40").correct


def test_a_class_is_tested_through_its_methods() -> None:
    program = "class Stack:\n    def __init__(self, *items): self.items = list(items)\n"
    program += "    def push(self, item): self.items.append(item)\n"
    program += "    def pop(self): return self.items.pop()\n"
    code = "s = Stack(1)\ns.push(5)\nassert s.pop() == 5\nassert s.pop() == 1"
    assert run(program, code, "Stack").correct
    assert not run(program.replace("pop()", "pop(0)"), code, "Stack").correct


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def g(): return 1", "the program does not define f"),
        ("x = 5", "the program does not define f"),
        ("def f(: return 1", "SyntaxError in line 1"),
        ("\n1 / 0\ndef f(): return 1", "ZeroDivisionError in line 2"),
        ("import no_such_module\ndef f(): return 1", "ModuleNotFoundError"),
        ("def f(): return 2", "f() returned 2"),
        ("def f(): return '1'", "f() returned '1'"),
        ("def f(): return [1]", "f() returned [1]"),
        ("def f(): return None", "f() returned None"),
        ("def f(x): return 1", "f() raised TypeError"),
        ("def f():\n    raise KeyError('k')", "f() raised KeyError in line 2: k"),
        ("class OwnError(Exception): pass\ndef f(): raise OwnError('x')", "f() raised OwnError"),
        ("def f(): return object()", "a value of type object"),
        ("def f(): yield 1", "no plain data"),
        ("def f(): return f", "no plain data"),
        ("import os\ndef f(): os._exit(0)", "the program ended"),
        ("def f(): raise SystemExit(0)", "f() raised SystemExit"),
        ("import sys\nsys.exit()", "the program raised SystemExit"),
        ("f = 1", "TypeError"),
    ],
)
def test_what_went_wrong_is_said(program: str, said: str) -> None:
    verdict = run(program, "assert f() == 1")
    assert verdict.outcome is Outcome.FAIL
    assert said in verdict.detail
    assert said in verdict.feedback
    assert verdict.reward == 0.0


@pytest.mark.parametrize(
    "program",
    [
        "class Yes:\n    def __eq__(self, other): return True\ndef f(): return Yes()",
        "class Yes(int):\n    def __eq__(self, other): return True\ndef f(): return Yes(5)",
        "import builtins\nbuiltins.AssertionError = Exception\ndef f(): return 0",
        "import sys\nsys.settrace(lambda *a: None)\ndef f(): return 0",
        "def f(): return True",
        "def f(): return 1.0",
    ],
)
def test_only_the_value_counts(program: str) -> None:
    verdict = run(program, "result = f()\nassert type(result) is int and result == 1")
    assert verdict.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "code",
    [
        "if f() == 1:\n    assert f() == 1",
        "for x in f(): assert x == 1",
        "try: assert f() == 1\nexcept AssertionError: pass",
        "f()\ndef check(): assert f() == 1",
        "while f() != 0: assert f() == 1",
    ],
)
def test_an_assert_that_is_never_passed_is_not_passed(code: str) -> None:
    verdict = run("def f(): return []", code.replace("f() != 0", "f()"))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.parts["tests"] == 0.0


def test_a_fault_that_the_tests_swallow_still_fails() -> None:
    code = "try: f()\nexcept BaseException: pass\nassert True is not None\nassert 1 + 1 == 2"
    assert run("import os\ndef f(): os._exit(0)", code).outcome is Outcome.FAIL
    assert run("def f(): return object()", code).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("assert f( == 1", "SyntaxError"),
        ("x = f()", "the tests hold no assert"),
        ("assert True", "they never ask the program for anything"),
        ("def check(): assert f() == 1", "they never ask the program for anything"),
        ("assert f(object()) == 1", "which is no plain data"),
    ],
)
def test_broken_tests_are_our_fault(code: str, said: str) -> None:
    verdict = run("def f(*a): return 1", code)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert said in verdict.detail


def test_a_broken_setup_is_our_fault() -> None:
    verdict = run("def f(): return 1", "assert f() == 1", setup="1 / 0")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "ZeroDivisionError" in verdict.detail


def test_the_program_sees_no_test() -> None:
    program = """
import gc, os, sys
def f():
    found = [name for name in sys.modules if name == 'tests']
    for known in gc.get_objects():
        if isinstance(known, dict) and 'the secret' in str(known.get('code')): found.append('code')
    return found + [name for name in os.listdir('/tmp') if name != 'program.py']
"""
    verdict = run(program, "secret = 'the secret'\nassert f() == []")
    assert verdict.correct, verdict.detail


def test_the_same_program_gets_the_same_verdict() -> None:
    program = "import random\ndef f(): return [random.random() for _ in range(3)]"
    details = {run(program, "assert f() == 0").detail for _ in range(3)}
    assert len(details) == 1
