"""A classifier on a folder: loaded once, asked in batches."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from gym_reason.agents.models import choose_device, choose_dtype
from gym_reason.agents.reward_models.folder import FolderFacts
from gym_reason.agents.reward_models.rows import EncodedRow, RowEncoder
from gym_reason.errors import ModelError

_NO_LIMIT = 10**9
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


class Classifier:
    """Scores token sequences with a trained head, in eval mode and without gradients."""

    def __init__(
        self,
        facts: FolderFacts,
        *,
        label: int,
        max_tokens: int = 0,
        batch_tokens: int = 16384,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        """Load the model and the tokenizer of a folder. Never downloads or runs code from it.

        Args:
            facts: What `inspect_folder` found.
            label: The output of the head that says "good".
            max_tokens: Longest sequence; 0 is the model's own limit.
            batch_tokens: Most tokens in a forward pass, padding included, save for one long row.
            device: `auto`, `cpu` or `cuda`.
            dtype: `auto`, `fp32`, `bf16` or `fp16`.

        Raises:
            ModelError: The folder holds no usable tokenizer or weights, or the head is not in them.
        """
        self._device = choose_device(device)
        self._label = label
        self._batch_tokens = batch_tokens
        tokenizer, self._model = _load(facts, self._device, choose_dtype(dtype, self._device))
        config = self._model.config.get_text_config()
        self._pad: int | None = config.pad_token_id
        limit = min(
            getattr(config, "max_position_embeddings", None) or _NO_LIMIT,
            tokenizer.model_max_length or _NO_LIMIT,
        )
        if max_tokens > limit:
            raise ModelError(f"max_tokens = {max_tokens}", f"at most {limit}, the model's own")
        self.encoder = RowEncoder(tokenizer, max_tokens or min(limit, 2**20))

    def score_sequences(self, rows: Sequence[EncodedRow]) -> list[float]:
        """Return one score for each row, in log-odds where the head has several labels."""
        scores = [math.nan] * len(rows)
        # A decoder's head reads the last token that is no padding. Without a padding token of its
        # own the model cannot tell which that is, and takes one row at a time.
        for indices in plan_batches(
            [len(row.ids) for row in rows], self._batch_tokens, single=self._pad is None
        ):
            logits = self._forward([rows[index] for index in indices])
            for index, value in zip(indices, self._read(logits), strict=True):
                scores[index] = value
        return scores

    def score_tokens(
        self, rows: Sequence[EncodedRow], positions: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Return the scores at the given positions of each row."""
        scores: list[list[float]] = [[] for _ in rows]
        for indices in plan_batches([len(row.ids) for row in rows], self._batch_tokens):
            logits = self._forward([rows[index] for index in indices])
            for place, index in enumerate(indices):
                chosen = torch.tensor(list(positions[index]), device=logits.device)
                scores[index] = self._read(logits[place, chosen])
        return scores

    def _forward(self, rows: Sequence[EncodedRow]) -> Tensor:
        """Return the logits of rows padded on the right."""
        width = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), width), self._pad or 0, dtype=torch.long)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row.ids)] = torch.tensor(row.ids)
            mask[place, : len(row.ids)] = 1
            types[place, : len(row.type_ids)] = torch.tensor(row.type_ids, dtype=torch.long)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if any(row.type_ids for row in rows):
            inputs["token_type_ids"] = types
        with torch.inference_mode():
            outputs = self._model(
                **{name: value.to(self._device) for name, value in inputs.items()}
            )
        return cast(Tensor, outputs.logits)

    def _read(self, logits: Tensor) -> list[float]:
        """Return the good label's logit or, of several labels, its log-odds. Shape (N, labels)."""
        logits = logits.float()
        good = logits[..., self._label]
        if logits.shape[-1] > 1:
            others = [index for index in range(logits.shape[-1]) if index != self._label]
            good = good - logits[..., others].logsumexp(dim=-1)
        return [float(value) for value in good.cpu()]


def plan_batches(
    lengths: Sequence[int], batch_tokens: int, *, single: bool = False
) -> Iterator[list[int]]:
    """Yield the indices of each batch: rows of like length, the longest first.

    Args:
        lengths: Tokens of each row.
        batch_tokens: Most tokens of a batch, padding included; a longer row goes alone.
        single: One row at a time.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        # The first row is the longest, and so the width of all.
        if batch and (single or (len(batch) + 1) * lengths[batch[0]] > batch_tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _load(facts: FolderFacts, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    if not any((facts.folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(
            f"no tokenizer in {facts.folder}", "tokenizer.json", "save one beside the model"
        )
    kind: Any = {
        "sequence": AutoModelForSequenceClassification,
        "token": AutoModelForTokenClassification,
    }[facts.head]
    only_here = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(facts.folder), **only_here)
        model, loaded = kind.from_pretrained(
            str(facts.folder),
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            **only_here,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"cannot load {facts.folder}: {str(error).strip()[:300]}") from error
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise ModelError(
            f"the weights in {facts.folder} lack {', '.join(missing[:3])}",
            "a trained head",
            "a new one would score at random",
        )
    return tokenizer, model.to(device).eval()
