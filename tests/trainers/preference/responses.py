"""Responses of a tabular policy, with every stream that a preference loss may read."""

import torch

from gym_reason.trainers.formulas.preference import Responses
from gym_reason.trainers.formulas.preference_tokens import position_kl, token_contrast
from tests.trainers.tabular import T, V, tabular_policy

E, K = 3, 4
REF_TV = tabular_policy(7)


def respond(
    theta_TV: torch.Tensor,
    count: int = K,
    lengths: list[list[int]] | None = None,
    scores: list[list[float]] | None = None,
    ref_TV: torch.Tensor = REF_TV,
) -> Responses:
    """Return E examples of `count` responses; by default of different lengths and scores."""
    if lengths is None:
        lengths = [[(2 + k + e) % T + 1 for k in range(count)] for e in range(E)]
    if scores is None:
        scores = [[1.0 - k / 4 for k in range(count)] for _ in range(E)]
    examples = len(lengths)
    generator = torch.Generator().manual_seed(5)
    actions_EKT = torch.randint(V, (examples, count, T), generator=generator)
    draws_M = torch.rand(examples * count * T, generator=generator, dtype=torch.float64)
    logits_MV = theta_TV.expand(examples, count, T, V).reshape(-1, V)
    contrast_M = token_contrast(logits_MV, actions_EKT.flatten(), draws_M, candidates=2)
    at_T = torch.arange(T)
    return Responses(
        logps_EKT=theta_TV.log_softmax(-1)[at_T, actions_EKT],
        mask_EKT=(at_T < torch.tensor(lengths)[..., None]).double(),
        scores_EK=torch.tensor(scores, dtype=torch.float64),
        ref_logps_EKT=ref_TV.log_softmax(-1)[at_T, actions_EKT],
        kl_EKT=position_kl(theta_TV, ref_TV).expand(examples, count, T),
        contrast_EKT=contrast_M.view(examples, count, T),
    )


def given(
    sums: list[list[float]],
    lengths: list[list[int]] | None = None,
    scores: list[list[float]] | None = None,
    kl: list[list[float]] | None = None,
    contrast: list[list[float]] | None = None,
) -> Responses:
    """Return responses whose streams sum to given numbers; the reference says 0 everywhere."""
    values_EK = torch.tensor(sums, dtype=torch.float64)
    lengths_EK = torch.tensor(lengths or [[2] * values_EK.shape[1]] * values_EK.shape[0])
    mask_EKT = (torch.arange(T) < lengths_EK[..., None]).double()

    def spread(values: list[list[float]]) -> torch.Tensor:
        per_EK = torch.tensor(values, dtype=torch.float64) / lengths_EK.clamp(min=1)
        return per_EK[..., None].expand(mask_EKT.shape).clone()

    return Responses(
        logps_EKT=spread(sums).requires_grad_(),
        mask_EKT=mask_EKT,
        scores_EK=torch.tensor(scores or [[1.0, 0.0]] * len(sums), dtype=torch.float64),
        ref_logps_EKT=torch.zeros_like(mask_EKT),
        kl_EKT=None if kl is None else spread(kl),
        contrast_EKT=None if contrast is None else spread(contrast),
    )
