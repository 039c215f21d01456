"""Log-probabilities and entropies of the tokens of a batch under a model."""

import torch
from torch.nn.functional import pad
from transformers import PreTrainedModel

from gym_reason.trainers.fused import fused_logits, supports


def token_logps(
    model: PreTrainedModel,
    ids_NL: torch.Tensor,
    temperature: float = 1.0,
    start: int = 0,
    *,
    entropy_gradient: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-probability of each token after the first, and the entropy of its choice.

    Args:
        model: A causal language model.
        ids_NL: Token ids, padded on the right: a causal model never looks there from a real token.
        temperature: Of the sampler; the log-probabilities are those of the distribution that it
            drew from. 0 counts as 1.
        start: First index on the axis T that is wanted; both results are 0 before it.
        entropy_gradient: Whether the entropy carries a gradient too.

    Returns:
        `logps_NT` and `entropy_NT`, float32, T = L - 1.
    """
    inputs_NT = ids_NL[:, :-1]
    if supports(model):
        logits_NSV = fused_logits(model, inputs_NT, start).float()
    else:
        logits_NSV = model(input_ids=inputs_NT, use_cache=False).logits[:, start:].float()
    if temperature not in (0.0, 1.0):
        logits_NSV = logits_NSV / temperature
    normaliser_NS = logits_NSV.logsumexp(-1)
    logps_NS = logits_NSV.gather(-1, ids_NL[:, 1 + start :, None]).squeeze(-1) - normaliser_NS
    with torch.set_grad_enabled(entropy_gradient and torch.is_grad_enabled()):
        expected_NS = (torch.softmax(logits_NSV, -1) * logits_NSV).sum(-1)
        entropy_NS = normaliser_NS - expected_NS
    return pad(logps_NS, (start, 0)), pad(entropy_NS, (start, 0))
