"""Token streams of episodes as padded tensors, and their split into forward passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gym_reason.types import TokenTrace


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """N token streams, padded on the right to L tokens; T = L - 1 predictions."""

    ids_NL: torch.Tensor
    """Token ids, int64."""
    mask_NT: torch.Tensor
    """1.0 where token `t + 1` was emitted by the policy."""
    sampler_logps_NT: torch.Tensor
    """The sampler's log-probability of token `t + 1`; 0 where the mask is 0."""
    lengths: tuple[int, ...]
    """Tokens of each row, without padding."""
    starts: tuple[int, ...]
    """Index on the axis T of each row's first token with a mask of 1; 0 where it has none."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.lengths)

    @property
    def start(self) -> int:
        """The first index on the axis T at which any row has a mask of 1."""
        return min(self.starts)

    def select(self, rows: Sequence[int]) -> "TokenBatch":
        """Return some rows, trimmed to the longest of them."""
        lengths = tuple(self.lengths[row] for row in rows)
        longest = max(lengths)
        index = torch.tensor(rows, device=self.ids_NL.device)
        return TokenBatch(
            self.ids_NL[index, :longest],
            self.mask_NT[index, : longest - 1],
            self.sampler_logps_NT[index, : longest - 1],
            lengths,
            tuple(self.starts[row] for row in rows),
        )


def make_batch(traces: Sequence[TokenTrace], pad_id: int, device: torch.device) -> TokenBatch:
    """Return the streams as one batch. Raises ValueError for none, or one of under two tokens."""
    lengths = tuple(len(trace.ids) for trace in traces)
    if not lengths or min(lengths) < 2:
        raise ValueError("a batch needs streams of at least two tokens")
    shape = (len(traces), max(lengths))
    ids = np.full(shape, pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.float32)
    logprobs = np.zeros(shape, dtype=np.float32)
    for row, trace in enumerate(traces):
        ids[row, : lengths[row]] = trace.ids
        mask[row, : lengths[row]] = trace.action_mask
        logprobs[row, : lengths[row]] = trace.logprobs
    return TokenBatch(
        torch.from_numpy(ids).to(device),
        torch.from_numpy(mask[:, 1:].copy()).to(device),
        torch.from_numpy(logprobs[:, 1:].copy()).to(device),
        lengths,
        tuple(mask[:, 1:].argmax(1).tolist()),
    )


def plan_micro_batches(lengths: Sequence[int], limit_tokens: int) -> list[list[int]]:
    """Split rows into forward passes of at most `limit_tokens` padded tokens, or of one row.

    Rows of like length go together. The plan depends on the lengths alone, so old and new
    log-probabilities of a window come from equal passes.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    plan: list[list[int]] = []
    for row in order:
        fits = plan and (len(plan[-1]) + 1) * lengths[plan[-1][0]] <= limit_tokens
        if fits:
            plan[-1].append(row)
        else:
            plan.append([row])
    return plan
