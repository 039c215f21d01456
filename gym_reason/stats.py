"""Statistics of pass rates. Pure functions, no torch."""

import math

from gym_reason.errors import UsageError


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
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
