"""Log-probabilities and entropies of the tokens of a batch under a model."""

import torch
from transformers import PreTrainedModel


def token_logps(
    model: PreTrainedModel, ids_NL: torch.Tensor, temperature: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-probability of each token after the first, and the entropy of the choice of it.

    Args:
        model: A causal language model.
        ids_NL: Token ids, padded on the right: a causal model never looks there from a real token.
        temperature: Of the sampler; the log-probabilities are those of the distribution that it drew from.

    Returns:
        `logps_NT` and `entropy_NT`, float32, T = L - 1. The entropy carries a gradient too.
    """
    logits_NTV = model(input_ids=ids_NL[:, :-1], use_cache=False).logits.float()
    if temperature not in (0.0, 1.0):
        logits_NTV = logits_NTV / temperature
    log_probs_NTV = torch.log_softmax(logits_NTV, dim=-1)
    logps_NT = log_probs_NTV.gather(-1, ids_NL[:, 1:, None]).squeeze(-1)
    entropy_NT = -(log_probs_NTV.exp() * log_probs_NTV).sum(-1)
    return logps_NT, entropy_NT
