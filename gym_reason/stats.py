"""Statistics of evaluations: rates, intervals, comparisons. Pure functions, no torch."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from gym_reason.errors import UsageError

Z_95 = 1.96
"""Half-width of a 95% interval in standard deviations of the normal distribution."""


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate.

    Without trials nothing is known: the interval is (0.0, 1.0).

    Args:
        successes: How many trials succeeded.
        trials: How many were made.
        z: Half-width in standard deviations of the normal distribution; 1.96 is 95 percent.

    Raises:
        UsageError: Where the counts are impossible or `z` is negative.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if not 0 <= successes <= trials:
        raise UsageError(f"{successes} successes of {trials} trials", "0 <= successes <= trials")
    if not z >= 0:
        raise UsageError(f"z = {z}", "a number of standard deviations, 0 or more")
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    spread = z * z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials)) / (1 + spread)
    # Rounding must not move an end past the rate itself where the interval touches 0 or 1.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return the unbiased estimate of the chance that one of `k` samples is correct.

    That is one minus the share of the `k`-subsets of the samples that hold no correct one.

    Args:
        samples: How many samples were drawn for the task.
        correct: How many of them are correct.
        k: How many an attempt may use, from 1 to `samples`.

    Raises:
        UsageError: Where the counts are impossible.

    Source: Chen et al., arXiv 2107.03374, equation 1.
    """
    if not 0 <= correct <= samples:
        raise UsageError(f"{correct} correct of {samples} samples", "0 <= correct <= samples")
    if not 1 <= k <= samples:
        raise UsageError(f"k = {k} with {samples} samples", f"k from 1 to {samples}", "draw more")
    total = math.comb(samples, k)
    return (total - math.comb(samples - correct, k)) / total


def majority_at_k(right: int, wrong: Sequence[int], abstained: int, k: int) -> float:
    """Return the chance that the most frequent answer of `k` of the samples is the right one.

    The `k` are drawn without replacement, as for pass@k, and a tie goes to each of its answers
    with the same chance. An abstention has no vote; without any vote nothing is elected.

    Args:
        right: How many samples are right: all of them are one answer.
        wrong: How many samples gave each wrong answer.
        abstained: How many samples gave no answer.
        k: How many vote, from 1 to the number of samples.

    Raises:
        UsageError: Where a count is negative or `k` impossible.
    """
    if min(right, abstained, *wrong) < 0:
        raise UsageError("a negative number of answers", "counts of 0 or more")
    total = right + sum(wrong) + abstained
    if not 1 <= k <= total:
        raise UsageError(f"k = {k} with {total} samples", f"k from 1 to {total}", "draw more")
    # In whole numbers: the ways in which the right answer has `votes` and no other one has more.
    won = sum(
        math.comb(right, votes) * ways / ties
        for votes in range(1, min(right, k) + 1)
        for ties, ways in _ways_not_to_win(wrong, abstained, votes, k - votes).items()
    )
    return won / math.comb(total, k)


def _ways_not_to_win(wrong: Sequence[int], abstained: int, most: int, seats: int) -> dict[int, int]:
    """Return in how many ways `seats` others leave the right answer on top with `most` votes.

    The keys say with how many answers it then shares the top, itself included.
    """
    ways = {(blank, 1): math.comb(abstained, blank) for blank in range(min(abstained, seats) + 1)}
    left = sum(wrong)
    for count in wrong:
        left -= count
        grown: dict[tuple[int, int], int] = {}
        for (taken, ties), number in ways.items():
            # Fewer votes than this leave seats that the answers still to come cannot fill.
            least = max(seats - taken - left, 0)
            for votes in range(least, min(count, most, seats - taken) + 1):
                key = taken + votes, ties + (votes == most)
                grown[key] = grown.get(key, 0) + number * math.comb(count, votes)
        ways = grown
    return {ties: number for (taken, ties), number in ways.items() if taken == seats}


def best_of_k(values: Sequence[float], scores: Sequence[float], k: int) -> float:
    """Return the expected value of the sample with the highest score among `k` of them.

    The `k` are drawn without replacement; samples of equal score are equally likely to be taken.
    With `values` as scores that is the expected maximum.

    Args:
        values: What each sample is worth.
        scores: What it is chosen by.
        k: How many are drawn, from 1 to the number of samples.

    Raises:
        UsageError: Where `k` is impossible, or values and scores are not one each.
    """
    count = len(values)
    if len(scores) != count:
        raise UsageError(f"{len(scores)} scores for {count} values", "one for each")
    if not 1 <= k <= count:
        raise UsageError(f"k = {k} with {count} samples", f"k from 1 to {count}", "draw more")
    of_score: dict[float, list[float]] = {}
    for value, score in zip(values, scores, strict=True):
        of_score.setdefault(score, []).append(value)
    expected, below = 0.0, 0
    for score in sorted(of_score):
        group = of_score[score]
        ways = math.comb(below + len(group), k) - math.comb(below, k)
        expected += math.fsum(group) / len(group) * (ways / math.comb(count, k))
        below += len(group)
    return expected


def clustered_error(clusters: Sequence[Sequence[float]]) -> float:
    """Return the standard error of the mean of all values, whose clusters alone are independent.

    The samples of one task are a cluster. Not finite with fewer than two clusters.

    Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 2.2, with the
    correction C / (C - 1) for few clusters.
    """
    kept = [cluster for cluster in clusters if cluster]
    count = sum(map(len, kept))
    if len(kept) < 2:
        return math.inf
    mean = math.fsum(value for cluster in kept for value in cluster) / count
    sums = [math.fsum(cluster) - len(cluster) * mean for cluster in kept]
    variance = math.fsum(one * one for one in sums) * len(kept) / (len(kept) - 1)
    return math.sqrt(variance) / count


def interval_over_tasks(means: Sequence[float]) -> tuple[float, float]:
    """Return the 95% interval of the mean of per-task success rates.

    Episodes on one task are no independent trials, so the spread is taken over tasks. Where each
    task is all right or all wrong that is a binomial proportion, and Wilson's interval is the
    better one; it also says what is not known where all tasks are alike.
    """
    count = len(means)
    if count == 0:
        return (0.0, 1.0)
    mean = sum(means) / count
    if count == 1 or all(value in (0.0, 1.0) for value in means) or len(set(means)) == 1:
        return wilson_interval(round(mean * count), count)
    half = Z_95 * clustered_error([[value] for value in means])
    return (max(mean - half, 0.0), min(mean + half, 1.0))


def paired_bootstrap(
    differences: Sequence[float], resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of the mean of paired differences, one for each task.

    Tasks are drawn with replacement. Without two of them nothing is known: (-inf, inf).

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return -math.inf, math.inf
    rng = np.random.default_rng(seed)
    means: list[np.ndarray] = []
    block = max(1_000_000 // len(values), 1)  # bounds the memory, whatever the number of tasks
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, len(values), size=(rows, len(values)))
        means.append(values[drawn].mean(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value of McNemar's test.

    Args:
        gained: How many tasks only the second solves.
        lost: How many only the first solves.

    Raises:
        UsageError: For negative counts.

    Source: McNemar (1947); the exact form is a binomial test of `gained` against one half.
    """
    if min(gained, lost) < 0:
        raise UsageError(f"{gained} gained, {lost} lost", "counts of 0 or more")
    count = gained + lost
    tail = sum(math.comb(count, number) for number in range(min(gained, lost) + 1))
    share: float = 2 * tail / (1 << count)  # of whole numbers: exact, whatever their size
    return min(1.0, share)


def detectable_effect(
    differences: Sequence[float], level: float = 0.05, power: float = 0.8
) -> float:
    """Return the least true difference that so many pairs would show with the given power.

    Not finite with fewer than two pairs.

    Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 5.
    """
    normal = NormalDist()
    reach = normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)
    return reach * clustered_error([[value] for value in differences])
