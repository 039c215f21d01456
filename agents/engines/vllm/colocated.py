"""vLLM in this process: one thread calls it, step by step, so that no caller hangs with it."""

import contextlib
import itertools
import logging
import os
import queue
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gym_reason.agents.engines.local.detokenizer import StopSearch
from gym_reason.agents.engines.vllm.arguments import engine_arguments, environment
from gym_reason.agents.engines.vllm.backend import import_vllm
from gym_reason.agents.engines.vllm.delivery import lend_folder, offer_weights
from gym_reason.agents.engines.vllm.lora import LoraMatrices, LoraRoom, offer_adapter
from gym_reason.agents.engines.vllm.orders import (
    Order,
    Sampled,
    check_expansion,
    sampling_arguments,
)
from gym_reason.agents.engines.vllm.plugin import BACKEND, register
from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.agents.engines.vllm.watch import Watch, settle
from gym_reason.agents.images import open_image
from gym_reason.errors import RunError, UsageError

SINGLE_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""vLLM runs its engine in the process that asks for it."""


@dataclass(slots=True)
class _Running:
    order: Order
    future: "Future[list[Sampled]]"
    search: StopSearch | None
    read: int = 0
    """Tokens that were searched."""
    counts: dict[int, int] = field(default_factory=dict)
    """Tokens so far of each completion, by its index; kept where weights may come in flight."""
    versions: list[tuple[Mapping[int, int], int]] = field(default_factory=list)
    """From which token of each completion on which version of the weights spoke, in order."""

    def token_versions(self, index: int, count: int) -> tuple[int, ...]:
        """Return the version behind each of the tokens of a completion."""
        firsts = [counts.get(index, 0) for counts, _ in self.versions]
        spans = zip(firsts, [*firsts[1:], count], self.versions, strict=True)
        return tuple(version for first, end, (_, version) in spans for _ in range(first, end))


class ColocatedVllm:
    """A vLLM engine in this process.

    Its thread is a daemon: should vLLM never come back, the process can still end. There is one
    at a time: vLLM keeps its process groups in global variables, and takes them all down with one.
    """

    _alive: "ColocatedVllm | None" = None

    def __init__(
        self,
        folder: Path,
        settings: VllmSettings,
        *,
        device: torch.device,
        dtype: str,
        trained: bool,
        make_search: Callable[[tuple[str, ...]], StopSearch],
        scratch: Path | None = None,
        in_flight: bool = False,
        images: bool = False,
        lora: LoraRoom | None = None,
    ) -> None:
        """Start it.

        Args:
            folder: A Hugging Face folder; of one that is trained, the configuration is enough.
            settings: How.
            device: Where the model in training is, and vLLM with it.
            dtype: vLLM's name of the weights' type.
            trained: Whether weights come by `load`; otherwise the folder's are read.
            make_search: Looks for stop strings.
            scratch: Folder for weights that go by way of a file; None hands over the tensors.
                Adapters go by way of a file always: without a folder, by one in shared memory.
            in_flight: Whether weights may come while completions are under way: they go on with
                the keys and values that they have, and each token is known by its version.
            images: Whether the model reads images.
            lora: What to keep ready for an adapter; None where none will come.

        Raises:
            UsageError: There is one in this process already.
            RunError: It did not start, or not in time.
        """
        if ColocatedVllm._alive is not None:
            raise UsageError(
                "a second vLLM in one process", "one at a time", "use the engine 'server'"
            )
        self._settings = settings
        self._make_search = make_search
        self._scratch = scratch
        self._in_flight = in_flight
        self._version = 0
        self._watch = Watch("vLLM")
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._running: dict[str, _Running] = {}
        self._llm: Any = None
        self._adapter: Any = None
        self._adapter_number = 0
        self.can_sleep = trained and settings.sleep and device.type == "cuda"
        arguments = engine_arguments(
            folder,
            settings,
            device=device.type,
            dtype=dtype,
            trained=trained,
            in_flight=in_flight,
            images=images,
            lora=lora,
        )
        if self.can_sleep:
            arguments["enable_sleep_mode"] = True
        threading.Thread(target=self._run, name="gym_reason.vllm", daemon=True).start()
        limit_s = settings.start_timeout_s
        ColocatedVllm._alive = self
        try:
            self.max_positions: int | None = self._call(
                lambda: self._build(arguments, device.type, trained=trained), "starting", limit_s
            )
        except BaseException:
            self.close()
            raise

    @property
    def pulse(self) -> int:
        """Changes with each step of vLLM's: a sign of life."""
        return self._watch.beats

    def submit(self, order: Order) -> "Future[list[Sampled]]":
        """Ask for the completions of an order. Cancelling the future stops the work."""
        future: Future[list[Sampled]] = Future()
        name = str(next(self._numbers))
        self._watch.add(future, "generating", self._settings.timeout_s)
        self._inbox.put(lambda: self._add(name, order, future))
        future.add_done_callback(lambda done: self._drop(name) if done.cancelled() else None)
        return future

    def load(self, weights: Mapping[str, Tensor], version: int) -> None:
        """Take over weights, whole, and forget every prompt and adapter. Raises RunError."""
        self._call(lambda: self._load(weights, version), "taking over weights")

    def load_adapter(self, matrices: LoraMatrices, version: int) -> None:
        """Add an adapter to the weights, in the place of any before, and forget every prompt.

        Raises RunError.
        """
        self._call(lambda: self._load_adapter(matrices, version), "taking over an adapter")

    def sleep(self, *, keep: bool = False) -> None:
        """Give memory back; the weights are lost unless they are to `keep`. Raises RunError."""
        self._call(lambda: self._llm.sleep(level=1 if keep else 2), "going to sleep")

    def wake(self) -> None:
        """Take memory again; what was lost must be loaded before anything is asked.

        Raises RunError.
        """
        self._call(lambda: self._llm.wake_up(), "waking up")

    def close(self) -> None:
        """Stop. What was not answered fails."""
        if self._watch.failure is None and self._llm is not None:
            with contextlib.suppress(RunError):
                self._call(self._shut_down, "stopping")
        self._watch.close()
        self._inbox.put(None)
        if ColocatedVllm._alive is self:
            ColocatedVllm._alive = None

    def _call(self, work: Callable[[], Any], what: str, limit_s: float | None = None) -> Any:
        """Return what `work` returns, called in vLLM's thread."""
        future: Future[Any] = Future()
        self._watch.add(future, what, limit_s or self._settings.timeout_s)

        def run() -> None:
            try:
                settle(future, work())
            except Exception as error:
                settle(future, error=explain(error, what))

        self._inbox.put(run)
        return future.result()

    def _run(self) -> None:
        """Do what is asked, and a step in between while anything runs."""
        while True:
            try:
                job = self._inbox.get(block=not self._running)
            except queue.Empty:
                self._step()
                continue
            if job is None:
                return
            job()
            self._watch.beat()

    def _step(self) -> None:
        try:
            outputs = self._llm.llm_engine.step()
        except Exception as error:
            self._running.clear()
            self._watch.fail(explain(error, "generating"))
            return
        self._watch.beat()
        for output in outputs:
            self._read(output)

    def _add(self, name: str, order: Order, future: "Future[list[Sampled]]") -> None:
        if future.done():
            return
        vllm = import_vllm()
        arguments = sampling_arguments(order, own_seeds=self._settings.own_seeds)
        search = self._make_search(order.params.stop) if order.params.stop else None
        kinds = import_vllm("vllm.sampling_params").RequestOutputKind
        try:
            params = vllm.SamplingParams(**arguments)
            watched = search is not None or self._in_flight
            params.output_kind = kinds.CUMULATIVE if watched else kinds.FINAL_ONLY
            prompt = vllm.TokensPrompt(prompt_token_ids=order.sent_ids)
            if order.images:
                prompt["multi_modal_data"] = {"image": [open_image(one) for one in order.images]}
            self._llm.llm_engine.add_request(name, prompt, params, lora_request=self._adapter)
        except Exception as error:
            settle(future, error=explain(error, "taking a prompt"))
            return
        self._running[name] = _Running(order, future, search, versions=[({}, self._version)])

    def _drop(self, name: str) -> None:
        self._inbox.put(lambda: self._abort(name))

    def _abort(self, name: str) -> None:
        if self._running.pop(name, None) is not None:
            self._llm.llm_engine.abort_request([name])

    def _read(self, output: Any) -> None:
        """Deliver an order that has ended, or that a stop string ends."""
        running = self._running.get(output.request_id)
        if running is None:
            return
        ended = bool(output.finished)
        if self._in_flight:
            running.counts |= {one.index: len(one.token_ids) for one in output.outputs}
        if running.search is not None and not ended:
            ids = output.outputs[0].token_ids
            for token in ids[running.read :]:
                ended = ended or running.search.feed(token)
            running.read = len(ids)
        if not ended:
            return
        if output.finished:
            del self._running[output.request_id]
        else:
            self._abort(output.request_id)
        each = sorted(output.outputs, key=lambda one: one.index)
        try:
            check_expansion(running.order, output.prompt_token_ids)
            sampled = [read_sampled(one) for one in each]
        except RunError as error:
            settle(running.future, error=error)
            return
        if self._in_flight:
            sampled = [_stamp(running, one, said) for one, said in zip(each, sampled, strict=True)]
        settle(running.future, sampled)

    def _build(self, arguments: dict[str, Any], device: str, *, trained: bool) -> int:
        """Make the engine; return how many positions it has."""
        for name, value in (environment(self._settings, device) | SINGLE_PROCESS).items():
            os.environ[name] = value
        with keep_torch_settings(), warnings.catch_warnings():
            # Of what it imports, and of what it does without.
            warnings.simplefilter("ignore")
            logging.getLogger("torch._library.triton").setLevel(logging.ERROR)
            vllm = import_vllm()
            if trained:
                register()
                config = import_vllm("vllm.config").WeightTransferConfig(backend=BACKEND)
                arguments["weight_transfer_config"] = config
            self._llm = vllm.LLM(**arguments)
            if trained:
                self._llm.init_weight_transfer_engine({"init_info": {}})
        return int(self._llm.llm_engine.model_config.max_model_len)

    def _load(self, weights: Mapping[str, Tensor], version: int) -> None:
        with offer_weights(weights, self._scratch) as place:
            self._llm.start_weight_update()
            self._llm.update_weights({"update_info": place})
            # With this vLLM itself drops every adapter.
            self._llm.finish_weight_update(weight_version=str(version))
        self._adapter = None
        self._begin_version(version)

    def _load_adapter(self, matrices: LoraMatrices, version: int) -> None:
        """Have vLLM read an adapter under a name and a number that none before had.

        They are among what vLLM knows kept prompts by, so that those of another are never used.
        In flight no prompts are kept, and what is under way goes on by the number that it has, so
        that this one comes in the place of the one before.
        """
        before = self._adapter
        if before is None or not self._in_flight:
            self._adapter_number += 1
        number = self._adapter_number
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(lend_folder(self._scratch)) / str(number)
            stack.enter_context(offer_adapter(matrices, folder))
            make = import_vllm("vllm.lora.request").LoRARequest
            name = f"gym_reason-{number}"
            offered = make(name, number, str(folder), load_inplace=self._in_flight)
            if not self._llm.llm_engine.add_lora(offered):
                raise RunError("vLLM did not take an adapter", remedy="set vllm.adapter = 'merged'")
        # Of prompts it is asked for by this, which has it looked up and never read again.
        self._adapter = make(name, number, str(folder))
        if before is not None and before.lora_int_id != number:
            self._llm.llm_engine.remove_lora(before.lora_int_id)
        self._begin_version(version)

    def _begin_version(self, version: int) -> None:
        """Take note of new weights, and forget the prompts of those before."""
        self._version = version
        for running in self._running.values():
            running.versions.append((dict(running.counts), version))
        if self._in_flight and self._running:
            return  # no prompt was kept that others could use; see `engine_arguments`
        if self._llm.reset_prefix_cache() is False:
            raise RunError("vLLM kept prompts computed with the weights before", "none running")

    def _shut_down(self) -> None:
        self._llm.llm_engine.engine_core.shutdown()
        self._llm = None


def _stamp(running: _Running, output: Any, sampled: Sampled) -> Sampled:
    versions = running.token_versions(output.index, len(sampled.token_ids))
    return replace(sampled, versions=versions)


def read_sampled(output: Any) -> Sampled:
    """Return a completion of vLLM's: its tokens, and the log-probability of each."""
    ids = tuple(map(int, output.token_ids))
    logprobs = tuple(
        float(by_token[token].logprob)
        for token, by_token in zip(ids, output.logprobs or (), strict=False)
    )
    return Sampled(ids, logprobs)


def explain(error: Exception, what: str) -> Exception:
    """Return an error of vLLM's as one of ours, of one line."""
    if isinstance(error, RunError):
        return error
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return RunError(f"vLLM failed while it was {what}: {detail}")


@contextlib.contextmanager
def keep_torch_settings() -> Iterator[None]:
    """Give torch's threads, precision and generator back as they were."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        torch.set_rng_state(state)
