"""Generalised advantages over the tokens of the policy, and the loss of the critic."""

import torch

from gym_reason.trainers.formulas.rows import EpisodeRows


def generalised_advantages(
    rows: EpisodeRows, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `advantages_NT` and `returns_NT`, both 0 where the mask is 0.

    With `delta_t = r_t + gamma V_(t+1) - V_t` and `A_t = delta_t + gamma lam A_(t+1)`, where t + 1
    is the policy's next token: tokens of the environment are stepped over, as if they took no time.
    Behind the last token stands `last_values_N`: 0 where the episode terminated, the critic's value
    of the last state where it was truncated. Returns are `A + V`, before any whitening.

    Raises:
        ValueError: For rows without values.

    Source: arXiv 1506.02438, equation 16.
    """
    values_NT = rows.values_NT
    if values_NT is None or rows.last_values_N is None:
        raise ValueError("generalised advantages need a critic; expected rl.critic.kind")
    acted_NT = rows.mask_NT > 0
    next_value_N = rows.last_values_N
    next_advantage_N = torch.zeros_like(next_value_N)
    advantages_NT = torch.zeros_like(values_NT)
    for t in range(values_NT.shape[1] - 1, -1, -1):
        value_N, acted_N = values_NT[:, t], acted_NT[:, t]
        delta_N = rows.token_rewards_NT[:, t] + gamma * next_value_N - value_N
        advantage_N = delta_N + gamma * lam * next_advantage_N
        advantages_NT[:, t] = torch.where(acted_N, advantage_N, 0.0)
        next_advantage_N = torch.where(acted_N, advantage_N, next_advantage_N)
        next_value_N = torch.where(acted_N, value_N, next_value_N)
    return advantages_NT, (advantages_NT + values_NT) * rows.mask_NT


def value_loss(
    values_NT: torch.Tensor, old_values_NT: torch.Tensor, returns_NT: torch.Tensor, clip: float
) -> torch.Tensor:
    """Return `1/2 max((V - R)^2, (clip(V, V_old +- clip) - R)^2)`, one value a token.

    A `clip` of 0 sets no limit: the plain squared error. Source: the PPO of verl and TRL.
    """
    free_NT = (values_NT - returns_NT).square()
    if clip == 0.0:
        return 0.5 * free_NT
    held_NT = old_values_NT + (values_NT - old_values_NT).clamp(-clip, clip)
    return 0.5 * torch.maximum(free_NT, (held_NT - returns_NT).square())


def explained_variance(
    values_NT: torch.Tensor, returns_NT: torch.Tensor, mask_NT: torch.Tensor
) -> torch.Tensor:
    """Return `1 - Var(R - V) / Var(R)` over the tokens of the policy; 0 where R does not vary."""
    acted_NT = mask_NT > 0
    returns_K, errors_K = returns_NT[acted_NT], (returns_NT - values_NT)[acted_NT]
    if len(returns_K) < 2:
        return values_NT.new_zeros(())
    variance = returns_K.var()
    share = 1.0 - errors_K.var() / variance.clamp(min=1e-12)
    return torch.where(variance > 1e-12, share, torch.zeros_like(share))
