"""Choosing the fastest decoder that agrees with the model."""

import logging
from collections.abc import Iterable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from gym_reason.agents.engines.local.decoder import Decoder
from gym_reason.agents.engines.local.fused import FusedDecoder
from gym_reason.agents.engines.local.generic import GenericDecoder, RecomputeDecoder
from gym_reason.agents.engines.local.virtual import VirtualTokenDecoder

logger = logging.getLogger(__name__)

PROMPT_LENGTHS = (3, 7)
"""Two lengths, so that the check covers padding and rows at different positions."""
STEPS = 3
"""Tokens decoded after the prompts in the check."""


def choose_decoder(model: PreTrainedModel, dtype: torch.dtype | None = None) -> Decoder:
    """Return the fastest decoder that gives the logits of a plain forward pass, within rounding.

    `dtype` is the type to compute in, None for the weights' own.

    Tries the fused one, then the model with our cache; each must pass `disagreement`. A model that
    neither fits (recurrent layers, sliding windows) is recomputed for every token, and a warning
    says so.
    """
    limit = 1e-3 if torch.float32 == model.dtype == (dtype or model.dtype) else 8e-2
    for kind in (FusedDecoder, GenericDecoder, VirtualTokenDecoder):
        if not kind.supports(model):
            continue
        try:
            decoder = kind(model, dtype)
            gap = disagreement(model, decoder)
        # A model may refuse our cache in any way at all; the next decoder is the answer to each.
        except Exception as error:
            logger.warning("%s cannot run %s: %s", kind.__name__, type(model).__name__, error)
            continue
        if gap < limit:
            return decoder
        logger.warning(
            "%s disagrees with %s by %.1e, more than %.0e",
            kind.__name__,
            type(model).__name__,
            gap,
            limit,
        )
    logger.warning(
        "%s is recomputed for every token: its layers fit no cache of ours", type(model).__name__
    )
    return RecomputeDecoder(model, dtype)


@torch.inference_mode()
def disagreement(model: PreTrainedModel, decoder: Decoder) -> float:
    """Return the largest relative distance of a decoder's logits from a full forward pass's."""
    generator = torch.Generator().manual_seed(0)
    shape = (len(PROMPT_LENGTHS), max(PROMPT_LENGTHS) + STEPS)
    ids = torch.randint(decoder.vocab_size, shape, generator=generator).to(model.device)
    lengths = torch.tensor(PROMPT_LENGTHS, device=model.device)
    rows = torch.arange(len(PROMPT_LENGTHS), device=model.device)
    reference = RecomputeDecoder(model)
    decoder.refresh()
    prompts = ids[:, : max(PROMPT_LENGTHS)]
    gaps = [_distance(d.admit(prompts, lengths, rows, 0) for d in (decoder, reference))]
    for step in range(STEPS):
        positions = lengths + step
        tokens = ids[rows, positions]
        shortest, longest = min(PROMPT_LENGTHS) + step + 1, max(PROMPT_LENGTHS) + step + 1
        gaps.append(
            _distance(d.decode(tokens, positions, shortest, longest) for d in (decoder, reference))
        )
    decoder.clear()
    return max(gaps)


def _distance(pair: Iterable[Tensor]) -> float:
    """Return the relative distance; infinite where it is no number."""
    found, expected = (logits.double() for logits in pair)
    ratio = float((found - expected).norm() / expected.norm().clamp_min(1e-30))
    return ratio if ratio == ratio else float("inf")
