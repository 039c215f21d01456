"""A policy small enough to know everything about: one row of logits for each place."""

from collections.abc import Callable

import torch

from gym_reason.trainers.formulas import aggregations, policy_losses
from gym_reason.trainers.formulas.policy_loss import ClipSettings, PolicyRows
from gym_reason.trainers.formulas.rows import EpisodeRows

V, T, G = 5, 6, 4
FREE = ClipSettings(low=1e9, high=1e9)
"""A range that no ratio leaves."""


def tabular_policy(seed: int) -> torch.Tensor:
    """Return logits theta_TV of a policy that chooses token t from row t."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, V, generator=generator, dtype=torch.float64)


def logps_of(theta_TV: torch.Tensor, actions_NT: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of sampled tokens under the tabular policy."""
    return theta_TV.log_softmax(-1)[torch.arange(T), actions_NT]


def sample_actions(seed: int = 3, count: int = G) -> torch.Tensor:
    """Return sampled responses."""
    return torch.randint(V, (count, T), generator=torch.Generator().manual_seed(seed))


def mask_of(*lengths: int) -> torch.Tensor:
    """Return the mask of responses of given lengths."""
    return (torch.arange(T) < torch.tensor(lengths)[:, None]).double()


def episodes_of(
    rewards: list[float],
    groups: list[int],
    mask_NT: torch.Tensor | None = None,
    values_NT: torch.Tensor | None = None,
    last_values_N: torch.Tensor | None = None,
) -> EpisodeRows:
    """Return episodes of one action each, with the reward at its last token."""
    mask_NT = torch.ones(len(rewards), T, dtype=torch.float64) if mask_NT is None else mask_NT
    token_rewards_NT = torch.zeros_like(mask_NT)
    last_N = (mask_NT * torch.arange(mask_NT.shape[1])).argmax(1)
    token_rewards_NT[torch.arange(len(rewards)), last_N] = torch.tensor(
        rewards, dtype=torch.float64
    )
    if values_NT is not None and last_values_N is None:
        last_values_N = torch.zeros(len(rewards), dtype=torch.float64)
    return EpisodeRows(
        mask_NT,
        token_rewards_NT,
        torch.tensor(groups),
        torch.zeros_like(mask_NT, dtype=torch.long),
        values_NT,
        last_values_N,
    )


def gradient_of(loss: Callable[[torch.Tensor], torch.Tensor], seed: int = 1) -> torch.Tensor:
    """Return the gradient of `loss(theta_TV)` at a tabular policy."""
    theta_TV = tabular_policy(seed).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(theta_TV), theta_TV)
    return gradient


def method_gradient(
    advantages_NT: torch.Tensor,
    policy_loss: str,
    aggregation: str,
    mask_NT: torch.Tensor,
    *,
    old_seed: int | None = None,
    clip: ClipSettings | None = None,
    expert_N: torch.Tensor | None = None,
    constant: int = T,
) -> torch.Tensor:
    """Return the gradient of a method on `sample_actions()`, on-policy unless `old_seed` is set."""
    actions_NT = sample_actions(count=len(mask_NT))

    def loss(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        old_NT = (
            logps_NT.detach()
            if old_seed is None
            else logps_of(tabular_policy(old_seed), actions_NT)
        )
        rows = PolicyRows(logps_NT, old_NT, advantages_NT, mask_NT, expert_N)
        token = policy_losses.get(policy_loss)(rows, clip or ClipSettings())
        return (token.loss_NT * aggregations.get(aggregation)(mask_NT, constant)).sum()

    return gradient_of(loss)
