"""Self-consistency over a group."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.types import Outcome
from gym_reason.verifiers.steps import SelfConsistency, majority, self_consistency


def test_equal_answers_are_one() -> None:
    vote = majority(["1/2", "0.5", "\\frac{1}{2}", "50%", "2", None])
    assert vote.answer == "1/2"
    assert vote.candidates == (0, 0, 0, 0, 1, None)
    assert vote.share == pytest.approx(4 / 6)
    assert vote.entropy == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))


def test_the_majority_is_right() -> None:
    verdicts = self_consistency(["\\boxed{5}", "so #### 5", "The answer is 6", "I pass"])
    assert [v.outcome.value for v in verdicts] == ["pass", "pass", "fail", "no_answer"]
    assert [v.reward for v in verdicts] == [1.0, 1.0, 0.0, 0.0]
    assert [v.parts["agreement"] for v in verdicts] == [0.5, 0.5, 0.25, 0.0]


def test_share_is_one_where_all_agree_and_one_by_the_group_where_none_does() -> None:
    agreed = self_consistency(["5"] * 4, reward="share")
    assert [verdict.reward for verdict in agreed] == [1.0] * 4
    apart = self_consistency(["1", "2", "3", "4"], reward="share")
    assert [verdict.reward for verdict in apart] == [0.25] * 4
    assert {verdict.outcome for verdict in apart} == {Outcome.FAIL}


def test_a_tie_labels_nobody_unless_asked() -> None:
    tied = self_consistency(["1", "2", "1", "2", "no"])
    assert [v.outcome.value for v in tied] == ["unscorable"] * 4 + ["no_answer"]
    first = self_consistency(["1", "2", "1", "2"], ties="first")
    assert [verdict.correct for verdict in first] == [True, False, True, False]


def test_a_small_majority_can_be_refused() -> None:
    verdicts = SelfConsistency(min_share=0.6).judge(["1", "1", "2", "3"])
    assert {verdict.outcome for verdict in verdicts} == {Outcome.UNSCORABLE}
    assert SelfConsistency(min_share=0.5).judge(["1", "1", "2", "3"])[0].correct


def test_weights() -> None:
    verdicts = self_consistency(["1", "1", "2"], weights=[0.2, 0.2, 0.6])
    assert [verdict.correct for verdict in verdicts] == [False, False, True]
    assert verdicts[2].parts["agreement"] == pytest.approx(0.6)
    nobody = self_consistency(["1", "2"], weights=[0, 0])
    assert {verdict.outcome for verdict in nobody} == {Outcome.UNSCORABLE}
    tied = majority(["1", "2", "2"], weights=[0.3, 0.1, 0.2])
    assert tied.tied


def test_words_and_nothing() -> None:
    assert majority(["Paris", "paris", "Rome"]).share == pytest.approx(2 / 3)
    towns = self_consistency(["Paris", "So \\boxed{Rome}", "paris"])
    assert [v.outcome.value for v in towns] == ["no_answer", "pass", "no_answer"]
    assert [v.correct for v in self_consistency(["Paris", "Rome", "paris"])] == [True, False, True]
    assert self_consistency([]) == ()
    assert majority([]).answer is None
    empty = self_consistency(["", "<think>5"])
    assert {verdict.outcome for verdict in empty} == {Outcome.NO_ANSWER}


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.inf], [math.nan, 1.0]])
def test_bad_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(UsageError):
        majority(["1", "2"], weights=weights)


def test_bad_choices_are_refused() -> None:
    with pytest.raises(UsageError):
        majority(["1"], ties="all")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        self_consistency(["1"], reward="most")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        self_consistency(["1"], min_share=2)


ANSWERS = st.lists(st.sampled_from(["1", "1.0", "2", "4/2", "x", "", None]), max_size=9)


@given(ANSWERS, st.randoms())
def test_the_vote_does_not_depend_on_the_order(answers: list[str | None], random: object) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before, after = majority(answers), majority(shuffled)
    assert before.share == pytest.approx(after.share)
    assert before.tied == after.tied
    assert (before.answer is None) == (after.answer is None)
    assert sum(before.weights) <= 1 + 1e-9


@given(ANSWERS, st.floats(0.1, 10))
def test_equal_weights_are_no_weights(answers: list[str | None], weight: float) -> None:
    plain, weighted = majority(answers), majority(answers, weights=[weight] * len(answers))
    assert plain.answer == weighted.answer
    assert plain.share == pytest.approx(weighted.share)


@given(st.lists(st.text(), max_size=6))
def test_any_group_is_judged(submissions: list[str]) -> None:
    verdicts = self_consistency(submissions)
    assert len(verdicts) == len(submissions)
    assert all(0.0 <= verdict.reward <= 1.0 for verdict in verdicts)
