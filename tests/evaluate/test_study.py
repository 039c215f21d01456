"""Studies of length, from results worked by hand."""

import pytest

from gym_reason.evaluate.study import choose_budgets, study_length, study_thinking
from tests.evaluate.figures import make_result

RESULTS = [
    make_result("a", 0, True, tokens=20),
    make_result("a", 1, False, tokens=40, answer="7"),
    make_result("a", 2, False, tokens=30, answer="7"),
    make_result("b", 0, False, tokens=10, answer="1"),
    make_result("b", 1, True, tokens=50),
    make_result("b", 2, False, tokens=60, truncated=True),
    make_result("c", 0, None, tokens=1000),
]


def test_budgets_are_powers_of_two_that_hold_all_samples_of_a_task() -> None:
    assert choose_budgets(RESULTS[:3]) == [16, 32, 64, 128]
    assert choose_budgets([]) == [16]


def test_a_budget_of_tokens_buys_samples_one_after_another() -> None:
    bought = study_thinking(RESULTS, [16, 64, 128])["tokens"]
    # 16: nothing of a, the wrong first one of b. 64: a0 and a1 (60), b0 and b1 (60). 128: all.
    assert [row["solved"] for row in bought] == [0.0, 1.0, 1.0]
    assert [row["samples"] for row in bought] == [0.5, 2.0, 3.0]
    # 64: one against one in both. 128: a elects 7; b has a 1, a right one and one that is silent.
    assert [row["elected"] for row in bought] == [0.0, 0.5, 0.25]


def test_a_budget_of_latency_buys_every_sample_that_is_short_enough() -> None:
    bought = study_thinking(RESULTS, [16, 32, 64])["latency"]
    assert [row["samples"] for row in bought] == [0.5, 1.5, 3.0]
    assert [row["solved"] for row in bought] == [0.0, 0.5, 1.0]


def test_the_length_study_tells_cut_answers_apart() -> None:
    study = study_length(RESULTS)
    assert [(row["tokens"], row["accuracy"]) for row in study["by_rank"]] == [
        (15.0, 0.5),
        (40.0, 0.5),
        (50.0, 0.0),
    ]
    lengths = {"correct": 35.0, "incorrect": pytest.approx(80 / 3), "truncated": 60.0}
    assert study["by_correctness"] == lengths
    assert study["truncated"] == pytest.approx(1 / 6)
    assert sum(row["tasks"] for row in study["by_difficulty"]) == 2
    assert study["accuracy_by_budget"][-1][1] == pytest.approx(1 / 3)
