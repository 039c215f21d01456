"""`LocalEngine`: a policy on the weights of a transformers model in this process."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.engines.local.budget import default_cache_bytes
from gym_reason.agents.engines.local.certainty import measure_certainty
from gym_reason.agents.engines.local.detokenizer import Detokenizer, StopSearch
from gym_reason.agents.engines.local.requests import Request
from gym_reason.agents.engines.local.sampling import check_prompt
from gym_reason.agents.engines.local.scheduler import Scheduler
from gym_reason.agents.engines.local.selection import choose_decoder
from gym_reason.agents.policy import PromptWithImages, SamplingParams, pair_params
from gym_reason.agents.virtual_tokens import find_virtual_tokens
from gym_reason.agents.weights import count_positions
from gym_reason.errors import UsageError
from gym_reason.types import Completion


class LocalEngine:
    """Completes prompts in batches, on the CPU or a GPU, with the weights that a trainer updates.

    A completion depends on its prompt, its parameters and the weights alone, never on what else is
    in the batch, up to the rounding of the logits. Text shows every emitted token, special
    ones too, but for the stop token at the end. Not thread-safe:
    use one event loop at a time.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_rows: int = 512,
        max_cache_bytes: int | None = None,
        stop_token_ids: Sequence[int] | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Choose a decoder for the model and check it against the model's own forward pass.

        Args:
            model: Shared, not copied; only small rearranged copies of some weights are kept where
                they pay.
            tokenizer: Decodes completions.
            max_rows: Most completions that run at a time. Key and value memory grows with it.
            max_cache_bytes: Most memory for keys and values: fewer completions run at a time where
                their longest could need more. One always runs. By default a quarter of the
                available memory, on a GPU half of the free.
            stop_token_ids: Tokens that end every completion; by default the end-of-sequence tokens
                of the model's generation configuration, of its configuration and of the tokenizer.
            dtype: Type of matrix products, keys and values; by default the weights' own. With
                torch.bfloat16 beside fp32 weights, the engine keeps copies of the weights; norms,
                softmax and logits stay in fp32.

        Raises:
            UsageError: `max_rows` or `max_cache_bytes` is not positive, or `dtype` is no type of
                floating-point numbers.
        """
        for name, value in (("max_rows", max_rows), ("max_cache_bytes", max_cache_bytes)):
            if value is not None and value < 1:
                raise UsageError(f"{name}={value}", "at least 1")
        if dtype is not None and not dtype.is_floating_point:
            raise UsageError(f"dtype={dtype}", "torch.bfloat16, torch.float16 or torch.float32")
        if dtype == model.dtype:
            dtype = None
        self.tokenizer = tokenizer
        stops = find_stop_tokens(model, tokenizer) if stop_token_ids is None else stop_token_ids
        self.stop_token_ids = tuple(stops)
        self.dtype: torch.dtype = dtype or model.dtype
        if max_cache_bytes is None:
            max_cache_bytes = default_cache_bytes(model.device)
        self.max_cache_bytes = max_cache_bytes
        self._max_rows = max_rows
        self._detokenizer = Detokenizer(tokenizer)
        self._pump: asyncio.Task[None] | None = None
        self.before_refresh: Callable[[], None] | None = None
        """Called before the weights are read again, by one who prepares them: merges an adapter."""
        self._attach(model)

    def _attach(self, model: PreTrainedModel) -> None:
        self.model: Any = model
        self.max_positions = count_positions(model)
        if (virtual := find_virtual_tokens(model)) is not None and self.max_positions is not None:
            self.max_positions -= virtual.count
        self.decoder = choose_decoder(model, None if self.dtype == model.dtype else self.dtype)
        self._scheduler = Scheduler(
            self.decoder, self._detokenizer, self._max_rows, self.max_cache_bytes
        )

    def follow(self, model: PreTrainedModel) -> None:
        """Sample from another model of the same tokenizer from now on; the version stays.

        Raises UsageError while completions are under way.
        """
        if self._scheduler.busy:
            raise UsageError("another model in the middle of completions", "none under way")
        version, steps = self.version, self._scheduler.steps
        self._attach(model)
        self._scheduler.version, self._scheduler.steps = version, steps

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved: a sign of life."""
        return self._scheduler.steps

    @property
    def version(self) -> int:
        """Counts the weight updates that the policy has received."""
        return self._scheduler.version

    @version.setter
    def version(self, value: int) -> None:
        self._scheduler.version = value

    def update_weights(self, version: int | None = None) -> None:
        """Take note that the model's weights changed; rows that run go on with the new ones.

        They keep the keys and values of their tokens so far, and each token the version that it was
        drawn under. In-place updates are also noticed without this call, but then the version
        stays.
        """
        self.refresh()
        self.version = self.version + 1 if version is None else version

    def refresh(self) -> None:
        """Read the weights again whatever changed, writes through `parameter.data` included."""
        if self.before_refresh is not None:
            self.before_refresh()
        self.decoder.refresh(force=True)

    def figures(self) -> Mapping[str, float]:
        """Return nothing: it shares the weights."""
        return {}

    def rest(self) -> None:
        """Do nothing: keys and values are free already, and the weights are the trainer's."""

    def close(self) -> None:
        """Do nothing: what it holds goes with it."""

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        params: Sequence[SamplingParams] | SamplingParams,
    ) -> list[Completion]:
        """Return one completion per prompt, in order; requests of `sample` that wait advance too.

        Raises:
            UsageError: A prompt is empty, too long or holds an unknown token, or a parameter is out
                of range.
            ModelError: The model's logits are not finite.
        """
        results: dict[int, Completion] = {}
        errors: list[BaseException] = []
        requests = [
            self._request(prompt, item, partial(results.__setitem__, index), errors.append)
            for index, (prompt, item) in enumerate(pair_params(prompts, params))
        ]
        for request in requests:
            self._scheduler.submit(request)
        try:
            while len(results) < len(requests) and not errors:
                self._scheduler.step()
        except BaseException as error:
            self._fail_all(error)
            raise
        if errors:
            for request in requests:
                self._scheduler.cancel(request)
            raise errors[0]
        return [results[index] for index in range(len(requests))]

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return one completion of `prompt_ids`; calls that wait at the same time run as one batch.

        Cancelling the call frees its row.

        Raises:
            UsageError: The prompt is empty, too long or holds an unknown token, or a parameter is
                out of range.
            ModelError: The model's logits are not finite.
        """
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        request = self._request(
            prompt_ids, params, partial(_resolve, future), partial(_reject, future)
        )
        self._scheduler.submit(request)
        self._start_pump()
        try:
            return await future
        except asyncio.CancelledError:
            self._scheduler.cancel(request)
            raise

    def measure_certainty(
        self, prompt_ids: Sequence[int], token_ids: Sequence[int]
    ) -> float | None:
        """Return how far the distributions behind `token_ids` are from uniform, in nats."""
        return measure_certainty(self.model, prompt_ids, token_ids)

    def _start_pump(self) -> None:
        """Start the task that runs decode steps, unless it runs in this very loop."""
        loop = asyncio.get_running_loop()
        if self._pump is not None and not self._pump.done():
            if self._pump.get_loop() is loop:
                return
            raise UsageError("an engine used from two event loops at once", "one event loop")
        self._pump = loop.create_task(self._run(), name="gym_reason.local_engine")

    async def _run(self) -> None:
        """Run steps while requests wait; between steps the loop runs, so that new requests join."""
        try:
            # Callers that were started together all queue before the first prefill.
            await asyncio.sleep(0)
            while self._scheduler.busy:
                self._scheduler.step()
                await asyncio.sleep(0)
        except Exception as error:
            # The callers get it: raised here as well, it would only be reported a second time.
            self._fail_all(error)
        except BaseException:  # cancelled, or a run that is ended: whoever waits ends with it
            self._fail_all(asyncio.CancelledError())
            raise

    def _fail_all(self, error: BaseException) -> None:
        for request in self._scheduler.clear():
            request.fail(error)

    def _request(
        self, prompt: Sequence[int], params: SamplingParams, deliver: Any, fail: Any
    ) -> Request:
        """Return a checked request."""
        if isinstance(prompt, PromptWithImages):
            raise UsageError(
                "a prompt with images for the local engine", "tokens alone", "use engine = vllm"
            )
        ids, limit = check_prompt(prompt, params, self.decoder.vocab_size, self.max_positions)
        search = StopSearch(self._detokenizer, params.stop) if params.stop else None
        stops = tuple(dict.fromkeys((*self.stop_token_ids, *params.stop_token_ids)))
        return Request(ids, params, limit, stops, deliver, fail, search)


def find_stop_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return the end-of-sequence tokens that a model's configurations and its tokenizer name."""
    found: list[int] = []
    for owner in (getattr(model, "generation_config", None), model.config, tokenizer):
        value = getattr(owner, "eos_token_id", None)
        found += value if isinstance(value, list) else [] if value is None else [value]
    return tuple(dict.fromkeys(found))


def _resolve(future: asyncio.Future[Completion], completion: Completion) -> None:
    if not future.done():
        future.set_result(completion)


def _reject(future: asyncio.Future[Completion], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)
