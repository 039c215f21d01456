"""What may not be imitated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.distillation.filters import (
    DUPLICATE,
    INCOMPLETE,
    ODD_UNICODE,
    PERPLEXITY,
    REFUSED,
    REPETITIVE,
    UNSCORED,
    Answer,
    Limits,
    find_fault,
    most_repeats,
    odd_share,
    screen,
)

PIECE = " ".join(f"word{place}" for place in range(20)) + " "


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("q", "42", 1.0), ""),
        (Answer("q", "42", 0.9), ""),
        (Answer("q", "42", 0.89), REFUSED),
        (Answer("q", "42", 0.0), REFUSED),
        (Answer("q", "42", None), UNSCORED),
        (Answer("q", "42", 1.0, finished=False), INCOMPLETE),
        (Answer("q", " \n", 1.0), INCOMPLETE),
        (Answer("q", "<think>so 42", 1.0), INCOMPLETE),
        (Answer("q", "<think>so</think>42", 1.0), ""),
        (Answer("q", "so</think>42", 1.0), ""),  # the prompt has opened the thoughts
        (Answer("q", PIECE * 20, 1.0), ""),
        (Answer("q", PIECE * 21, 1.0), REPETITIVE),
        (Answer("q", "ha" * 60, 1.0), REPETITIVE),
        (Answer("q", "4\u00002\ufffd", 1.0), ODD_UNICODE),
        (Answer("q", "un café, 数学, 🙂\n\t", 1.0), ""),
        (Answer("q", "42", 1.0, perplexity=1e9), ""),
    ],
)
def test_each_fault_has_its_name(answer: Answer, reason: str) -> None:
    assert find_fault(answer, Limits()) == reason


def test_perplexity_is_cut_only_where_a_limit_is_set() -> None:
    limits = Limits(max_perplexity=10.0)
    assert find_fault(Answer("q", "42", 1.0, perplexity=10.0), limits) == ""
    assert find_fault(Answer("q", "42", 1.0, perplexity=10.1), limits) == PERPLEXITY
    assert find_fault(Answer("q", "42", 1.0, perplexity=float("nan")), limits) == PERPLEXITY


def test_of_equal_answers_the_first_that_passes_is_kept() -> None:
    answers = [
        Answer("q", "42", 0.0),
        Answer("q", "42", 1.0),
        Answer("q", "42", 1.0),
        Answer("other", "42", 1.0),
        Answer("q", "43", 1.0),
    ]
    assert screen(answers, Limits()) == [REFUSED, "", DUPLICATE, "", ""]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2"]), st.booleans())))
def test_nothing_that_the_verifier_refused_is_kept(rows: list[tuple[str, str, bool]]) -> None:
    answers = [Answer(prompt, text, float(right)) for prompt, text, right in rows]
    reasons = screen(answers, Limits())
    kept = [answer for answer, reason in zip(answers, reasons, strict=True) if not reason]
    assert all(answer.score == 1.0 for answer in kept)
    assert {(a.prompt, a.text) for a in kept} == {(p, t) for p, t, right in rows if right}
    assert len(kept) == len({(a.prompt, a.text) for a in kept})


def test_repeats_are_counted_by_words_and_in_their_absence_by_characters() -> None:
    assert most_repeats("") == 0
    assert most_repeats("one two") == 0
    assert most_repeats("a b " * 3, n=2) == 3
    assert most_repeats("ababab", n=2) == 3
    assert most_repeats("数学" * 25) == 16  # 50 characters, a period of two: 31 places


@given(st.text())
def test_odd_characters_are_a_share(text: str) -> None:
    assert 0.0 <= odd_share(text) <= 1.0
