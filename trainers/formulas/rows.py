"""What the formulas know of a window's episodes."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class EpisodeRows:
    """N episodes, each with all its tokens in a row, and their rewards."""

    mask_NT: torch.Tensor
    """1 on the tokens that the policy emitted."""
    token_rewards_NT: torch.Tensor
    """Each reward at the last token of the action that earned it; 0 elsewhere."""
    group_N: torch.Tensor
    """Number of the task, from 0: episodes of one number are compared with each other."""
    step_NT: torch.Tensor
    """Which action of its episode a token belongs to, from 0."""
    values_NT: torch.Tensor | None = None
    """The critic's value of the state before each token; None without a critic."""
    last_values_N: torch.Tensor | None = None
    """What is worth the state behind the last token: 0 where the episode terminated."""

    @property
    def rewards_N(self) -> torch.Tensor:
        """The sum of each episode's rewards."""
        return self.token_rewards_NT.sum(1)

    def spread(self, values_N: torch.Tensor) -> torch.Tensor:
        """Return one value an episode as one value a token of the policy, shape `[N, T]`."""
        return values_N[:, None] * self.mask_NT


def group_sum(values_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return, for each row, the sum over its group, shape `[N]`."""
    size = int(group_N.max()) + 1
    return values_N.new_zeros(size).index_add_(0, group_N, values_N)[group_N]


def group_size(group_N: torch.Tensor, like_N: torch.Tensor) -> torch.Tensor:
    """Return, for each row, how many rows its group has, in the type of `like_N`."""
    return group_sum(torch.ones_like(like_N), group_N)


def group_mean(values_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return each row's group mean, shape `[N]`."""
    return group_sum(values_N, group_N) / group_size(group_N, values_N)


def group_std(values_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return each row's unbiased group deviation, shape `[N]`; 1 for a group of one."""
    count_N = group_size(group_N, values_N)
    squares_N = (values_N - group_mean(values_N, group_N)).square()
    variance_N = group_sum(squares_N, group_N) / (count_N - 1.0).clamp(min=1.0)
    return torch.where(count_N > 1, variance_N.sqrt(), torch.ones_like(values_N))


def masked_mean(values_NT: torch.Tensor, mask_NT: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens of the policy, a scalar."""
    return (values_NT * mask_NT).sum() / mask_NT.sum().clamp(min=1.0)


def whiten(values_NT: torch.Tensor, mask_NT: torch.Tensor) -> torch.Tensor:
    """Return values of mean 0 and unbiased deviation 1 over the tokens of the policy.

    Values that are all alike become 0: there is nothing to tell them apart by.
    """
    mean = masked_mean(values_NT, mask_NT)
    count = mask_NT.sum()
    squares = ((values_NT - mean).square() * mask_NT).sum() / (count - 1.0).clamp(min=1.0)
    return (values_NT - mean) * torch.rsqrt(squares + 1e-8) * mask_NT


def reward_to_go(token_rewards_NT: torch.Tensor, gamma: float = 1.0) -> torch.Tensor:
    """Return the discounted sum of the rewards at and after each token, shape `[N, T]`."""
    if gamma == 1.0:
        return token_rewards_NT.flip(1).cumsum(1).flip(1)
    result_NT = token_rewards_NT.clone()
    for t in range(token_rewards_NT.shape[1] - 2, -1, -1):
        result_NT[:, t] += gamma * result_NT[:, t + 1]
    return result_NT
