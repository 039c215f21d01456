"""Statistics against brute force."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.stats import (
    best_of_k,
    clustered_error,
    detectable_effect,
    interval_over_tasks,
    majority_at_k,
    mcnemar,
    paired_bootstrap,
    pass_at_k,
    wilson_interval,
)


@pytest.mark.parametrize("samples", range(1, 8))
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(samples: int) -> None:
    for correct, k in itertools.product(range(samples + 1), range(1, samples + 1)):
        subsets = list(itertools.combinations(range(samples), k))
        share = sum(any(i < correct for i in subset) for subset in subsets) / len(subsets)
        assert pass_at_k(samples, correct, k) == pytest.approx(share, abs=1e-12)


def test_pass_at_k_of_many_samples_does_not_overflow() -> None:
    expected = 1.0 - math.prod(1.0 - 100 / n for n in range(9_901, 10_001))
    assert pass_at_k(10_000, 100, 100) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("samples", "correct", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_pass_at_k_refuses_impossible_counts(samples: int, correct: int, k: int) -> None:
    with pytest.raises(UsageError):
        pass_at_k(samples, correct, k)


def test_wilson_interval_of_a_worked_example() -> None:
    # Solutions of (p - 0.8)^2 = 1.96^2 p (1 - p) / 10.
    low, high = wilson_interval(8, 10)
    assert low == pytest.approx(0.490157, abs=1e-6)
    assert high == pytest.approx(0.943319, abs=1e-6)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_solves_its_equation_and_holds_the_rate(counts: tuple[int, int]) -> None:
    successes, trials = counts
    rate, z = successes / trials, 1.96
    low, high = wilson_interval(successes, trials, z)
    assert 0.0 <= low <= rate <= high <= 1.0
    for end in (low, high):
        assert (end - rate) ** 2 == pytest.approx(z * z * end * (1 - end) / trials, abs=1e-9)


def test_wilson_interval_without_trials_knows_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials", "z"), [(2, 1, 1.0), (-1, 1, 1.0), (0, 1, -1.0)])
def test_wilson_interval_refuses_impossible_counts(successes: int, trials: int, z: float) -> None:
    with pytest.raises(UsageError):
        wilson_interval(successes, trials, z)


def vote(answers: Sequence[str]) -> float:
    """Return the chance that a vote elects the answer `r`; an empty one abstains."""
    counts = Counter(filter(None, answers))
    most = max(counts.values(), default=0)
    leaders = [answer for answer, count in counts.items() if count == most]
    return leaders.count("r") / len(leaders) if leaders else 0.0


@given(st.lists(st.sampled_from(["r", "a", "b", "c", ""]), min_size=1, max_size=7), st.data())
def test_majority_at_k_is_the_mean_over_all_subsets(
    answers: list[str], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    subsets = list(itertools.combinations(answers, k))
    expected = sum(map(vote, subsets)) / len(subsets)
    counts = Counter(answers)
    wrong = [count for answer, count in counts.items() if answer not in ("r", "")]
    assert majority_at_k(counts["r"], wrong, counts[""], k) == pytest.approx(expected)


def test_majority_of_many_samples_is_no_approximation() -> None:
    assert majority_at_k(128, [1] * 128, 0, 256) == 1.0
    # One right and one wrong answer in equal parts: by symmetry, whatever k is.
    assert all(majority_at_k(100, [100], 0, k) == pytest.approx(0.5) for k in (1, 2, 99, 200))


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.integers(-2, 2)),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_best_of_k_is_the_mean_over_all_subsets(
    samples: list[tuple[int, int]], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(samples)))

    def best(subset: tuple[tuple[int, int], ...]) -> float:
        most = max(score for _, score in subset)
        return float(np.mean([value for value, score in subset if score == most]))

    subsets = list(itertools.combinations(samples, k))
    expected = sum(map(best, subsets)) / len(subsets)
    values, scores = zip(*samples, strict=True)
    assert best_of_k(values, scores, k) == pytest.approx(expected)


def test_pass_at_k_is_the_best_of_k_by_a_perfect_verifier() -> None:
    for right, k in itertools.product(range(6), range(1, 6)):
        values = [1.0] * right + [0.0] * (5 - right)
        assert best_of_k(values, values, k) == pytest.approx(pass_at_k(5, right, k))


def test_impossible_counts_are_refused() -> None:
    calls: list[Callable[[], float]] = [
        lambda: majority_at_k(-1, [], 0, 1),
        lambda: majority_at_k(1, [-1], 0, 1),
        lambda: majority_at_k(1, [], 0, 2),
        lambda: best_of_k([1.0], [], 1),
        lambda: best_of_k([1.0], [1.0], 0),
        lambda: mcnemar(-1, 0),
    ]
    for call in calls:
        with pytest.raises(UsageError):
            call()


def test_the_interval_is_wilsons_where_tasks_are_all_or_nothing() -> None:
    # 8 of 10, z = 1.96: centre 0.7169, half width 0.2265, as Wilson's formula gives by hand.
    assert interval_over_tasks([1.0] * 8 + [0.0] * 2) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert interval_over_tasks([1.0] * 4)[1] == 1.0
    assert 0.0 < interval_over_tasks([1.0] * 4)[0] < 1.0
    assert interval_over_tasks([]) == (0.0, 1.0)


def test_the_interval_is_clustered_otherwise() -> None:
    means = [0.25, 0.5, 0.75, 0.5]
    half = 1.96 * (0.125 / 3 / 4) ** 0.5
    assert interval_over_tasks(means) == pytest.approx((0.5 - half, 0.5 + half))


def test_equal_shares_on_every_task_leave_some_doubt() -> None:
    low, high = interval_over_tasks([0.5] * 64)
    assert low < 0.5 < high


@given(st.lists(st.fractions(0, 1, max_denominator=8).map(float), max_size=30))
def test_the_interval_holds_the_mean_and_stays_a_share(means: list[float]) -> None:
    low, high = interval_over_tasks(means)
    assert 0.0 <= low <= high <= 1.0
    if len(means) > 1:
        mean = sum(means) / len(means)
        assert low - 1e-12 <= mean <= high + 1e-12


def test_the_clustered_error_of_a_worked_example() -> None:
    # Mean 0.5; deviations sum to 0.5 + 0.5, 0 and -0.5 - 0.5; (1 + 0 + 1) * 3/2 = 3; sqrt(3) / 5.
    clusters = [[1.0, 1.0], [0.5], [0.0, 0.0]]
    assert clustered_error(clusters) == pytest.approx(math.sqrt(3) / 5)
    # Clusters of one are the usual error of a mean.
    values = [0.1, 0.7, 0.4, 0.9]
    usual = np.std(values, ddof=1) / 2
    assert clustered_error([[value] for value in values]) == pytest.approx(usual)
    # Each sample written down twice makes nobody surer.
    assert clustered_error([[value] * 2 for value in values]) == pytest.approx(usual)
    assert clustered_error([[1.0, 0.0], []]) == math.inf


@given(st.lists(st.integers(-2, 2), min_size=2, max_size=4))
def test_the_bootstrap_is_that_of_all_resamples(differences: list[int]) -> None:
    # With so few pairs every resample can be written down, each as likely as the other.
    every = [
        sum(resample) / len(differences)
        for resample in itertools.product(differences, repeat=len(differences))
    ]
    low, high = paired_bootstrap(differences, resamples=20_000)
    assert np.mean(np.asarray(every) < low - 1e-9) <= 0.03
    assert np.mean(np.asarray(every) <= low + 1e-9) >= 0.02
    assert np.mean(np.asarray(every) > high + 1e-9) <= 0.03
    assert np.mean(np.asarray(every) >= high - 1e-9) >= 0.02


def test_the_bootstrap_is_the_same_every_time_and_knows_nothing_of_one_pair() -> None:
    values = [0.0, 1.0, 0.5] * 50
    assert paired_bootstrap(values) == paired_bootstrap(values)
    assert paired_bootstrap([1.0]) == paired_bootstrap([]) == (-math.inf, math.inf)
    low, high = paired_bootstrap(values)
    half = 1.96 * clustered_error([[value] for value in values])
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.01)


def test_mcnemar_is_the_share_of_coin_rows_that_are_as_uneven() -> None:
    for gained, lost in itertools.product(range(7), range(7)):
        rows = itertools.product((0, 1), repeat=gained + lost)
        gap = abs(gained - lost)
        as_uneven = [abs(2 * sum(row) - gained - lost) >= gap for row in rows]
        assert mcnemar(gained, lost) == pytest.approx(sum(as_uneven) / len(as_uneven))


def test_the_detectable_effect_of_a_worked_example() -> None:
    # Standard deviation 1 of 100 pairs: (1.95996 + 0.84162) / 10.
    values = [1.0, -1.0] * 50
    scaled = [value * math.sqrt(99 / 100) for value in values]
    assert detectable_effect(scaled) == pytest.approx(0.280158, abs=1e-5)
    assert detectable_effect([1.0]) == math.inf
