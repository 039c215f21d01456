"""Rows of supervised training as padded tensors, alone or several behind each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from gym_reason.errors import ModelError
from gym_reason.trainers.model.logprobs import has_plain_head, score_hidden, score_logits

CROSS_TALK_NATS = 1e-4
"""More difference than this between a packed token and a lone one is no rounding."""


@dataclass(frozen=True, slots=True)
class Row:
    """One token stream and which of its tokens are learned."""

    ids: npt.NDArray[np.int32]
    """Token ids."""
    learned: npt.NDArray[np.bool_]
    """True on the tokens that the loss counts; never the first, which nothing predicts."""

    def __len__(self) -> int:
        """Return how many tokens it has."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """P sequences of one row or more, padded on the right; T = L - 1 predictions."""

    ids_PL: torch.Tensor
    """Token ids, int64."""
    positions_PT: torch.Tensor
    """Place of each input token in its own row: a 0 begins a row. Padding stands alone."""
    mask_PT: torch.Tensor
    """1.0 where token `t + 1` is learned."""

    @property
    def start(self) -> int:
        """The first index on the axis T at which any sequence has a mask of 1."""
        return int(self.mask_PT.any(0).to(torch.uint8).argmax())


def plan_packs(lengths: Sequence[int], limit_tokens: int) -> list[list[int]]:
    """Return which rows share a sequence of at most `limit_tokens`: the longest first, first fit.

    A row that is longer than that has a sequence of its own.
    """
    packs: list[list[int]] = []
    room: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        fitting = (pack for pack, left in enumerate(room) if left >= lengths[row])
        pack = next(fitting, len(packs))
        if pack == len(packs):
            packs.append([])
            room.append(limit_tokens)
        packs[pack].append(row)
        room[pack] -= lengths[row]
    return packs


def pack_rows(
    rows: Sequence[Row], packs: Sequence[Sequence[int]], pad_id: int, device: torch.device
) -> PackedBatch:
    """Return one sequence for each pack, its rows behind each other."""
    longest = max(sum(len(rows[row]) for row in pack) for pack in packs)
    ids = np.full((len(packs), longest), pad_id, dtype=np.int64)
    positions = np.zeros((len(packs), longest), dtype=np.int64)
    mask = np.zeros((len(packs), longest), dtype=np.float32)
    for number, pack in enumerate(packs):
        end = 0
        for row in (rows[index] for index in pack):
            place = slice(end, end + len(row))
            ids[number, place] = row.ids
            positions[number, place] = np.arange(len(row))
            mask[number, place] = row.learned
            mask[number, end] = 0.0  # the row before must not learn to predict it
            end += len(row)
    return PackedBatch(
        torch.from_numpy(ids).to(device),
        torch.from_numpy(positions[:, :-1].copy()).to(device),
        torch.from_numpy(mask[:, 1:].copy()).to(device),
    )


def score_packed(model: PreTrainedModel, batch: PackedBatch) -> torch.Tensor:
    """Return `logps_PT`; no token sees a row beside its own.

    The model's own forward pass runs: Transformers tells the rows apart by their positions.
    """
    inputs: dict[str, Any] = {
        "input_ids": batch.ids_PL[:, :-1],
        "position_ids": batch.positions_PT,
        "use_cache": False,
    }
    targets_PT = batch.ids_PL[:, 1:]
    if has_plain_head(model):
        decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
        head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        hidden_PTC = decoder(**inputs).last_hidden_state
        return score_hidden(hidden_PTC, head.weight, head.bias, targets_PT, 1.0, False)[0]
    return score_logits(model(**inputs).logits, targets_PT, 1.0, False)[0]


@torch.no_grad()
def check_packing(model: PreTrainedModel, row: Row, pad_id: int) -> None:
    """Raise ModelError unless a row scores behind another one as it does alone."""
    alone_PT = score_packed(model, pack_rows([row], [[0]], pad_id, model.device))
    behind_PT = score_packed(model, pack_rows([row, row], [[0, 1]], pad_id, model.device))
    gap = (behind_PT[:, len(row) :] - alone_PT).abs().max().item()
    if not gap <= CROSS_TALK_NATS:
        raise ModelError(
            f"{type(model).__name__} reads a packed row {gap:.2g} nats apart from a lone one",
            "a model that keeps the rows of a sequence apart by their positions",
            "set sft.packing=false",
        )
