"""The algebra of composed verifiers."""

import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers import (
    ExactVerifier,
    MathVerifier,
    ThinkTagsVerifier,
    Verifier,
    all_of,
    first_that_applies,
    gate,
    weighted,
)

TASK = Task("t", (), "42")


@dataclass
class Fixed:
    """Gives one verdict to everything."""

    reward: float
    outcome: Outcome
    name: str = "fixed"

    def verify(self, task: Task, submission: str) -> Verdict:
        return Verdict(self.reward, self.outcome is Outcome.PASS, self.outcome, {"x": self.reward})


verifiers = st.builds(
    Fixed,
    st.floats(0, 1),
    st.sampled_from([Outcome.PASS, Outcome.FAIL, Outcome.TIMEOUT, Outcome.UNSCORABLE]),
)
PASS = Fixed(1.0, Outcome.PASS)
UNSCORABLE = Fixed(0.0, Outcome.UNSCORABLE)


def judge(verifier: Verifier) -> tuple[float, bool, Outcome]:
    verdict = verifier.verify(TASK, "x")
    return verdict.reward, verdict.correct, verdict.outcome


def scored(verifier: Fixed) -> tuple[float, bool, Outcome]:
    """Return what a composition of this one part must say: an unscorable part gives no reward."""
    reward, correct, outcome = judge(verifier)
    return (0.0, False, outcome) if outcome is Outcome.UNSCORABLE else (reward, correct, outcome)


@given(verifiers)
def test_a_composition_of_one_is_that_one(verifier: Fixed) -> None:
    assert judge(weighted({"only": (1.0, verifier)})) == scored(verifier)
    assert judge(all_of(verifier)) == scored(verifier)
    assert judge(first_that_applies(verifier)) == judge(verifier)
    assert judge(gate(PASS, verifier)) == scored(verifier)


@given(verifiers, verifiers)
def test_all_of_does_not_depend_on_the_order_but_for_the_first_fault(a: Fixed, b: Fixed) -> None:
    assert judge(all_of(a, b))[:2] == judge(all_of(b, a))[:2]


@given(verifiers, verifiers, verifiers)
def test_all_of_and_first_that_applies_can_be_nested_either_way(
    a: Fixed, b: Fixed, c: Fixed
) -> None:
    assert (
        judge(all_of(a, all_of(b, c))) == judge(all_of(all_of(a, b), c)) == judge(all_of(a, b, c))
    )
    nested = first_that_applies(a, first_that_applies(b, c))
    assert judge(nested) == judge(first_that_applies(a, b, c))


@given(verifiers)
def test_first_that_applies_passes_over_the_unscorable(verifier: Fixed) -> None:
    assert judge(first_that_applies(UNSCORABLE, verifier)) == judge(verifier)
    if verifier.outcome is not Outcome.UNSCORABLE:
        assert judge(first_that_applies(verifier, PASS)) == judge(verifier)


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.floats(-2, 2), verifiers), min_size=1))
def test_weighted_is_the_weighted_sum_unless_a_part_is_unscorable(
    parts: dict[str, tuple[float, Fixed]],
) -> None:
    verdict = weighted(dict(parts.items())).verify(TASK, "x")
    assert dict(verdict.parts) == {name: part.reward for name, (_, part) in parts.items()}
    if any(part.outcome is Outcome.UNSCORABLE for _, part in parts.values()):
        assert verdict.outcome is Outcome.UNSCORABLE
        assert (verdict.reward, verdict.correct) == (0.0, False)
    else:
        total = sum(weight * part.reward for weight, part in parts.values())
        assert verdict.reward == pytest.approx(total, abs=1e-12)
        first = next(iter(parts.values()))[1]
        assert (verdict.correct, verdict.outcome) == judge(first)[1:]


def test_the_answer_decides_and_the_form_adds() -> None:
    verifier = weighted({"answer": (1.0, MathVerifier()), "format": (0.1, ThinkTagsVerifier())})
    right = verifier.verify(TASK, "<think>6 * 7</think> 42")
    assert (right.reward, right.correct) == (1.1, True)
    bare = verifier.verify(TASK, "42")
    assert (bare.reward, bare.correct, bare.outcome) == (1.0, True, Outcome.PASS)
    wrong = verifier.verify(TASK, "<think>6 * 7</think> 43")
    assert (wrong.reward, wrong.correct, wrong.outcome) == (0.1, False, Outcome.FAIL)
    assert dict(wrong.parts) == {"answer": 0.0, "format": 1.0}
    assert "42" not in wrong.feedback


def test_correct_by_names_the_part_that_decides() -> None:
    parts: dict[str, tuple[float, Verifier]] = {
        "answer": (1.0, MathVerifier()),
        "format": (0.1, ThinkTagsVerifier()),
    }
    verdict = weighted(parts, correct_by="format").verify(TASK, "42")
    assert (verdict.reward, verdict.correct) == (1.0, False)
    with pytest.raises(UsageError, match="did you mean 'format'"):
        weighted(parts, correct_by="fromat")


def test_a_closed_gate_asks_nothing_further_and_names_both_parts() -> None:
    verdict = gate(ThinkTagsVerifier(), MathVerifier()).verify(TASK, "42")
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.FAIL)
    assert dict(verdict.parts) == {"think_tags": 0.0, "math": 0.0}


def test_parts_of_one_name_and_parts_of_parts_are_told_apart() -> None:
    inner = weighted({"a": (1.0, PASS), "b": (1.0, Fixed(0.5, Outcome.FAIL))})
    verdict = all_of(inner, PASS, PASS).verify(TASK, "x")
    assert dict(verdict.parts) == {
        "weighted": 1.5,
        "weighted.a": 1.0,
        "weighted.b": 0.5,
        "fixed": 1.0,
        "fixed_2": 1.0,
    }


def test_compositions_can_be_pickled() -> None:
    verifier = gate(all_of(ThinkTagsVerifier()), first_that_applies(ExactVerifier()))
    copy = pickle.loads(pickle.dumps(verifier))
    text = "<think></think>42"
    assert copy.verify(TASK, text) == verifier.verify(TASK, text)
    assert copy.verify(TASK, text).correct


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_impossible_compositions_are_refused(weight: float) -> None:
    with pytest.raises(UsageError):
        weighted({"a": (weight, PASS)})
    with pytest.raises(UsageError):
        weighted({})
    with pytest.raises(UsageError):
        all_of()
    with pytest.raises(UsageError):
        first_that_applies()
