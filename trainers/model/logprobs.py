"""Log-probabilities, entropies and values of the tokens of a batch under a model."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import linear, pad
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from gym_reason.trainers.fused import folded_head, fused_hidden, supports
from gym_reason.trainers.fused.support import SUPPORTED_CLASSES

CHUNK_NUMBERS = 1 << 24
"""Most logits that exist at once, in fp32: with more, the vocabulary's side goes in chunks."""


@dataclass(frozen=True, slots=True)
class TokenScores:
    """What a model says of each token after the first; all are 0 before `start`."""

    logps_NT: torch.Tensor
    """Log-probability of the token, float32."""
    entropy_NT: torch.Tensor
    """Entropy of its choice, float32."""
    values_NT: torch.Tensor | None = None
    """What a value head says of the state before it; None without one."""


def score_tokens(
    model: PreTrainedModel,
    ids_NL: torch.Tensor,
    temperature: float = 1.0,
    start: int = 0,
    *,
    entropy_gradient: bool = False,
    value_head: torch.nn.Module | None = None,
) -> TokenScores:
    """Return the scores of each token after the first; T = L - 1.

    Args:
        model: A causal language model.
        ids_NL: Token ids, padded on the right: a causal model never looks there from a real token.
        temperature: Of the sampler; the log-probabilities are those of the distribution that it
            drew from. 0 counts as 1.
        start: First index on the axis T that is wanted.
        entropy_gradient: Whether the entropy carries a gradient too.
        value_head: From the hidden state to one number; shares the model's pass.
    """
    inputs_NT, targets_NS = ids_NL[:, :-1], ids_NL[:, 1 + start :]
    divisor = temperature if temperature > 0.0 else 1.0
    values_NS = None
    if has_plain_head(model):
        hidden_NSC, weight_VC, bias_V = hidden_and_head(model, inputs_NT, start)
        if value_head is not None:
            values_NS = value_head(_normed(model, hidden_NSC)).squeeze(-1).float()
        logps_NS, entropy_NS = score_hidden(
            hidden_NSC, weight_VC, bias_V, targets_NS, divisor, entropy_gradient
        )
    else:
        output: Any = model(
            input_ids=inputs_NT, use_cache=False, output_hidden_states=value_head is not None
        )
        if value_head is not None:
            values_NS = value_head(output.hidden_states[-1][:, start:]).squeeze(-1).float()
        logps_NS, entropy_NS = score_logits(
            output.logits[:, start:], targets_NS, divisor, entropy_gradient
        )
    return TokenScores(
        pad(logps_NS, (start, 0)),
        pad(entropy_NS, (start, 0)),
        None if values_NS is None else pad(values_NS, (start, 0)),
    )


def has_plain_head(model: PreTrainedModel) -> bool:
    """Return whether logits are the last hidden state times the output embeddings, no more."""
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return type(model).__name__ in SUPPORTED_CLASSES and type(head) is torch.nn.Linear


def hidden_and_head(
    model: PreTrainedModel, inputs_NT: torch.Tensor, start: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return `hidden_NSC`, `weight_VC` and `bias_V` whose product is the logits from `start` on."""
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if supports(model):
        return fused_hidden(model, inputs_NT, start), folded_head(model), head.bias
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    output = decoder(input_ids=inputs_NT, use_cache=False)
    return output.last_hidden_state[:, start:], head.weight, head.bias


def last_hidden(model: PreTrainedModel, inputs_NT: torch.Tensor, start: int = 0) -> torch.Tensor:
    """Return the last hidden states from `start` on, as the output embeddings read them."""
    if has_plain_head(model):
        return _normed(model, hidden_and_head(model, inputs_NT, start)[0])
    output: Any = model(input_ids=inputs_NT, use_cache=False, output_hidden_states=True)
    return output.hidden_states[-1][:, start:]  # type: ignore[no-any-return]


def _normed(model: PreTrainedModel, hidden_NSC: torch.Tensor) -> torch.Tensor:
    """Return hidden states with the weight of the last norm, which the fused pass leaves out."""
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    return hidden_NSC * decoder.norm.weight if supports(model) else hidden_NSC


def score_logits(
    logits_NSV: torch.Tensor, targets_NS: torch.Tensor, divisor: float, entropy_gradient: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities of the targets and entropies, float32, of given logits."""
    logits_NSV = logits_NSV.float()
    if divisor != 1.0:
        logits_NSV = logits_NSV / divisor
    normaliser_NS = logits_NSV.logsumexp(-1)
    logps_NS = logits_NSV.gather(-1, targets_NS[..., None]).squeeze(-1) - normaliser_NS
    with torch.set_grad_enabled(entropy_gradient and torch.is_grad_enabled()):
        expected_NS = (torch.softmax(logits_NSV, -1) * logits_NSV).sum(-1)
        entropy_NS = normaliser_NS - expected_NS
    return logps_NS, entropy_NS


def score_hidden(
    hidden_NSC: torch.Tensor,
    weight_VC: torch.Tensor,
    bias_V: torch.Tensor | None,
    targets_NS: torch.Tensor,
    divisor: float,
    entropy_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Score chunk by chunk, so that the logits of all tokens never exist at once."""

    def score(hidden_KC: torch.Tensor, targets_K: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits_KV = linear(hidden_KC, weight_VC, bias_V)
        return score_logits(logits_KV, targets_K, divisor, entropy_gradient)

    rows = max(CHUNK_NUMBERS // weight_VC.shape[0], 1)
    if targets_NS.numel() <= rows:
        logps_NS, entropy_NS = score(hidden_NSC, targets_NS)
        return logps_NS, entropy_NS
    parts = [
        # The logits of a chunk are made again for its gradient.
        checkpoint(score, hidden_KC, targets_K, use_reentrant=False)
        for hidden_KC, targets_K in zip(
            torch.split(hidden_NSC.flatten(0, 1), rows),
            torch.split(targets_NS.flatten(), rows),
            strict=True,
        )
    ]
    logps_K, entropy_K = (torch.cat(kind) for kind in zip(*parts, strict=True))
    return logps_K.view_as(targets_NS), entropy_K.view_as(targets_NS)
