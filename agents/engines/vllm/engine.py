"""`VllmEngine`: the policy of the local engine, sampled by vLLM."""

import asyncio
import atexit
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.engines.local.detokenizer import Detokenizer
from gym_reason.agents.engines.local.sampling import check_prompt
from gym_reason.agents.engines.vllm.backend import Backend
from gym_reason.agents.engines.vllm.canary import Canary
from gym_reason.agents.engines.vllm.lora import read_matrices
from gym_reason.agents.engines.vllm.orders import (
    Order,
    Sampled,
    make_completion,
    merge_orders,
)
from gym_reason.agents.engines.vllm.weights import named_weights
from gym_reason.agents.images import ImageEncoder
from gym_reason.agents.policy import (
    AdapterWeights,
    PromptWithImages,
    SamplingParams,
    pair_params,
)
from gym_reason.agents.weights import count_bytes, fingerprint
from gym_reason.errors import UsageError
from gym_reason.types import Completion

Translation = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Changes weights by name from the trainer's form to vLLM's."""


class VllmEngine:
    """Completes prompts by vLLM, with the weights of a model in training or those of a folder.

    A completion depends on its prompt, its parameters and the weights alone, up to the rounding of
    the logits, where each draws with its own seed. Its text, made here, shows every emitted token
    but for the stop token. Not thread-safe: use one event loop at a time.
    """

    def __init__(
        self,
        backend: Backend,
        tokenizer: PreTrainedTokenizerBase,
        stop_token_ids: Sequence[int],
        vocab_size: int,
        *,
        model: PreTrainedModel | None = None,
        canary: Canary | None = None,
        translate: Translation = dict,
        translate_adapter: Translation | None = None,
        own_seeds: bool = True,
        images: ImageEncoder | None = None,
        resources: contextlib.ExitStack | None = None,
    ) -> None:
        """Stand before a vLLM that runs.

        Args:
            backend: Runs the model.
            tokenizer: Decodes completions.
            stop_token_ids: Tokens that end every completion.
            vocab_size: Tokens that the model knows.
            model: In training: its weights go to vLLM before the first prompt and after each
                change. None where vLLM has read weights that stay.
            canary: Compares the two after each sync.
            translate: Returns the model's weights as vLLM is to have them.
            translate_adapter: Does so with the matrices of an adapter; None where these go to vLLM
                within the weights alone.
            own_seeds: See `VllmSettings`.
            images: Encodes images for the model; None where it reads none.
            resources: Closed by `close`, the backend among them.
        """
        self.model: Any = model
        self.tokenizer = tokenizer
        self.stop_token_ids = tuple(stop_token_ids)
        self.max_positions = backend.max_positions
        self.version = 0
        """Counts the weight updates that the policy has received."""
        self.canary = canary
        self.before_refresh: Callable[[], None] | None = None
        """Called before the weights are read again, by one who prepares them: merges an adapter."""
        self._backend = backend
        self._vocab_size = vocab_size
        self._translate = translate
        self._translate_adapter = translate_adapter
        self._adapter: AdapterWeights | None = None
        self._base: AdapterWeights | None = None
        """Of whose weights vLLM has those that stay."""
        self._own_seeds = own_seeds
        self.images = images
        """Encodes images for the model; None where it reads none."""
        self._unsaid_ids = () if images is None else images.unsaid_ids
        self._detokenizer = Detokenizer(tokenizer)
        self._asleep = False
        self._figures: dict[str, float] = {}
        self._synced: tuple[int, ...] | None = None
        self._waiting: list[tuple[Order, asyncio.Future[Completion]]] = []
        self._running = 0
        self._resources = resources or contextlib.ExitStack()
        atexit.register(self.close)

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved: a sign of life."""
        return self._backend.pulse

    def follow(self, model: PreTrainedModel) -> None:
        """Take the weights of another model from now on; the version stays.

        Raises UsageError while completions are under way.
        """
        if self._running or self._waiting:
            raise UsageError("another model in the middle of completions", "none under way")
        self.model, self._synced = model, None
        self.follow_adapter(None)

    def follow_adapter(self, adapter: AdapterWeights | None) -> None:
        """Know that the model is made of this from now on; None for weights that all learn.

        Where vLLM applies adapters, the weights that stay go there once, and then the adapter alone
        after each change.
        """
        self._adapter, self._base = adapter, None

    def update_weights(self, version: int | None = None) -> None:
        """Bring vLLM up to date with the model, whose weights changed.

        Raises RunError where that stalls, or where vLLM disagrees with the model afterwards.
        """
        self.version = self.version + 1 if version is None else version
        self.refresh()

    def refresh(self) -> None:
        """Read the weights again whatever changed; the version stays. Raises RunError."""
        if self.model is None:
            return
        if self.before_refresh is not None:
            self.before_refresh()
        self._sync()

    def _sync(self) -> None:
        """Give vLLM the weights that the model has."""
        if self._asleep:
            self._backend.wake()
            self._asleep = False
        started = time.monotonic()
        sent = self._send_weights()
        self._synced = fingerprint(self.model)
        self._figures = {"sync_seconds": time.monotonic() - started, "sync_bytes": float(sent)}
        if self.canary is not None:
            gap = self.canary.check(self.model, self._sample_now, self.version)
            self._figures["canary_gap"] = gap

    def _send_weights(self) -> int:
        """Give vLLM the weights of the model, as few as will do; return how many bytes they are."""
        adapter, translate_adapter = self._adapter, self._translate_adapter
        if adapter is None or translate_adapter is None:
            weights = self._translate(named_weights(self.model))
            self._backend.load(weights, self.version)
            return count_bytes(weights.values())
        sent = 0
        if self._base is not adapter:
            weights = self._translate(adapter.base_weights())
            self._backend.load(weights, self.version)
            sent, self._base = count_bytes(weights.values()), adapter
        matrices = read_matrices(adapter, translate_adapter)
        self._backend.load_adapter(matrices, self.version)
        return sent + count_bytes(matrices.tensors.values())

    def figures(self) -> Mapping[str, float]:
        """Return the seconds and bytes of the last sync and the canary's gap after it."""
        return self._figures

    def rest(self) -> None:
        """Give the GPU's memory back until the next sync or prompt, where that is possible."""
        if self.model is not None and self._backend.can_sleep and not self._asleep:
            self._backend.sleep(keep=self._base is not None)
            self._asleep = True

    def close(self) -> None:
        """Stop vLLM. Anything asked later fails."""
        atexit.unregister(self.close)
        self._resources.close()

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        params: Sequence[SamplingParams] | SamplingParams,
    ) -> list[Completion]:
        """Return one completion per prompt, in order.

        Raises:
            UsageError: A prompt is empty, too long or holds an unknown token, or a parameter is out
                of range.
            RunError: vLLM stalls or ends.
        """
        orders = [self._order(prompt, item) for prompt, item in pair_params(prompts, params)]
        self._catch_up()
        return self._sample_now(orders)

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return one completion of `prompt_ids`; calls that wait at the same time run as one batch.

        Cancelling the call stops its work.

        Raises:
            UsageError: The prompt is empty, too long or holds an unknown token, or a parameter is
                out of range.
            RunError: vLLM stalls or ends.
        """
        order = self._order(prompt_ids, params)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Completion] = loop.create_future()
        if not self._waiting:
            # Callers that were started together all queue before any is sent.
            loop.call_soon(self._send_waiting)
        self._waiting.append((order, future))
        return await future

    def _send_waiting(self) -> None:
        waiting = [(order, future) for order, future in self._waiting if not future.done()]
        self._waiting.clear()
        try:
            self._catch_up()
        except Exception as error:
            for _, future in waiting:
                future.set_exception(error)
            return
        merged = merge_orders([order for order, _ in waiting], own_seeds=self._own_seeds)
        for order, places in merged:
            self._send(order, [waiting[place] for place in places])

    def _send(self, order: Order, callers: list[tuple[Order, asyncio.Future[Completion]]]) -> None:
        """Submit an order and give each caller its completion."""
        version = self.version
        submitted = self._backend.submit(order)
        answer = asyncio.wrap_future(submitted)
        self._running += 1

        def deliver(answer: asyncio.Future[list[Sampled]]) -> None:
            self._running -= 1
            if answer.cancelled():
                return
            error = answer.exception()
            for index, (own, future) in enumerate(callers):
                if future.done():
                    continue
                if error is not None:
                    future.set_exception(error)
                    continue
                try:
                    sampled = answer.result()[index]
                    future.set_result(make_completion(own, sampled, self._detokenizer, version))
                except Exception as broken:
                    future.set_exception(broken)

        def give_up(_: asyncio.Future[Completion]) -> None:
            if all(future.cancelled() for _, future in callers):
                answer.cancel()

        answer.add_done_callback(deliver)
        for _, future in callers:
            future.add_done_callback(give_up)

    def _sample_now(self, orders: Sequence[Order]) -> list[Completion]:
        """Wait for the completions of orders; none is left running where one fails."""
        merged = merge_orders(orders, own_seeds=self._own_seeds)
        submitted = [(self._backend.submit(order), places) for order, places in merged]
        completions: dict[int, Completion] = {}
        try:
            for future, places in submitted:
                for place, sampled in zip(places, future.result(), strict=True):
                    completions[place] = make_completion(
                        orders[place], sampled, self._detokenizer, self.version
                    )
        except BaseException:
            _cancel_all(submitted)
            raise
        return [completions[index] for index in range(len(orders))]

    def _catch_up(self) -> None:
        """Sync weights that changed without a word, and those that vLLM slept away."""
        if self.model is None or self._running:
            return
        if self._asleep or self._synced != fingerprint(self.model):
            # Not `refresh`: where several processes train, all of them prepare weights, or none.
            self._sync()

    def _order(self, prompt: Sequence[int], params: SamplingParams) -> Order:
        """Return a checked order of one completion."""
        ids, limit = check_prompt(prompt, params, self._vocab_size, self.max_positions)
        stops = tuple(dict.fromkeys((*self.stop_token_ids, *params.stop_token_ids)))
        if isinstance(prompt, PromptWithImages):
            if self.images is None:
                raise UsageError("images for a model that reads none", "tokens alone")
            ids = prompt
        return Order(ids, params, limit, stops, unsaid_ids=self._unsaid_ids)


def _cancel_all(submitted: Sequence[tuple["Future[list[Sampled]]", list[int]]]) -> None:
    for future, _ in submitted:
        future.cancel()
