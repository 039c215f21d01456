"""vLLM behind its own HTTP endpoints: a server that runs already, or one that the run starts."""

import contextlib
import math
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from typing import Any

from torch import Tensor

from gym_reason.agents.engines.vllm.child import ServerProcess
from gym_reason.agents.engines.vllm.delivery import lend_folder, offer_weights
from gym_reason.agents.engines.vllm.http import (
    LOAD_ADAPTER,
    UNLOAD_ADAPTER,
    HttpClient,
    RefusedError,
)
from gym_reason.agents.engines.vllm.lora import LoraMatrices, offer_adapter
from gym_reason.agents.engines.vllm.orders import (
    Order,
    Sampled,
    check_expansion,
    sampling_arguments,
)
from gym_reason.agents.engines.vllm.sender import DeviceSender
from gym_reason.agents.engines.vllm.settings import SyncRoute, VllmSettings
from gym_reason.agents.engines.vllm.watch import Watch, settle
from gym_reason.errors import RunError
from gym_reason.images import write_data_uri

MOST_CONNECTIONS = 512
GOODBYE_S = 2.0
"""Longest that a server of somebody else's is waited for at the end."""
GENERATE = "/inference/v1/generate"
"""vLLM's endpoint for tokens in and tokens out."""


class ServerVllm:
    """A vLLM server."""

    def __init__(
        self,
        base_url: str,
        settings: VllmSettings,
        *,
        trained: bool,
        process: ServerProcess | None = None,
        route: SyncRoute = "shared",
        scratch: Path | None = None,
        can_sleep: bool = False,
        adapters: bool = False,
    ) -> None:
        """Wait until it answers.

        Args:
            base_url: Where it is.
            settings: How long to wait, and how to sample.
            trained: Whether weights come by `load`; otherwise the server's own are used.
            process: The server, where it is ours; `close` ends it.
            route: How weights get there.
            scratch: Folder that both sides see, for weights that go by way of a file.
            can_sleep: Whether it was started so that it can.
            adapters: Whether adapters will come, which it must allow.

        Raises RunError where it does not answer in time, or refuses to take weights.
        """
        self._settings = settings
        self._process = process
        self._scratch = scratch
        self._adapter = ""
        self._adapter_count = 0
        self.can_sleep = can_sleep
        name = f"the vLLM server at {base_url}"
        fault = None if process is None else process.find_fault
        self._watch = Watch(name, fault)
        # More than run at a time would wait there in place of here, and use up our open files.
        connections = min(settings.max_rows + 8, MOST_CONNECTIONS)
        self._http = HttpClient(base_url, self._watch, connections)
        try:
            self._await_health(name)
            self.max_positions: int | None = self._read_positions()
            self._sender: DeviceSender | None = None
            if route == "ipc" or route == "nccl":
                host = "127.0.0.1" if process is not None else socket.gethostname()
                limit_s = settings.timeout_s
                self._sender = DeviceSender(
                    route, self._ask, self._watch, address=host, limit_s=limit_s
                )
            elif trained:
                self._ask("/init_weight_transfer_engine", {"init_info": {}}, "agreeing on weights")
            if adapters:
                self._check_adapters()
        except BaseException:
            self.close()
            raise

    @property
    def pulse(self) -> int:
        """Changes with each answer: a sign of life."""
        return self._watch.beats

    def submit(self, order: Order) -> "Future[list[Sampled]]":
        """Ask for the completions of an order. Cancelling the future stops the work."""
        result: Future[list[Sampled]] = Future()
        body: dict[str, object] = {
            "token_ids": order.sent_ids,
            "sampling_params": sampling_arguments(order, own_seeds=self._settings.own_seeds),
        }
        if self._adapter:
            body["model"] = self._adapter
        if order.images:
            body["content_parts"] = [
                {"type": "image_url", "url": write_data_uri(image)} for image in order.images
            ]
            body["return_token_ids"] = True
        answer = self._http.send(
            "POST", GENERATE, body, what="generating", limit_s=self._settings.timeout_s
        )

        def read(done: "Future[Any]") -> None:
            if done.cancelled():
                result.cancel()
                return
            error = done.exception()
            try:
                said = None if error else read_choices(done.result())
                if order.images and not error:
                    check_expansion(order, done.result().get("prompt_token_ids"))
                settle(result, said, error=error)
            except RunError as broken:
                settle(result, error=broken)

        answer.add_done_callback(read)
        result.add_done_callback(lambda done: answer.cancel() if done.cancelled() else None)
        return result

    def load(self, weights: Mapping[str, Tensor], version: int) -> None:
        """Take over weights, whole, and forget every prompt and adapter. Raises RunError."""
        self._unload(self._adapter)
        self._adapter = ""
        if self._sender is not None:
            self._sender.send(weights)
        else:
            with offer_weights(weights, self._scratch) as place:
                what = "taking over weights"
                self._begin_update(what)
                self._ask("/update_weights", {"update_info": place}, what)
                self._ask("/finish_weight_update", {"weight_version": str(version)}, what)
        self._forget_prompts()

    def load_adapter(self, matrices: LoraMatrices, version: int) -> None:
        """Add an adapter to the weights, in the place of any before, and forget every prompt.

        It gets a name that none before had, by which vLLM tells the prompts that it keeps apart.
        Raises RunError.
        """
        before = self._adapter
        self._adapter_count += 1
        with contextlib.ExitStack() as stack:
            parent = stack.enter_context(lend_folder(self._scratch))
            folder = parent / str(self._adapter_count)
            stack.enter_context(offer_adapter(matrices, folder))
            # The parent's name is nobody else's, not even a run's on the same server before.
            name = f"{parent.name}-{self._adapter_count}"
            body = {"lora_name": name, "lora_path": str(folder.resolve())}
            self._ask(LOAD_ADAPTER, body, "taking over an adapter")
        self._adapter = name
        self._unload(before)
        self._forget_prompts()

    def _unload(self, adapter: str, limit_s: float | None = None) -> None:
        if adapter:
            body = {"lora_name": adapter}
            self._ask(UNLOAD_ADAPTER, body, "dropping an adapter", limit_s)

    def _check_adapters(self) -> None:
        """Ask for an adapter of no name, which a server that takes any refuses as just that."""
        body = {"lora_name": "", "lora_path": ""}
        try:
            self._ask(LOAD_ADAPTER, body, "saying whether it takes adapters")
        except RefusedError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise

    def _forget_prompts(self) -> None:
        answer = self._ask("/reset_prefix_cache", None, "forgetting prompts")
        if isinstance(answer, dict) and answer.get("success") is False:
            raise RunError("vLLM kept prompts computed with the weights before", "none running")

    def _begin_update(self, what: str) -> None:
        """Open a session of new weights. Raises RunError."""
        try:
            self._ask("/start_weight_update", None, what)
        except RunError as refused:
            if "already active" not in str(refused):
                raise
            # A trainer that died in the middle of a sync has left its own open: it ends half-way,
            # and the one that follows brings every weight.
            self._ask("/finish_weight_update", None, what)
            self._ask("/start_weight_update", None, what)

    def sleep(self, *, keep: bool = False) -> None:
        """Give memory back; the weights are lost unless they are to `keep`. Raises RunError."""
        self._ask(f"/sleep?level={1 if keep else 2}", None, "going to sleep")

    def wake(self) -> None:
        """Take memory again; what was lost must be loaded before anything is asked.

        Raises RunError.
        """
        self._ask("/wake_up", None, "waking up")

    def close(self) -> None:
        """Stop asking, and end a server of ours. What was not answered fails."""
        if self._process is None and self._adapter:
            with contextlib.suppress(RunError):
                self._unload(self._adapter, GOODBYE_S)
        self._watch.close()
        self._http.close()
        if self._process is not None:
            self._process.close()

    def _ask(self, path: str, body: object, what: str, limit_s: float | None = None) -> Any:
        limit_s = limit_s or self._settings.timeout_s
        method = "GET" if path == "/get_world_size" else "POST"
        sent = self._http.send(method, path, body, what=what, limit_s=limit_s, alone=True)
        return sent.result()

    def _await_health(self, name: str) -> None:
        """Return once the server is ready. Raises RunError."""
        deadline = time.monotonic() + self._settings.start_timeout_s
        while True:
            left_s = max(deadline - time.monotonic(), 0.1)
            try:
                self._http.send("GET", "/health", what="starting", limit_s=left_s + 1.0).result()
                return
            except RunError as error:
                # A server of somebody else's is there or is not; ours takes a while.
                if self._process is None or self._watch.failure:
                    raise
                fault = self._watch.find_error()
                if fault is not None:
                    raise fault from error
            if time.monotonic() > deadline:
                raise RunError(
                    f"{name} did not start within {self._settings.start_timeout_s:g} s",
                    remedy=f"see {self._process.log}, or raise vllm.start_timeout_s",
                )
            time.sleep(0.25)

    def _read_positions(self) -> int | None:
        limit_s = self._settings.timeout_s
        answer = self._http.send("GET", "/v1/models", what="naming its model", limit_s=limit_s)
        with contextlib.suppress(LookupError, TypeError, ValueError):
            return int(answer.result()["data"][0]["max_model_len"])
        return None


def read_choices(answer: Any) -> list[Sampled]:
    """Return the completions of an answer, in order. Raises RunError where it holds none."""
    try:
        choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
        found = [
            Sampled(
                tuple(map(int, choice["token_ids"])),
                tuple(float(token["logprob"]) for token in choice["logprobs"]["content"]),
            )
            for choice in choices
        ]
    except (LookupError, TypeError, ValueError) as error:
        detail = f"{type(error).__name__}: {error}"[:100]
        raise RunError(
            f"the vLLM server's answer is no completion ({detail})", "token_ids and logprobs"
        ) from None
    if not found or not all(math.isfinite(p) for one in found for p in one.logprobs):
        raise RunError("the vLLM server's answer holds no finite log-probabilities")
    return found
