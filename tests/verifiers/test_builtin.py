"""Verifiers by name."""

import pytest

from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier, ThinkTagsVerifier, Verifier, make_verifier


@pytest.mark.parametrize("name", ["math", "exact", "positions", "think_tags", "answer_tags"])
def test_every_builtin_is_made_by_its_name(name: str) -> None:
    verifier = make_verifier(name)
    assert isinstance(verifier, Verifier)
    assert verifier.name == name


def test_arguments_follow_the_name() -> None:
    strict = make_verifier("math:strict,tolerance=0.01")
    assert isinstance(strict, MathVerifier)
    assert strict.profile == "strict"
    assert strict.verify(Task("t", (), "100"), "100.5").correct
    tags = make_verifier("think_tags:require_thought=true")
    assert isinstance(tags, ThinkTagsVerifier)
    assert tags.require_thought is True


def test_a_verifier_is_its_own_spec() -> None:
    verifier = MathVerifier()
    assert make_verifier(verifier) is verifier


@pytest.mark.parametrize("spec", ["math:loose", "math:strict,1,2", "math:size=3", "exact:x"])
def test_arguments_that_a_verifier_does_not_take_are_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        make_verifier(spec)


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'math'"):
        make_verifier("maths")
    with pytest.raises(UsageError, match="type int"):
        make_verifier(3)  # type: ignore[arg-type]


def test_a_table_of_parts_is_their_weighted_sum() -> None:
    parts = {"answer": [1.0, "math"], "format": [0.5, "think_tags"], "language": (1, "language")}
    verifier = make_verifier(parts)
    right = verifier.verify(Task("t", (), "3"), "<think>one and two</think>3")
    assert (right.reward, right.correct) == (2.5, True)
    assert right.parts["language"] == 1.0  # all letters are of one script
    wrong = verifier.verify(Task("t", (), "3"), "<think>one and два</think>4")
    assert not wrong.correct
    assert 0.5 < wrong.reward < 1.5
    for part in ("math", [1.0], ["much", "math"], [True, "math"]):
        with pytest.raises(UsageError, match="answer"):
            make_verifier({"answer": part})
    with pytest.raises(UnknownNameError):
        make_verifier({"answer": [1.0, "maths"]})
