"""Losses of reward models: from the scores of answers, and what they should be, to one loss each.

A scored place is the end of an answer or, for a process reward model, of a step of one. An example
is what a loss looks at together: a pair, a list, an answer, a solution with all its steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, softplus

from gym_reason.registry import Registry


@dataclass(frozen=True, slots=True)
class RewardRows:
    """R scored places of E examples, those of an example side by side; C outputs of the head."""

    logits_RC: torch.Tensor
    """What the head says of each place."""
    targets_RC: torch.Tensor
    """What it should say: a preference, a worth, a score, a chance, or a distribution of labels."""
    example_R: torch.Tensor
    """Number of the example that a place belongs to, from 0 and without a gap."""
    margin_R: torch.Tensor
    """The gap that is asked for between the two answers of a pair, the same at both."""

    @property
    def scores_R(self) -> torch.Tensor:
        """The first output, the only one of a head that scores."""
        return self.logits_RC[:, 0]

    @property
    def worth_R(self) -> torch.Tensor:
        """The first target."""
        return self.targets_RC[:, 0]


RewardLoss: TypeAlias = Callable[[RewardRows, float], torch.Tensor]
"""`(rows, centring) -> loss_E`."""

reward_losses: Registry[RewardLoss] = Registry("reward model loss")
"""Losses of reward models by name."""


@reward_losses.register("bradley_terry")
def bradley_terry(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return `-log sigmoid(r_w - r_l - margin) + centring (r_w + r_l)^2`, one a pair.

    The target of a pair's first answer is the chance that it is the better one; a chance between 0
    and 1, as a labelling model gives, is the weight of that side, and the rest that of the other.

    Source: arXiv 2203.02155, equation 1; margin: arXiv 2307.09288, equation 2; centring: arXiv
    2312.09244; soft labels: arXiv 2309.00267.
    """
    first_E, second_E = rows.scores_R[0::2], rows.scores_R[1::2]
    chance_E, margin_E = rows.worth_R[0::2], rows.margin_R[0::2]
    gap_E = first_E - second_E
    loss_E = chance_E * softplus(margin_E - gap_E) + (1.0 - chance_E) * softplus(margin_E + gap_E)
    return loss_E + centring * (first_E + second_E).square()


@reward_losses.register("ranked")
def ranked(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return the Bradley-Terry loss, averaged over the pairs of different worth of each list.

    Source: arXiv 2203.02155, equation 1.
    """
    better, worse = pairs_of(rows)
    first, second = rows.scores_R[better], rows.scores_R[worse]
    loss = softplus(second - first) + centring * (first + second).square()
    return example_mean(loss, rows.example_R[better], count_examples(rows))


@reward_losses.register("regression")
def regression(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return the squared distance of the score from its target."""
    loss_R = (rows.scores_R - rows.worth_R).square()
    return example_mean(loss_R, rows.example_R, count_examples(rows))


@reward_losses.register("outcome")
def outcome(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return the cross-entropy between the sigmoid of the score and the chance of being right.

    Source: the verifier of arXiv 2110.14168.
    """
    loss_R = binary_cross_entropy_with_logits(rows.scores_R, rows.worth_R, reduction="none")
    return example_mean(loss_R, rows.example_R, count_examples(rows))


@reward_losses.register("process")
def process(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return the loss of `outcome`, averaged over the labelled steps of each solution.

    Source: arXiv 2305.20050.
    """
    return outcome(rows, centring)


@reward_losses.register("classification")
def classification(rows: RewardRows, centring: float) -> torch.Tensor:
    """Return the cross-entropy of the labels, each a distribution: `-sum_c t_c log p_c`."""
    loss_R = -(rows.targets_RC * log_softmax(rows.logits_RC, -1)).sum(-1)
    return example_mean(loss_R, rows.example_R, count_examples(rows))


def pairs_of(rows: RewardRows) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the places of the better and of the worse answer of every pair within an example."""
    together_RR = rows.example_R[:, None] == rows.example_R[None, :]
    found = (together_RR & (rows.worth_R[:, None] > rows.worth_R[None, :])).nonzero()
    return found[:, 0], found[:, 1]


def count_examples(rows: RewardRows) -> int:
    """Return E."""
    return int(rows.example_R.max()) + 1


def example_mean(values: torch.Tensor, example: torch.Tensor, count: int) -> torch.Tensor:
    """Return the mean of the values of each of `count` examples; 0 for one without values."""
    sums_E = values.new_zeros(count).index_add(0, example, values)
    sizes_E = values.new_zeros(count).index_add(0, example, torch.ones_like(values))
    return sums_E / sizes_E.clamp(min=1.0)


def count_right(loss: str, rows: RewardRows) -> tuple[float, int]:
    """Return how many judgements of a reward model are right, and of how many.

    A judgement is the order of two answers of an example, a tie being half right; with `outcome`
    and `process` the side of 1/2 on which a place stands; with several labels the likeliest one.
    Targets that take no side are not counted.
    """
    if rows.logits_RC.shape[1] > 1:
        hits_R = rows.logits_RC.argmax(-1) == rows.targets_RC.argmax(-1)
        return float(hits_R.sum()), len(hits_R)
    if loss in ("outcome", "process"):
        sided_R = rows.worth_R != 0.5
        hits_R = (rows.scores_R > 0.0) == (rows.worth_R > 0.5)
        return float((hits_R & sided_R).sum()), int(sided_R.sum())
    better, worse = pairs_of(rows)
    gaps = rows.scores_R[better] - rows.scores_R[worse]
    return float((gaps > 0.0).sum() + 0.5 * (gaps == 0.0).sum()), len(gaps)
