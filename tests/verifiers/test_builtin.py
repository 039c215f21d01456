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
