"""The loss of each token from its advantage: the weight on its log-probability, and the clip."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from gym_reason.registry import Registry


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """How far a token's probability may move within one window."""

    low: float = 0.2
    """The ratio is held above `1 - low`."""
    high: float = 0.2
    """The ratio is held below `1 + high`."""
    dual: float = 0.0
    """Most loss of a token with a negative advantage, in units of `|A|`; 0 sets no limit."""
    expert_gamma: float = 0.1
    """The gamma in `p / (p + gamma)`, the weight of an expert's token."""

    def __post_init__(self) -> None:
        """Refuse ranges that hold nothing."""
        if self.low < 0.0 or self.high < 0.0 or self.expert_gamma <= 0.0:
            raise ValueError(
                f"low = {self.low}, high = {self.high}, expert_gamma = {self.expert_gamma}; "
                "expected ranges of 0 or more and a gamma above 0"
            )
        if self.dual != 0.0 and self.dual <= 1.0:
            raise ValueError(f"dual = {self.dual}; expected 0 for none, or more than 1")


@dataclass(frozen=True, slots=True)
class PolicyRows:
    """What a policy loss sees; N rows, each a whole response or a whole conversation."""

    logps_NT: torch.Tensor
    """Log-probabilities under the policy, with their gradient."""
    old_logps_NT: torch.Tensor
    """The same before the window's first update."""
    advantages_NT: torch.Tensor
    """Advantages."""
    mask_NT: torch.Tensor
    """1 on the tokens that the policy emitted, or an expert."""
    expert_N: torch.Tensor | None = None
    """True on rows that an expert wrote; None for none."""


@dataclass(frozen=True, slots=True)
class TokenLoss:
    """What a policy loss returns, both of shape `[N, T]`."""

    loss_NT: torch.Tensor
    """Loss of each token, before aggregation."""
    clipped_NT: torch.Tensor
    """True where the clip took the gradient away, or held the weight."""


PolicyLoss: TypeAlias = Callable[[PolicyRows, ClipSettings], TokenLoss]
"""`(rows, clip) -> TokenLoss`."""

policy_losses: Registry[PolicyLoss] = Registry("policy loss")
"""Policy losses by name."""


@policy_losses.register("log_likelihood")
def log_likelihood(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return `-A log pi`: REINFORCE, without a ratio.

    Source: R. Williams, 1992; RAFT's loss, arXiv 2504.11343, where `A` is 1 or 0.
    """
    loss_NT = -rows.advantages_NT * rows.logps_NT
    return TokenLoss(loss_NT, torch.zeros_like(rows.mask_NT, dtype=torch.bool))


@policy_losses.register("ratio")
def ratio(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return `-A rho`: importance sampling, without a clip."""
    loss_NT = -rows.advantages_NT * torch.exp(rows.logps_NT - rows.old_logps_NT)
    return TokenLoss(loss_NT, torch.zeros_like(rows.mask_NT, dtype=torch.bool))


@policy_losses.register("clipped_ratio")
def clipped_ratio(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return `-min(rho A, clip(rho) A)`, where asked with a dual clip.

    Source: PPO, arXiv 1707.06347, equation 7; asymmetric range: DAPO, arXiv 2503.14476, equation
    10; dual clip: arXiv 1912.09729, equation 5.
    """
    return _clip(torch.exp(rows.logps_NT - rows.old_logps_NT), rows.advantages_NT, clip)


@policy_losses.register("sequence_ratio")
def sequence_ratio(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return the clipped loss with the ratio of the whole response, `exp(mean_t log rho_t)`.

    Every token of a response has the same ratio and its own gradient.
    Source: GSPO, arXiv 2507.18071, equation 13 (its token form).
    """
    difference_NT = (rows.logps_NT - rows.old_logps_NT) * rows.mask_NT
    mean_N = difference_NT.sum(1) / rows.mask_NT.sum(1).clamp(min=1.0)
    own_NT = torch.exp(rows.logps_NT - rows.logps_NT.detach())
    return _clip(mean_N.detach().exp()[:, None] * own_NT, rows.advantages_NT, clip)


@policy_losses.register("clipped_weight")
def clipped_weight(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return `-sg(clip(rho)) A log pi`: a clipped token keeps a gradient, of bounded weight.

    Source: CISPO, arXiv 2506.13585, equation 4.
    """
    ratio_NT = torch.exp(rows.logps_NT - rows.old_logps_NT).detach()
    weight_NT = ratio_NT.clamp(1.0 - clip.low, 1.0 + clip.high)
    return TokenLoss(-weight_NT * rows.advantages_NT * rows.logps_NT, weight_NT != ratio_NT)


@policy_losses.register("mixed_policy")
def mixed_policy(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
    """Return `-A rho` on the policy's own rows, and `-A p / (p + gamma)` on an expert's.

    The shaped weight lets an expert's rare tokens be learned; the expert's own probability counts
    as 1. Source: LUFFY, arXiv 2504.14945, equation 9, and its code: no clip on either part.
    """
    own = ratio(rows, clip)
    if rows.expert_N is None:
        return own
    probability_NT = rows.logps_NT.exp()
    shaped_NT = probability_NT / (probability_NT + clip.expert_gamma)
    loss_NT = torch.where(rows.expert_N[:, None], -rows.advantages_NT * shaped_NT, own.loss_NT)
    return TokenLoss(loss_NT, own.clipped_NT)


def _clip(ratio_NT: torch.Tensor, advantages_NT: torch.Tensor, clip: ClipSettings) -> TokenLoss:
    free_NT = -advantages_NT * ratio_NT
    held_NT = -advantages_NT * ratio_NT.clamp(1.0 - clip.low, 1.0 + clip.high)
    loss_NT = torch.maximum(free_NT, held_NT)
    clipped_NT = held_NT > free_NT
    if clip.dual > 0.0:
        bound_NT = -advantages_NT * clip.dual
        over_NT = (advantages_NT < 0) & (loss_NT > bound_NT)
        loss_NT = torch.where(over_NT, bound_NT, loss_NT)
        clipped_NT = clipped_NT | over_NT
    return TokenLoss(loss_NT, clipped_NT)
