"""How old the tokens of an update are, counted in versions of the weights."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from gym_reason.trainers.rl.collect import Collected, Sample, number_groups
from gym_reason.types import Json, Trajectory


def token_versions(trajectory: Trajectory) -> Iterable[int]:
    """Yield the version of the weights behind each token that the policy emitted in an episode."""
    for trace in trajectory.traces:
        versions = trace.versions or (trajectory.policy_version,) * len(trace.ids)
        yield from (v for v, acted in zip(versions, trace.action_mask, strict=True) if acted)


def drop_stale(collected: Collected, version: int, limit: int) -> tuple[Collected, int]:
    """Leave out episodes with a token that is too old; return what stays and how many went.

    An expert's tokens are of no version.

    Args:
        collected: The episodes of a step.
        version: The weights that are about to be updated.
        limit: Most versions that a token may lie behind them.
    """
    fresh = tuple(sample for sample in collected.samples if age(sample, version) <= limit)
    dropped = len(collected.samples) - len(fresh)
    if not dropped:
        return collected, 0
    return dataclasses.replace(collected, samples=number_groups(fresh)), dropped


def age(sample: Sample, version: int) -> int:
    """Return how many versions the oldest token of an episode lies behind; 0 for an expert's."""
    if sample.expert:
        return 0
    return version - min(token_versions(sample.trajectory), default=version)


def describe_staleness(collected: Collected, version: int) -> dict[str, Json]:
    """Return by how many versions the tokens that enter an update lie behind: mean and most."""
    ages: Counter[int] = Counter()
    for sample in collected.samples:
        if not sample.expert:
            ages.update(version - one for one in token_versions(sample.trajectory))
    count = sum(ages.values())
    mean = sum(at * tokens for at, tokens in ages.items()) / count if count else 0.0
    return {"staleness": mean, "staleness_most": max(ages, default=0)}
