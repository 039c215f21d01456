"""Losses on ranked lists: K responses to one prompt, each with a score.

Responses with equal scores are not told apart: only pairs with a difference enter. Order plays no
part, but where the policy itself ties.
"""

import math

import torch
from torch.nn.functional import relu, softplus

from gym_reason.trainers.formulas.preference import (
    PreferenceNumbers,
    Responses,
    register_loss,
    sft_of_best,
)

_SAME = 1e-4
"""Values that differ by less have the same rank."""
_NOTHING = -1e9
"""Stands for a candidate that there is not in a soft-max; finite, so that its gradient is 0."""


@register_loss("lipo", "list", "reference")
def lipo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `sum over psi_i > psi_j of w_ij log(1 + exp(-(s_i - s_j)))`, `s = beta Delta`.

    `w_ij = |G_i - G_j| |1 / D_i - 1 / D_j|` with gain `G = 2^psi - 1` of the score and discount
    `D = ln(1 + rank)`, ranks from 1 by `s`; both without a gradient.
    Source: LiPO-lambda, arXiv 2402.01878. Grade S, the base of the logarithm unverified: it
    scales the loss.
    """
    value_EK = numbers.beta * rows.delta_EK
    gain_EK = torch.exp2(rows.scores_EK) - 1.0
    discount_EK = 1.0 / torch.log1p(_ranks(value_EK, rows.valid_EK))
    weight_EKK = _differences(gain_EK).abs() * _differences(discount_EK).abs()
    return _sum(weight_EKK * softplus(-_differences(value_EK)), _ordered(rows))


@register_loss("rrhf", "list")
def rrhf(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `sum over r_i < r_j of max(0, p_i - p_j) + sft_weight NLL(best) / |best|`.

    `p` is the mean log-probability a token; there is no reference.
    Source: RRHF, arXiv 2304.05302 (with a weight of 1), and its code. Grade C.
    """
    # A row is better than its column, so a pair is out of order where the column is likelier.
    wrong_EKK = relu(-_differences(rows.mean_logp_EK))
    return _sum(wrong_EKK, _ordered(rows)) + numbers.sft_weight * sft_of_best(rows)


@register_loss("pro", "list")
def pro(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return a soft-max loss of each response against the worse ones, and the best one's NLL.

    For response i: `-log(exp(p_i T_i) / (exp(p_i T_i) + sum_j exp(p_j T_ij)))` over the worse ones
    j, with the gaps of the scores `T_ij = r_i - r_j`, `T_i = max_j T_ij` and `p` the mean
    log-probability; then `sft_weight (l - 1)^2 NLL(best)` for a list of l. No reference.
    Source: PRO, arXiv 2306.17492 (weight 0.05), and its code, which counts ties too, as a
    constant. Grade C.
    """
    mean_EK, worse_EKK = rows.mean_logp_EK, _ordered(rows)
    gap_EKK = _differences(rows.scores_EK)
    own_EK = mean_EK * gap_EKK.masked_fill(~worse_EKK, 0.0).amax(-1)
    others_EKK = (mean_EK[:, None, :] * gap_EKK).masked_fill(~worse_EKK, _NOTHING)
    loss_EK = torch.logaddexp(own_EK, others_EKK.logsumexp(-1)) - own_EK
    loss_E = (loss_EK * worse_EKK.any(-1)).sum(-1)
    length_E = rows.valid_EK.sum(-1).to(loss_E.dtype)
    best_logp_E = rows.logp_EK.gather(-1, rows.best_E[:, None]).squeeze(-1)
    return loss_E - numbers.sft_weight * (length_E - 1.0).square() * best_logp_E


def _ordered(rows: Responses) -> torch.Tensor:
    """Return True where the row's response is better than the column's, shape `[E, K, K]`."""
    valid_EK = rows.valid_EK
    both_EKK = valid_EK[:, :, None] & valid_EK[:, None, :]
    return (_differences(rows.scores_EK) > 0) & both_EKK


def _differences(values_EK: torch.Tensor) -> torch.Tensor:
    """Return the row's value less the column's."""
    return values_EK[:, :, None] - values_EK[:, None, :]


def _sum(terms_EKK: torch.Tensor, chosen_EKK: torch.Tensor) -> torch.Tensor:
    return terms_EKK.masked_fill(~chosen_EKK, 0.0).sum((-2, -1))


def _ranks(values_EK: torch.Tensor, valid_EK: torch.Tensor) -> torch.Tensor:
    """Return ranks from 1, the highest value first, equal ones in their order.

    At the reference all values are 0 up to rounding, which must not decide.
    """
    coarse_EK = (values_EK.detach() / _SAME).round()
    known_EK = coarse_EK.masked_fill(~valid_EK, -math.inf)
    order_EK = known_EK.argsort(dim=-1, descending=True, stable=True)
    return order_EK.argsort(dim=-1).to(values_EK.dtype) + 1.0
