"""Losses on pairs: two responses to one prompt, the preferred one first.

Iterative DPO, sDPO and Step-DPO are `dpo` on other pairs and references; iterative RPO is `dpo`
with `sft_weight`.
"""

import torch
from torch.nn.functional import logsigmoid

from gym_reason.trainers.formulas.preference import (
    PreferenceNumbers,
    Responses,
    register_loss,
    sft_of_best,
)


@register_loss("dpo", "pair", "reference")
def dpo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `-log sigma(beta (Delta_w - Delta_l)) + sft_weight NLL(y_w) / |y_w|`.

    Source: DPO, arXiv 2305.18290, equation 7: grade C; the second term: iterative RPO, arXiv
    2404.19733, grade S.
    """
    delta_EK = rows.delta_EK
    return _pair_loss(rows, numbers, numbers.beta * (delta_EK[:, 0] - delta_EK[:, 1]))


@register_loss("token_dpo", "pair", "reference")
def token_dpo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return DPO's loss as that of a token MDP: of the difference of the returns.

    A token earns `beta (log pi - log pi_ref)`, so the sum over a response is `beta Delta`; see
    `token_rewards`. Source: "From r to Q*", arXiv 2404.12358. Grade S.
    """
    return_EK = rows.total(token_rewards(rows, numbers))
    return _pair_loss(rows, numbers, return_EK[:, 0] - return_EK[:, 1])


def token_rewards(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return each token's implicit reward, `beta log(pi / pi_ref)`, shape `[E, K, T]`."""
    return numbers.beta * rows.log_ratios_EKT * rows.mask_EKT


@register_loss("tdpo1", "pair", "reference", "kl")
def tdpo1(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `-log sigma(beta (u - delta))`: DPO less the difference of the sequence divergences.

    `u = Delta_w - Delta_l`, `delta = SeqKL(y_l) - SeqKL(y_w)`, `SeqKL(y) = sum_t KL(ref || pi)`.
    Source: TDPO, arXiv 2404.11999, and its code. Grade C.
    """
    delta_EK, kl_EK = rows.delta_EK, rows.total(rows.kl_EKT)
    difference_E = delta_EK[:, 0] - delta_EK[:, 1] - (kl_EK[:, 1] - kl_EK[:, 0])
    return _pair_loss(rows, numbers, numbers.beta * difference_E)


@register_loss("tdpo2", "pair", "reference", "kl")
def tdpo2(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return TDPO1's loss with `delta` times `kl_weight`, and no gradient through `SeqKL(y_w)`.

    Source: TDPO, arXiv 2404.11999, and its code. Grade C.
    """
    delta_EK, kl_EK = rows.delta_EK, rows.total(rows.kl_EKT)
    shift_E = numbers.kl_weight * (kl_EK[:, 1] - kl_EK[:, 0].detach())
    return _pair_loss(rows, numbers, numbers.beta * (delta_EK[:, 0] - delta_EK[:, 1] - shift_E))


@register_loss("r_dpo", "pair", "reference")
def r_dpo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `-log sigma(beta (Delta_w - Delta_l) + alpha (|y_w| - |y_l|))`.

    A pair that length alone would explain is taken as told apart already, and teaches less.
    `alpha` is `length_weight`. Source: R-DPO, arXiv 2403.19159. Grade S, its sign
    derived: the reward is the implicit one plus `alpha |y|` where the objective holds `-alpha |y|`.
    """
    delta_EK, lengths_EK = rows.delta_EK, rows.lengths_EK
    longer_E = numbers.length_weight * (lengths_EK[:, 0] - lengths_EK[:, 1])
    return _pair_loss(rows, numbers, numbers.beta * (delta_EK[:, 0] - delta_EK[:, 1]) + longer_E)


@register_loss("simpo", "pair")
def simpo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `-log sigma(beta (mean log pi(y_w) - mean log pi(y_l)) - gamma)`, without a reference.

    `gamma` is `margin`. Source: SimPO, arXiv 2405.14734, and its code. Grade C.
    """
    mean_EK = rows.mean_logp_EK
    margin_E = numbers.beta * (mean_EK[:, 0] - mean_EK[:, 1]) - numbers.margin
    return _pair_loss(rows, numbers, margin_E)


@register_loss("cringe", "pair", "contrast")
def cringe(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `g (NLL(y_w) + alpha sum_t contrast_t(y_l))`, without a reference.

    `g = sigma((b - M) / tau)`, `M = log pi(y_w) - log pi(y_l)`, shuts as the pair is told apart. It
    is a weight here, without a gradient. `b = inf` leaves the binary loss.
    Sources: Cringe, arXiv 2211.05826, and ParlAI's code: grade C; the gate: Pairwise Cringe, arXiv
    2312.16682, grade S, its constants unverified.
    """
    logp_EK = rows.logp_EK
    binary_E = -logp_EK[:, 0] + numbers.contrast_weight * rows.total(rows.contrast_EKT)[:, 1]
    margin_E = (logp_EK[:, 0] - logp_EK[:, 1]).detach()
    gate_E = torch.sigmoid((numbers.gate_margin - margin_E) / numbers.gate_temperature)
    return gate_E * binary_E


def _pair_loss(rows: Responses, numbers: PreferenceNumbers, margin_E: torch.Tensor) -> torch.Tensor:
    loss_E = -logsigmoid(margin_E)
    return loss_E + numbers.sft_weight * sft_of_best(rows) if numbers.sft_weight else loss_E
