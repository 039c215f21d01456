"""Where the time is up, or sympy cannot be asked: never a plain `fail`, and never a long wait."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers import MathVerifier
from gym_reason.verifiers.math import symbolic
from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.compare import compare_answers
from gym_reason.verifiers.math.judgement import Obstacle
from gym_reason.verifiers.steps.formulas import FormulaChecker

DENESTED = [(f"\\sqrt{{{n * n + 3}+{2 * n}\\sqrt3}}", f"{n}+\\sqrt3") for n in range(2, 12)]
NEEDS_SYMPY = DENESTED[0]
VERIFIER = MathVerifier("strict")


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Start without a child from another test, and leave none."""
    symbolic._pool.close()
    yield monkeypatch
    symbolic._pool.close()


def verify(reference: str, answer: str) -> Verdict:
    return VERIFIER.verify(Task("t", (), reference), f"\\boxed{{{answer}}}")


def as_sets() -> tuple[str, str]:
    nested, plain = zip(*DENESTED, strict=True)
    return f"\\{{{','.join(nested)}\\}}", f"\\{{{','.join(plain)}\\}}"


def without_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")


def without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "MEMORY_BYTES", 10_000_000)


def without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sympy  # type: ignore[import-untyped]

    folder = str(Path(sympy.__file__).parent.parent)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != folder])


@pytest.mark.parametrize("fail", [without_start, without_memory, without_sympy])
def test_a_failure_of_ours_is_unscorable(no_child: pytest.MonkeyPatch, fail: object) -> None:
    assert callable(fail)
    fail(no_child)
    verdict = verify(*NEEDS_SYMPY)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert verdict.reward == 0.0
    assert verdict.detail.startswith("the symbolic comparison failed: found")
    # What needs no sympy is judged all the same.
    assert verify("72", "71").outcome is Outcome.FAIL
    assert verify("72", "72").correct
    assert verify("\\sqrt8", "2\\sqrt2").correct


def test_a_verdict_that_the_time_decided_says_so_first(no_child: pytest.MonkeyPatch) -> None:
    no_child.setattr(symbolic, "LIMIT_S", 0.0)
    verdict = verify(*NEEDS_SYMPY)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.detail.startswith("undecided: out of time; found 2+")
    assert verify("72", "71").detail == "found 71, expected 72"


@pytest.mark.usefixtures("patience")
def test_all_comparisons_of_a_verdict_share_one_budget() -> None:
    assert verify(*as_sets()).correct
    spent = Budget(0)
    judgement = compare_answers(*as_sets(), budget=spent)
    assert (judgement.equal, judgement.obstacle) == (False, Obstacle.TIME)
    spent.extend(1e9)
    assert compare_answers(*as_sets(), budget=spent).equal is True


def test_nothing_is_asked_after_a_comparison_was_stopped(no_child: pytest.MonkeyPatch) -> None:
    asked = []
    ask = symbolic._pool.ask

    def count(request: str, budget: Budget) -> str:
        asked.append(request)
        return ask(request, budget)

    no_child.setattr(symbolic._pool, "ask", count)
    no_child.setattr(symbolic, "LIMIT_S", 0.0)
    assert verify(*as_sets()).detail.startswith("undecided: out of time")
    assert len(asked) == 1


class RecordingBudget(Budget):
    """Remembers what it was given back."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: list[float] = []

    def extend(self, seconds: float) -> None:
        self.returned.append(seconds)
        super().extend(seconds)


@pytest.mark.usefixtures("no_child")
def test_waiting_for_a_child_to_start_is_not_counted() -> None:
    for starts in (1, 0):
        budget = RecordingBudget()
        assert compare_answers(*NEEDS_SYMPY[::-1], budget=budget).equal
        assert len(budget.returned) == starts
        assert all(seconds > 0 for seconds in budget.returned)


def test_the_formulas_of_a_text_share_one_budget(no_child: pytest.MonkeyPatch) -> None:
    no_child.setattr(symbolic, "LIMIT_S", 0.0)
    checker = FormulaChecker()
    assert not checker.finished
    assert not checker.agree(*NEEDS_SYMPY)
    assert checker.finished
    no_child.setattr(symbolic, "LIMIT_S", 1.0)
    checker = FormulaChecker()
    assert checker.agree(*NEEDS_SYMPY)
    assert not checker.finished
