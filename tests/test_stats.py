"""Statistics against brute force."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.stats import pass_at_k, wilson_interval


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
