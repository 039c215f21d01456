"""Estimators of the divergence from a reference policy, one value a token.

With `d = log pi - log pi_ref`: k1 = d, k2 = d^2 / 2, k3 = exp(-d) + d - 1 (J. Schulman,
"Approximating KL divergence", 2020). In expectation over tokens of pi, k1 and k3 have the value
KL(pi || ref). As a loss with the samples frozen, the gradient of k2 is that of KL(pi || ref), the
gradient of k1 is zero and that of k3 is the gradient of KL(ref || pi).
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch

KlEstimator: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(logps_NT, ref_logps_NT) -> kl_NT`."""

_LARGEST_RATIO = 20.0


def k1(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor) -> torch.Tensor:
    """Return `d`: unbiased, of either sign, without a gradient in expectation."""
    return logps_NT - ref_logps_NT


def k2(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor) -> torch.Tensor:
    """Return `d^2 / 2`: a biased value with the right gradient."""
    return 0.5 * (logps_NT - ref_logps_NT).square()


def k3(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor) -> torch.Tensor:
    """Return `exp(-d) + d - 1`: never negative, unbiased.

    Source: GRPO's choice, arXiv 2402.03300, equation 4.
    """
    difference_NT = (logps_NT - ref_logps_NT).clamp(-_LARGEST_RATIO, _LARGEST_RATIO)
    return torch.exp(-difference_NT) + difference_NT - 1.0


def k3_value_k2_gradient(logps_NT: torch.Tensor, ref_logps_NT: torch.Tensor) -> torch.Tensor:
    """Return the value of k3 with the gradient of k2 (straight through)."""
    surrogate_NT = k2(logps_NT, ref_logps_NT)
    return surrogate_NT + (k3(logps_NT, ref_logps_NT) - surrogate_NT).detach()


KL_ESTIMATORS: Mapping[str, KlEstimator] = {
    "k1": k1,
    "k2": k2,
    "k3": k3,
    "k3_value_k2_gradient": k3_value_k2_gradient,
}
