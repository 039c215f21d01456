"""What is added to rewards before advantages are taken."""

import torch


def overlong_penalty(
    length_N: torch.Tensor, max_tokens: int, cache: int, factor: float
) -> torch.Tensor:
    """Return `min(-(length - (max_tokens - cache)) / cache * factor, 0)`, shape `[N]`.

    0 up to `max_tokens - cache` tokens, `-factor` at `max_tokens`.
    Source: DAPO's soft overlong punishment, arXiv 2503.14476, equation 13.
    """
    if cache <= 0:
        return torch.zeros_like(length_N)
    return (-(length_N - (max_tokens - cache)) / cache * factor).clamp(max=0.0)


def kl_in_reward(
    token_rewards_NT: torch.Tensor, kl_NT: torch.Tensor, mask_NT: torch.Tensor, weight: float
) -> torch.Tensor:
    """Return the rewards with the divergence paid at each token: `r_t - weight * kl_t`.

    Source: InstructGPT, arXiv 2203.02155, equation 2, with k1 as the estimate.
    """
    return token_rewards_NT - weight * kl_NT * mask_NT


def self_consistency(answers: list[str], group_N: torch.Tensor) -> torch.Tensor:
    """Return the share of the group's answers that equal each answer, shape `[N]`, float32.

    Needs no label, and is known to collapse onto one answer: watch the majority's share.
    Source: S. Zuo et al., TTRL, arXiv 2504.16084.
    """
    counts: dict[tuple[int, str], int] = {}
    sizes: dict[int, int] = {}
    keys = list(zip(group_N.tolist(), answers, strict=True))
    for group, answer in keys:
        counts[group, answer] = counts.get((group, answer), 0) + 1
        sizes[group] = sizes.get(group, 0) + 1
    return torch.tensor([counts[key] / sizes[key[0]] for key in keys])
