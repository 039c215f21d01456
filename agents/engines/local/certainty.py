"""How certain a model is of what it said: the distance of its distributions from uniform."""

import math
from collections.abc import Sequence
from typing import Any

import torch

ROWS_AT_ONCE = 512
"""Distributions that are brought to full precision at a time."""


@torch.inference_mode()
def measure_certainty(model: Any, prompt_ids: Sequence[int], token_ids: Sequence[int]) -> float:
    """Return the mean divergence of uniform from the model's distribution at each token, in nats.

    That is `-log V - mean_j log p_j`, averaged over the positions that `token_ids` were drawn at,
    at temperature 1; 0 where the model knows nothing, and for no tokens at all.
    Source: self-certainty, arXiv 2502.18581: its logarithm of `V p_j`, summed and negated.
    """
    if not token_ids:
        return 0.0
    ids = torch.tensor([[*prompt_ids, *token_ids]], device=model.device)
    training = bool(model.training)
    model.eval()
    try:
        logits_TV = model(input_ids=ids, use_cache=False).logits[0, len(prompt_ids) - 1 : -1]
    finally:
        model.train(training)
    total = 0.0
    for part_TV in logits_TV.split(ROWS_AT_ONCE):
        log_probs_TV = torch.log_softmax(part_TV.float(), -1)
        # A token that the model rules out altogether would make any distance infinite.
        total -= float(log_probs_TV.clamp_min(-1e4).mean(-1).double().sum())
    return total / len(token_ids) - math.log(logits_TV.shape[-1])
