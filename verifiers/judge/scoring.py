"""From the replies of a judge to a reward and its parts. Pure functions."""

import math
from collections.abc import Sequence

from gym_reason.verifiers.judge.replies import PairwiseReply, PointwiseReply
from gym_reason.verifiers.judge.settings import Criterion


def score_pointwise(
    replies: Sequence[PointwiseReply], criteria: Sequence[Criterion]
) -> tuple[float, dict[str, float]]:
    """Return the reward from 0 to 1, and its parts.

    The reward is the mean over the replies of the weighted mean over the criteria, each put on the
    scale from 0 to 1. `spread` is the widest gap between two replies.
    """
    rows = [
        [(reply.scores[c.name] - c.low) / (c.high - c.low) for c in criteria] for reply in replies
    ]
    total = math.fsum(criterion.weight for criterion in criteria)
    rewards = [
        math.fsum(c.weight * value for c, value in zip(criteria, row, strict=True)) / total
        for row in rows
    ]
    columns = zip(*rows, strict=True)
    parts = {c.name: _mean(column) for c, column in zip(criteria, columns, strict=True)}
    parts |= {"votes": float(len(rows)), "spread": max(rewards) - min(rewards)}
    return _mean(rewards), parts


def score_pairwise(
    as_first: Sequence[PairwiseReply], as_second: Sequence[PairwiseReply]
) -> tuple[float, dict[str, float]]:
    """Return the share of comparisons that the submission wins, a tie for half, and its parts.

    Both orders count the same, so that a judge who always prefers a place gives one half.
    `order_gap` is how much the place decided: 0 not at all, 1 everything.

    Args:
        as_first: Replies where the submission stood as A.
        as_second: Replies where it stood as B.

    Source: Zheng et al., arXiv 2306.05685 (both orders against position bias).
    """
    first = [_won(reply, "A") for reply in as_first]
    second = [_won(reply, "B") for reply in as_second]
    means = _mean(first), _mean(second)
    parts = {
        "as_first": means[0],
        "as_second": means[1],
        "order_gap": abs(means[0] - means[1]),
        "votes": float(len(first) + len(second)),
    }
    return (means[0] + means[1]) / 2, parts


def _won(reply: PairwiseReply, place: str) -> float:
    return 0.5 if reply.winner == "tie" else float(reply.winner == place)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
