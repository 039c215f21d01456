"""Losses that need no preferred response, only one that is not wanted."""

import torch
from torch.nn.functional import logsigmoid, softplus

from gym_reason.trainers.formulas.preference import PreferenceNumbers, Responses, register_loss


@register_loss("npo", "negative", "reference")
def npo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `(2 / beta) log(1 + (pi / pi_ref)^beta)`, or the NLL of a response that is to be kept.

    As `beta` falls to 0 the gradient becomes that of ascent on the NLL, whose loss has no bound;
    a larger one lets go of what has become unlikely. The response is the first of an example; a
    score of 1 says to keep it: then the loss is `retain_weight NLL / |y|`.
    Source: NPO, arXiv 2404.05868, and its code. Grade C.
    """
    forget_E = 2.0 / numbers.beta * softplus(numbers.beta * rows.delta_EK[:, 0])
    retain_E = -numbers.retain_weight * rows.mean_logp_EK[:, 0]
    return torch.where(rows.scores_EK[:, 0] > 0, retain_E, forget_E)


@register_loss("d2o", "negative", "reference")
def d2o(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return `-log sigma((beta / K) sum_i Delta(y_i) - alpha Delta(y_l))`.

    `y_l`, the first response, is not wanted; `y_i`, the others, are the policy's own samples, which
    nobody judged: they hold it where it is. `alpha` is `negative_weight`. Each row brings the
    log-probabilities of its own reference, so the two kinds may have two.
    Source: D2O ("Negating Negatives"), arXiv 2403.03419. Grade S.
    """
    delta_EK, own_EK = rows.delta_EK, rows.valid_EK[:, 1:]
    count_E = own_EK.sum(-1).clamp(min=1)
    mean_E = (delta_EK[:, 1:] * own_EK).sum(-1) / count_E
    return -logsigmoid(numbers.beta * mean_E - numbers.negative_weight * delta_EK[:, 0])
