"""`RayEngine`: the policy of the local engine, by replicas on the machines of a cluster."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from gym_reason.agents.engines.ray.kit import pack_kit
from gym_reason.agents.engines.ray.replica import Answers, Batch, EngineReplica
from gym_reason.agents.engines.ray.weights import (
    Delivery,
    WeightSender,
    make_canary,
)
from gym_reason.agents.policy import SamplingParams, pair_params
from gym_reason.agents.weights import count_bytes, count_positions, fingerprint
from gym_reason.cluster.connection import RayConnection
from gym_reason.cluster.settings import RaySettings
from gym_reason.errors import GymReasonError, UsageError
from gym_reason.types import Completion

LEAST_REQUESTS = 8
"""Fewer do not go to several replicas: a batch costs its message, and rows cost less together."""
BATCHES_AT_ONCE = 16
"""Of a replica; they run as one."""

logger = logging.getLogger(__name__)
Request = tuple[tuple[int, ...], SamplingParams]


class RayEngine:
    """Completes prompts by replicas of the local engine, with the weights of a model in training.

    A prompt goes to the replica with the least to do; where that is lost, another is asked, once.
    A completion depends on its prompt, its parameters and the weights alone, up to the rounding of
    the logits. Not thread-safe: use one event loop at a time.
    """

    def __init__(
        self,
        settings: RaySettings,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        *,
        temperature: float,
        dtype: torch.dtype | None = None,
        cache_bytes: int | None = None,
        device: str = "auto",
    ) -> None:
        """Have the replicas start.

        Args:
            settings: Which cluster, how many replicas.
            model: In training; its weights go out with the first prompt after each change.
            tokenizer: The model's.
            temperature: Of the trainer's log-probabilities.
            dtype: Of matrix products; None for the weights' own.
            cache_bytes: Most memory of a replica for keys and values.
            device: Of the replicas.

        Raises UsageError without Ray, and RunError where the cluster cannot be joined.
        """
        if settings.engines.count < 1:
            raise UsageError("ray.engines.count = 0 with engine = 'ray'", "1 or more")
        self.model = model
        self.tokenizer = tokenizer
        self.version = 0
        """Counts the weight updates that the policy has received."""
        self.max_positions = count_positions(model)
        self.before_refresh: Callable[[], None] | None = None
        """Called before the weights are read again, by one who prepares them: merges an adapter."""
        self._connection = RayConnection(settings, count_bytes(model.parameters()))
        kit = pack_kit(
            model,
            tokenizer,
            device=settings.engines.device(device),
            dtype=dtype,
            threads=settings.engines.threads,
            cache_bytes=cache_bytes,
        )
        canary = make_canary(settings, model, temperature, dtype, "a replica")
        self._sender = WeightSender(self._connection.put, canary)
        self._count = settings.engines.count
        self._crew = self._connection.hire(
            "replica",
            settings.engines,
            EngineReplica,
            self._connection.put(kit),
            settings.part_timeout_s,
            at_once=BATCHES_AT_ONCE,
            say=logger.warning,
        )
        self.pulse = 0
        """Changes whenever anything moved, prompts or weights: a sign of life."""
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    def follow(self, model: Any) -> None:
        """Send the weights of another model of the same shape from now on; the version stays."""
        self.model = model
        self._sender.forget()

    def update_weights(self, version: int | None = None) -> None:
        """Take note that the model's weights changed, and count that."""
        self.version = self.version + 1 if version is None else version
        self.refresh()

    def refresh(self) -> None:
        """Read the weights again whatever changed; the version stays."""
        if self.before_refresh is not None:
            self.before_refresh()
        self._sender.forget()

    def figures(self) -> Mapping[str, float]:
        """Return what the last packing took, the canary's gap after it, and replicas lost."""
        sender = self._sender
        return {
            "sync_seconds": sender.seconds,
            "canary_gap": sender.gap,
            "replicas_lost": self._crew.lost,
        }

    def rest(self) -> None:
        """Do nothing: the replicas hold nothing that the trainer could use."""

    def close(self) -> None:
        """End the replicas, and the cluster where it is the run's own."""
        self._connection.close()

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        params: Sequence[SamplingParams] | SamplingParams,
    ) -> list[Completion]:
        """Return one completion per prompt, in order.

        Raises:
            UsageError: A prompt is empty, too long or holds an unknown token, or a parameter is out
                of range.
            RunError: Prompts were lost twice, or no replica starts.
        """
        requests = [(tuple(prompt), one) for prompt, one in pair_params(prompts, params)]
        delivery = self._sender.deliver(self.model, self.version, fingerprint(self.model))
        sent = [self._submit(delivery, part) for part in self._split(requests)]
        found: list[Completion] = []
        for future in sent:
            answers: Answers = future.result()
            self._sender.check(self.model, delivery, answers.canary)
            for one in answers.completions:
                if isinstance(one, GymReasonError):
                    raise one
                found.append(one)
        return found

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return one completion of `prompt_ids`; calls that wait at the same time go out together.

        Raises what `generate` raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Completion] = loop.create_future()
        if not self._waiting:
            # Callers that were started together all queue before any is sent.
            loop.call_soon(self._send_waiting)
        self._waiting.append(((tuple(prompt_ids), params), future))
        return await future

    def _send_waiting(self) -> None:
        waiting = [one for one in self._waiting if not one[1].done()]
        self._waiting.clear()
        for part in self._split(waiting):
            task = asyncio.get_running_loop().create_task(self._ask(part))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _ask(self, part: Sequence[tuple[Request, "asyncio.Future[Completion]"]]) -> None:
        """Settle the futures of some requests by one replica."""
        try:
            delivery = self._sender.deliver(self.model, self.version, fingerprint(self.model))
            requests = [request for request, _ in part]
            answers: Answers = await asyncio.wrap_future(self._submit(delivery, requests))
            self._sender.check(self.model, delivery, answers.canary)
        except Exception as error:  # The callers get it.
            for _, future in part:
                _settle(future, error)
            return
        for (_, future), one in zip(part, answers.completions, strict=True):
            _settle(future, one)

    def _submit(self, delivery: Delivery, requests: Sequence[Request]) -> Any:
        what = f"a batch of {len(requests)} prompts"
        sent = self._crew.submit(Batch(delivery, tuple(requests)), what, weight=len(requests))
        sent.add_done_callback(lambda _: self._beat())
        return sent

    def _beat(self) -> None:
        self.pulse += 1

    def _split(self, items: Sequence[Any]) -> list[Sequence[Any]]:
        """Return shares for the replicas, neighbours together: they may have a prompt in common."""
        size = max(LEAST_REQUESTS, -(-len(items) // self._count))
        return [items[first : first + size] for first in range(0, len(items), size)]


def _settle(future: "asyncio.Future[Completion]", answer: Completion | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
