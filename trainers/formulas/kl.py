"""Estimators of the divergence from a reference policy, one value a token.

With `d = log pi - log pi_ref`: k1 = d, k2 = d^2 / 2, k3 = exp(-d) + d - 1 (J. Schulman,
"Approximating KL divergence", 2020). In expectation over tokens of pi, k1 and k3 have the value
KL(pi || ref). As a loss with the samples frozen, the gradient of k2 is that of KL(pi || ref), the
gradient of k1 is zero and that of k3 is the gradient of KL(ref || pi).
"""

from collections.abc import Callable
from typing import TypeAlias

import torch

from gym_reason.registry import Registry

KlEstimator: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""`(logps_NT, ref_logps_NT, mask_NT) -> kl_NT`."""

kl_estimators: Registry[KlEstimator] = Registry("KL estimator")
"""Estimators by name."""

_LARGEST_RATIO = 20.0


@kl_estimators.register("k1")
def k1(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor, mask_NT: torch.Tensor) -> torch.Tensor:
    """Return `d`: unbiased, of either sign, without a gradient in expectation."""
    return logps_NT - ref_logps_NT


@kl_estimators.register("k2")
def k2(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor, mask_NT: torch.Tensor) -> torch.Tensor:
    """Return `d^2 / 2`: a biased value with the right gradient."""
    return 0.5 * (logps_NT - ref_logps_NT).square()


@kl_estimators.register("k3")
def k3(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor, mask_NT: torch.Tensor) -> torch.Tensor:
    """Return `exp(-d) + d - 1`: never negative, unbiased.

    Source: GRPO's choice, arXiv 2402.03300, equation 4.
    """
    difference_NT = (logps_NT - ref_logps_NT).clamp(-_LARGEST_RATIO, _LARGEST_RATIO)
    return torch.exp(-difference_NT) + difference_NT - 1.0


@kl_estimators.register("k3_value_k2_gradient")
def k3_value_k2_gradient(
    logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor, mask_NT: torch.Tensor
) -> torch.Tensor:
    """Return the value of k3 with the gradient of k2 (straight through)."""
    surrogate_NT = k2(logps_NT, ref_logps_NT, mask_NT)
    return surrogate_NT + (k3(logps_NT, ref_logps_NT, mask_NT) - surrogate_NT).detach()


@kl_estimators.register("sequence_square")
def sequence_square(
    logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor, mask_NT: torch.Tensor
) -> torch.Tensor:
    """Return half the squared log-ratio of the whole response, shared out among its tokens.

    Over the tokens of a response it sums to `(sum_t d_t)^2 / 2`; the aggregation then treats it as
    it treats the response. Source: BCPG, arXiv 2505.14403.
    """
    ratio_N1 = ((logps_NT - ref_logps_NT) * mask_NT).sum(1, keepdim=True)
    return 0.5 * ratio_N1.square() * mask_NT / mask_NT.sum(1, keepdim=True).clamp(min=1.0)
