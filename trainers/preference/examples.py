"""What preference training reads: responses to one prompt as token streams, with their scores."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from gym_reason.errors import RunError
from gym_reason.trainers.model.batch import TokenBatch, make_batch
from gym_reason.types import Json, TokenTrace


@dataclass(frozen=True, slots=True)
class Example:
    """Responses to one prompt. What is not wanted stands first in a negative, last elsewhere."""

    traces: tuple[TokenTrace, ...]
    """The prompt and a response each; the mask is True on what is trained."""
    scores: tuple[float, ...]
    """How good each is."""
    record: Mapping[str, Json] = field(default_factory=dict)
    """The same in words, as a file of records holds it."""


def make_trace(context: Sequence[int], response: Sequence[int]) -> TokenTrace:
    """Return a token stream whose `response` is trained."""
    ids = (*context, *response)
    mask = (False,) * len(context) + (True,) * len(response)
    return TokenTrace(ids, mask, (0.0,) * len(ids), (0,) * len(ids))


@dataclass(frozen=True, slots=True)
class Dataset:
    """The examples of a round as tensors: N token streams, those of an example together."""

    batch: TokenBatch
    """The streams."""
    counts: tuple[int, ...]
    """Responses of each example."""
    scores_N: torch.Tensor
    """Score of each stream."""
    ref_logps_NT: torch.Tensor | None = None
    """Log-probabilities under the reference; None where the loss keeps none."""

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.counts)

    @property
    def firsts(self) -> tuple[int, ...]:
        """The first stream of each example."""
        ends = torch.tensor(self.counts).cumsum(0).tolist()
        return tuple(end - count for end, count in zip(ends, self.counts, strict=True))

    def streams_of(self, examples: Sequence[int]) -> list[int]:
        """Return the streams of some examples, in order."""
        firsts = self.firsts
        return [firsts[e] + k for e in examples for k in range(self.counts[e])]


def make_dataset(examples: Sequence[Example], pad_id: int, device: torch.device) -> Dataset:
    """Return examples as tensors; there must be one."""
    traces = [trace for example in examples for trace in example.traces]
    scores = [score for example in examples for score in example.scores]
    return Dataset(
        make_batch(traces, pad_id, device),
        tuple(len(example.traces) for example in examples),
        torch.tensor(scores, device=device),
    )


def dump_dataset(dataset: Dataset | None) -> bytes:
    """Return a data set as what its file holds; None is an empty file."""
    if dataset is None:
        return b""
    batch, buffer = dataset.batch, io.BytesIO()
    content = {
        "ids": batch.ids_NL.to(torch.int32),
        "mask": batch.mask_NT > 0,
        "lengths": list(batch.lengths),
        "starts": list(batch.starts),
        "counts": list(dataset.counts),
        "scores": dataset.scores_N,
        "ref_logps": dataset.ref_logps_NT,
    }
    torch.save(content, buffer)
    return buffer.getvalue()


def read_dataset(path: Path, device: torch.device) -> Dataset | None:
    """Return a data set that a run kept, or that there was none.

    Raises RunError where the run kept neither.
    """
    if not path.exists():
        raise RunError(
            f"{path} is not there: the stage began with other settings, or it was deleted",
            "the records of the round under way",
            "start a new run",
        )
    if path.stat().st_size == 0:
        return None
    content: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    mask_NT = content["mask"].float()
    batch = TokenBatch(
        content["ids"].long(),
        mask_NT,
        torch.zeros_like(mask_NT),
        tuple(content["lengths"]),
        tuple(content["starts"]),
    )
    return Dataset(batch, tuple(content["counts"]), content["scores"], content["ref_logps"])


def choose(dataset: Dataset, examples: Sequence[int]) -> Dataset:
    """Return some examples of a data set, in their order."""
    streams = dataset.streams_of(examples)
    batch = dataset.batch.select(streams)
    index = torch.tensor(streams, device=dataset.scores_N.device)
    ref_NT = dataset.ref_logps_NT
    return Dataset(
        batch,
        tuple(dataset.counts[e] for e in examples),
        dataset.scores_N[index],
        None if ref_NT is None else ref_NT[index, : batch.mask_NT.shape[1]],
    )
