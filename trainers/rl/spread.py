"""How a step's figures spread over its episodes: errors, outcomes, parts of the reward."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from gym_reason.types import Group, Json, StopReason, Trajectory


def describe_spread(groups: Sequence[Group]) -> dict[str, Json]:
    """Return the figures of a step's episodes beside their means.

    `reward_error` and `accuracy_error` are standard errors; `length_low` and `length_high` the 10th
    and the 90th percentile of the tokens. `parts` has the mean of each part of the reward, and
    `outcomes` the number of episodes of each outcome, those that could not be scored among them.
    """
    played = [trajectory for group in groups for trajectory in group.trajectories]
    scorable = [trajectory for trajectory in played if trajectory.scorable]
    clusters = [number for number, g in enumerate(groups) for t in g.trajectories if t.scorable]
    figures: dict[str, Json] = {
        "reward_error": clustered_error([t.ret for t in scorable], clusters),
        "accuracy_error": clustered_error([float(t.correct) for t in scorable], clusters),
    }
    if scorable:
        lengths = np.quantile([t.completion_tokens for t in scorable], (0.1, 0.9))
        figures |= {"length_low": float(lengths[0]), "length_high": float(lengths[1])}
    figures["parts"] = mean_parts(scorable)
    figures["outcomes"] = dict(sorted(Counter(map(_name_outcome, played)).items()))
    return figures


def clustered_error(values: Sequence[float], clusters: Sequence[int]) -> float:
    """Return the standard error of the mean of values that come in clusters; 0 for one cluster.

    Episodes on one task are no independent trials.

    Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 2.2, with the usual
    correction for a small number of clusters.
    """
    count = len(set(clusters))
    if count < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    sums: dict[int, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    variance = math.fsum(total * total for total in sums.values()) / len(values) ** 2
    return math.sqrt(variance * count / (count - 1))


def mean_parts(trajectories: Sequence[Trajectory]) -> Mapping[str, float]:
    """Return the mean of each part of the last verdicts, over the episodes that have it."""
    found: dict[str, list[float]] = {}
    for trajectory in trajectories:
        verdict = trajectory.verdict
        for name, value in (verdict.parts if verdict is not None else {}).items():
            found.setdefault(name, []).append(float(value))
    return {name: math.fsum(values) / len(values) for name, values in sorted(found.items())}


def _name_outcome(trajectory: Trajectory) -> str:
    """Return the outcome of the last verdict, or the stop reason where that says more."""
    if trajectory.stop_reason in (StopReason.ENV_ERROR, StopReason.TIMEOUT):
        return str(trajectory.stop_reason)
    verdict = trajectory.verdict
    return str(verdict.outcome if verdict is not None else trajectory.stop_reason)
