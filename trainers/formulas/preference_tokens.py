"""What some preference losses read of whole distributions, token by token.

Both take logits of shape `[K, V]`, one row a token, so that they can be had chunk by chunk.
"""

import math

import torch
from torch.nn.functional import softplus


def position_kl(logits_KV: torch.Tensor, ref_logits_KV: torch.Tensor) -> torch.Tensor:
    """Return `KL(ref || pi)` at each token. Source: TDPO, arXiv 2404.11999, its code."""
    logps_KV, ref_logps_KV = logits_KV.log_softmax(-1), ref_logits_KV.log_softmax(-1)
    return (ref_logps_KV.exp() * (ref_logps_KV - logps_KV)).sum(-1)


def token_contrast(
    logits_KV: torch.Tensor,
    targets_K: torch.Tensor,
    draws_K: torch.Tensor,
    *,
    candidates: int = 1,
    detach: bool = False,
) -> torch.Tensor:
    """Return the contrastive loss of each token: it against a token that the model likes.

    That one is drawn from the `candidates` likeliest tokens besides the target, by the model's own
    probabilities; the loss is the cross-entropy of choosing it over the target.
    Source: Cringe, arXiv 2211.05826, and ParlAI's code.

    Args:
        logits_KV: The model's logits.
        targets_K: The token that stands there.
        draws_K: A uniform number in [0, 1) for each token: the draw.
        candidates: How many likeliest tokens the draw is from.
        detach: Whether the drawn token carries no gradient.
    """
    others_KV = logits_KV.detach().scatter(-1, targets_K[:, None], -math.inf)
    best_KC, index_KC = others_KV.topk(min(candidates, logits_KV.shape[-1] - 1), dim=-1)
    reached_KC = best_KC.softmax(-1).cumsum(-1)
    # Rounding may leave the last sum below a draw.
    place_K = (draws_K[:, None] >= reached_KC).sum(-1).clamp(max=best_KC.shape[-1] - 1)
    chosen_K1 = index_KC.gather(-1, place_K[:, None])
    wanted_K = logits_KV.gather(-1, chosen_K1).squeeze(-1)
    found_K = logits_KV.gather(-1, targets_K[:, None]).squeeze(-1)
    return softplus(found_K - (wanted_K.detach() if detach else wanted_K))
