"""Lengths beside correctness: ranks, strata, budgets, and what a limit cut."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.overthinking import (
    Sample,
    accuracy_by_budget,
    lengthening,
    lengths_by_correctness,
    lengths_by_difficulty,
    lengths_by_rank,
    order_by_length,
    ranks_of_extremes,
    share_truncated,
    solved_by_budget,
)

HAND = (
    (Sample(10, True), Sample(30, False), Sample(20, True)),
    (Sample(50, False), Sample(40, True), Sample(60, False, True)),
)


def samples(*pairs: tuple[int, bool]) -> tuple[Sample, ...]:
    return tuple(Sample(tokens, correct) for tokens, correct in pairs)


def test_ranks_are_worked_by_hand() -> None:
    rows = lengths_by_rank(HAND)
    assert [(row.rank, row.tokens, row.accuracy, row.truncated, row.tasks) for row in rows] == [
        (1, 25.0, 1.0, 0.0, 2),
        (2, 35.0, 0.5, 0.0, 2),
        (3, 45.0, 0.0, 0.5, 2),
    ]
    assert lengths_by_rank([]) == []
    assert [row.tasks for row in lengths_by_rank([HAND[0], HAND[0][:1]])] == [2, 1, 1]


def test_ties_keep_the_order_of_drawing() -> None:
    drawn = samples((5, True), (3, False), (5, False), (3, True))
    assert order_by_length(drawn) == [drawn[1], drawn[3], drawn[0], drawn[2]]
    assert [row.accuracy for row in lengths_by_rank([drawn])] == [0.0, 1.0, 1.0, 0.0]


def test_accuracy_is_flat_where_length_has_nothing_to_do_with_it() -> None:
    generator = random.Random(0)
    tasks = [
        [Sample(generator.randrange(1000), generator.random() < 0.6) for _ in range(10)]
        for _ in range(4000)
    ]
    rows = lengths_by_rank(tasks)
    # Four standard deviations of a share of 4,000.
    assert all(abs(row.accuracy - 0.6) < 4 * (0.24 / 4000) ** 0.5 for row in rows)
    assert [row.tokens for row in rows] == sorted(row.tokens for row in rows)
    # And it is not where long answers are wrong.
    slanted = [[Sample(s.tokens, s.tokens < 600) for s in task] for task in tasks]
    accuracies = [row.accuracy for row in lengths_by_rank(slanted)]
    assert accuracies[0] > 0.9 > 0.1 > accuracies[-1]


def test_extremes_by_hand() -> None:
    assert ranks_of_extremes(HAND) == {
        "shortest correct": 1.0,
        "longest correct": 1.5,
        "shortest incorrect": 2.5,
        "longest incorrect": 2.5,
    }
    assert ranks_of_extremes([])["shortest correct"] is None


def test_what_was_cut_is_neither_right_nor_wrong() -> None:
    assert lengths_by_correctness(HAND) == {
        "correct": pytest.approx(70 / 3),
        "incorrect": 40.0,
        "truncated": 60.0,
    }
    assert lengths_by_correctness([]) == dict.fromkeys(("correct", "incorrect", "truncated"))
    assert share_truncated(HAND) == pytest.approx(1 / 6)


def test_strata_are_shares_of_right_answers_the_easiest_first() -> None:
    easy = samples((10, True), (12, True))
    middle = samples((20, True), (30, False))
    hard = samples((50, False), (50, False))
    rows = lengths_by_difficulty([hard, easy, middle], strata=2)
    assert [(row.low, row.high, row.tasks) for row in rows] == [(0.5, 1.0, 2), (0.0, 0.5, 1)]
    assert [row.tokens for row in rows] == [18.0, 50.0]
    rows = lengths_by_difficulty([hard, easy, middle], strata=4)
    assert [row.tasks for row in rows] == [1, 1, 0, 1]
    assert rows[2].tokens is None
    assert lengthening(rows) == {"inside": 25.0 - 11.0, "beyond": 50.0 - 25.0}
    assert lengthening(rows[:1]) == {"inside": None, "beyond": None}
    with pytest.raises(UsageError, match="strata = 0"):
        lengths_by_difficulty([], strata=0)


@given(
    st.lists(
        st.lists(st.booleans(), min_size=1, max_size=6).map(
            lambda rights: tuple(Sample(1, right) for right in rights)
        ),
        max_size=8,
    ),
    st.integers(1, 7),
)
def test_every_task_is_in_the_stratum_of_its_share(
    tasks: list[tuple[Sample, ...]], strata: int
) -> None:
    rows = lengths_by_difficulty(tasks, strata)
    assert sum(row.tasks for row in rows) == len(tasks)
    for row in rows:
        if row.tasks:
            assert row.low - 1e-9 <= row.accuracy <= row.high + 1e-9


def test_budgets_by_hand() -> None:
    assert accuracy_by_budget(HAND, [5, 15, 40]) == [
        (5, 0.0),
        (15, pytest.approx(1 / 6)),
        (40, pytest.approx(0.5)),
    ]
    task = samples((10, False), (20, True), (5, True))
    # One after another the right one is reached with 30; side by side the third needs only 5.
    assert solved_by_budget([task], [5, 29, 30], "tokens") == [(5, 0.0), (29, 0.0), (30, 1.0)]
    assert solved_by_budget([task], [4, 5], "latency") == [(4, 0.0), (5, 1.0)]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=5),
        min_size=1,
        max_size=5,
    )
)
def test_more_budget_never_hurts_and_time_buys_no_less_than_tokens(
    rows: list[list[tuple[int, bool]]],
) -> None:
    tasks = [samples(*row) for row in rows]
    budgets = [1, 10, 50, 300]
    for curve in (
        accuracy_by_budget(tasks, budgets),
        solved_by_budget(tasks, budgets, "tokens"),
        solved_by_budget(tasks, budgets, "latency"),
    ):
        shares = [share for _, share in curve]
        assert shares == sorted(shares)
    by_tokens = solved_by_budget(tasks, budgets, "tokens")
    by_time = solved_by_budget(tasks, budgets, "latency")
    assert all(a[1] <= b[1] for a, b in zip(by_tokens, by_time, strict=True))
