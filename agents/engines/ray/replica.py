"""A replica: the local engine in a worker's process, asked by many at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.ray.kit import ModelKit
from gym_reason.agents.engines.ray.weights import Delivery, WeightReceiver
from gym_reason.agents.policy import SamplingParams
from gym_reason.cluster.connection import fetch
from gym_reason.cluster.member import LoopThread
from gym_reason.errors import GymReasonError
from gym_reason.types import Completion


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts that go to one replica together."""

    delivery: Delivery
    """The weights to answer with, or newer ones."""
    requests: tuple[tuple[tuple[int, ...], SamplingParams], ...]
    """Each prompt, and how to complete it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a replica says to a batch."""

    completions: tuple[Completion | GymReasonError, ...]
    """One for each request, or what is wrong with it."""
    canary: Completion | None
    """What the canary said, where new weights were taken first."""


class EngineReplica:
    """Answers batches; those that come at the same time run as one."""

    def __init__(
        self, kit: ModelKit, fetch_s: float, fetch: Callable[[Any, float], Any] = fetch
    ) -> None:
        """Build the model and start the thread that runs it.

        Args:
            kit: The model without its weights.
            fetch_s: Longest wait for weights.
            fetch: Returns what is behind a reference.
        """
        model, tokenizer = kit.build()
        engine = LocalEngine(model, tokenizer, dtype=kit.dtype, max_cache_bytes=kit.cache_bytes)
        self._engine = engine
        self._receiver = WeightReceiver(model, engine, lambda reference: fetch(reference, fetch_s))
        self._thread = LoopThread("replica", kit.settle)

    def work(self, batch: Batch) -> Answers:
        """Return the answers; called by several threads."""
        return self._thread.run(self._answer(batch))

    def close(self) -> None:
        """End the thread."""
        self._thread.close()

    async def _answer(self, batch: Batch) -> Answers:
        said = self._receiver.follow(batch.delivery)
        calls = [self._engine.sample(prompt, params) for prompt, params in batch.requests]
        found = await asyncio.gather(*calls, return_exceptions=True)
        return Answers(_sort_out(found), said)


def _sort_out(
    found: Sequence[Completion | BaseException],
) -> tuple[Completion | GymReasonError, ...]:
    """Return answers; what is nobody's request is the replica's own failure, and is raised."""
    kept: list[Completion | GymReasonError] = []
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, GymReasonError):
            raise one
        kept.append(one)
    return tuple(kept)
