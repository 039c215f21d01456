"""Drawing tokens: truncation, one uniform number per token, inverse distribution function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import UsageError

HashArray: TypeAlias = NDArray[np.uint64]

GREEDY_BELOW = 1e-5
"""Temperatures under this take the likeliest token."""


def check_params(params: SamplingParams) -> None:
    """Refuse parameters outside their ranges.

    Raises:
        UsageError: One is.
    """
    ranges = (
        ("max_tokens", params.max_tokens, params.max_tokens >= 1, "at least 1"),
        ("temperature", params.temperature, 0 <= params.temperature < float("inf"), "0 or more"),
        ("top_k", params.top_k, params.top_k >= 0, "0 (all) or more"),
        ("top_p", params.top_p, 0 < params.top_p <= 1, "above 0, at most 1"),
        ("min_p", params.min_p, 0 <= params.min_p <= 1, "from 0 to 1"),
        ("stop", params.stop, all(params.stop), "no empty string"),
    )
    for name, value, valid, expected in ranges:
        if not valid:
            raise UsageError(f"{name}={value!r}", expected)


def check_prompt(
    prompt: Sequence[int], params: SamplingParams, vocab_size: int, positions: int | None
) -> tuple[tuple[int, ...], int]:
    """Return a prompt's tokens, and how many may follow them.

    Args:
        prompt: Token ids.
        params: How it is completed.
        vocab_size: Tokens that the model knows.
        positions: Most tokens of a prompt and its completion together; None for no limit.

    Raises:
        UsageError: The prompt is empty, too long or holds an unknown token, or a parameter is out
            of range.
    """
    check_params(params)
    ids = tuple(map(int, prompt))
    if not ids:
        raise UsageError("an empty prompt", "at least one token", "start prompts with <bos>")
    if min(ids) < 0 or max(ids) >= vocab_size:
        raise UsageError(
            f"token {min(ids) if min(ids) < 0 else max(ids)} in a prompt",
            f"0 to {vocab_size - 1}",
            "encode prompts with the model's own tokenizer",
        )
    if positions is None:
        return ids, params.max_tokens
    room = positions - len(ids)
    if room < 1:
        raise UsageError(f"a prompt of {len(ids)} tokens", f"less than the model's {positions}")
    return ids, min(params.max_tokens, room)


def is_greedy(params: SamplingParams) -> bool:
    """Return whether the likeliest token is taken each time."""
    return params.temperature < GREEDY_BELOW


def is_truncated(params: SamplingParams) -> bool:
    """Return whether some tokens are left out before the draw."""
    return not is_greedy(params) and (params.top_k > 0 or params.top_p < 1.0 or params.min_p > 0.0)


@dataclass(frozen=True, slots=True)
class RowParams:
    """The sampling parameters of N rows as tensors, and what they allow to skip."""

    temperature_N1: Tensor | None
    """Temperatures, 1 for greedy rows; None where all are 1."""
    greedy_N: Tensor | None
    """True for greedy rows; None where there is none."""
    truncated: Tensor | None
    """Indices of the rows with a truncation; None where there is none."""
    top_k: Tensor | None
    """Per truncated row, the vocabulary size where off."""
    top_p: Tensor | None
    """Per truncated row."""
    min_p: Tensor | None
    """Per truncated row."""
    all_greedy: bool
    """Whether no row draws at random."""


def collect_params(
    params: list[SamplingParams], vocab_size: int, device: torch.device
) -> RowParams:
    """Return the parameters of a batch of rows."""
    greedy = [is_greedy(item) for item in params]
    temperatures = [
        1.0 if skip else item.temperature for item, skip in zip(params, greedy, strict=True)
    ]
    chosen = [index for index, item in enumerate(params) if is_truncated(item)]
    top_k = [min(params[index].top_k or vocab_size, vocab_size) for index in chosen]

    def floats(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return RowParams(
        floats(temperatures).unsqueeze(1) if any(t != 1.0 for t in temperatures) else None,
        torch.tensor(greedy, device=device) if any(greedy) else None,
        torch.tensor(chosen, device=device) if chosen else None,
        torch.tensor(top_k, device=device) if chosen else None,
        floats([params[index].top_p for index in chosen]) if chosen else None,
        floats([params[index].min_p for index in chosen]) if chosen else None,
        all(greedy),
    )


def draw(logits_NV: Tensor, rows: RowParams, uniform_N: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return one token per row and its log-probability under the distribution it was drawn from.

    `uniform_N` is float64 in [0, 1); it may be None where all rows are greedy. A greedy row reports
    the plain softmax at temperature 1. The draw of a row depends on its logits and its uniform
    number alone.
    """
    logits_NV = logits_NV.float()
    if rows.all_greedy or uniform_N is None:
        tokens_N = logits_NV.argmax(-1)
        return tokens_N, _pick(torch.log_softmax(logits_NV, -1), tokens_N)
    scaled_NV = logits_NV
    if rows.temperature_N1 is not None:
        # Relative to the largest logit: a small temperature cannot overflow.
        scaled_NV = (logits_NV - logits_NV.amax(-1, keepdim=True)) / rows.temperature_N1
    if rows.truncated is not None:
        assert rows.top_k is not None
        assert rows.top_p is not None
        assert rows.min_p is not None
        kept = truncate(scaled_NV[rows.truncated], rows.top_k, rows.top_p, rows.min_p)
        scaled_NV = scaled_NV.index_copy(0, rows.truncated, kept)
    logps_NV = torch.log_softmax(scaled_NV, -1)
    cumulative_NV = logps_NV.exp().cumsum(-1, dtype=torch.float64)
    # In place of 1 the sum that was really reached, so that rounding never selects a token of
    # probability 0.
    threshold_N1 = uniform_N.unsqueeze(1) * cumulative_NV[:, -1:]
    tokens_N = torch.searchsorted(cumulative_NV, threshold_N1, right=True).squeeze(1)
    tokens_N = tokens_N.clamp_(max=logits_NV.shape[1] - 1)
    if rows.greedy_N is not None:
        tokens_N = torch.where(rows.greedy_N, logits_NV.argmax(-1), tokens_N)
    return tokens_N, _pick(logps_NV, tokens_N)


def truncate(logits_NV: Tensor, top_k_N: Tensor, top_p_N: Tensor, min_p_N: Tensor) -> Tensor:
    """Return the logits with -inf at the tokens that top-k, then top-p, then min-p leave out.

    top-p counts probabilities among the tokens that top-k kept; the likeliest token always stays.
    """
    sorted_NV, order_NV = logits_NV.sort(dim=-1, descending=True, stable=True)
    rank_V = torch.arange(logits_NV.shape[1], device=logits_NV.device)
    sorted_NV = sorted_NV.masked_fill(rank_V >= top_k_N.unsqueeze(1), -torch.inf)
    probs_NV = sorted_NV.double().softmax(-1)
    before_NV = probs_NV.cumsum(-1) - probs_NV
    forbidden_NV = before_NV >= top_p_N.double().unsqueeze(1)
    forbidden_NV |= probs_NV < min_p_N.double().unsqueeze(1) * probs_NV[:, :1]
    forbidden_NV[:, 0] = False
    sorted_NV = sorted_NV.masked_fill(forbidden_NV, -torch.inf)
    return torch.empty_like(sorted_NV).scatter_(1, order_NV, sorted_NV)


def uniform(seeds_N: HashArray, steps_N: HashArray) -> NDArray[np.float64]:
    """Return one number per row from [0, 1), a hash of (seed, step).

    Computed on the host, where seeds and steps are known: a dozen operations on a small array cost
    less there.

    Source: the output function of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable
        pseudorandom number generators"), applied to the seed and then to the seed's hash advanced
        by the step.
    """
    bits_N = _mix(_mix(seeds_N + _GOLDEN) + steps_N * _GOLDEN)
    return (bits_N >> np.uint64(12)).astype(np.float64) * 2.0**-52


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mix(value_N: HashArray) -> HashArray:
    """Return the SplitMix64 finaliser of each element; products wrap around."""
    value_N = (value_N ^ (value_N >> np.uint64(30))) * _FIRST
    value_N = (value_N ^ (value_N >> np.uint64(27))) * _SECOND
    return value_N ^ (value_N >> np.uint64(31))


def _pick(logps_NV: Tensor, tokens_N: Tensor) -> Tensor:
    return logps_NV.gather(1, tokens_N.unsqueeze(1)).squeeze(1)
