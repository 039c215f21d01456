"""Stand-ins for vLLM with real weights of their own, sampled by the local engine."""

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.http import LOAD_ADAPTER, UNLOAD_ADAPTER
from gym_reason.agents.engines.vllm.lora import LoraMatrices
from gym_reason.agents.engines.vllm.orders import Order, Sampled
from gym_reason.agents.engines.vllm.server import GENERATE
from gym_reason.agents.models import build_qwen3
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import RunError

TOKENIZER = build_character_tokenizer("0123456789+=")


def small_model(seed: int = 0) -> Any:
    """Return a model of 0.1 M parameters that knows its own mind."""
    torch.set_num_threads(1)
    # Heads of 32: vLLM has no narrower ones on a CPU.
    model = build_qwen3(
        len(TOKENIZER), layers=2, hidden=64, heads=2, kv_heads=1, head_dim=32, feed_forward=192,
        max_positions=64, seed=seed,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            drawn = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                weight.copy_(0.3 * drawn)
            else:
                weight.add_(0.2 * drawn)
    return model


class LoopBackend:
    """Samples with a copy of a model, which `load` brings up to date."""

    can_sleep = True

    def __init__(self, model: Any) -> None:
        self.model = copy.deepcopy(model)
        self.engine = LocalEngine(self.model, TOKENIZER, stop_token_ids=())
        self.max_positions = self.engine.max_positions
        self.orders: list[Order] = []
        self.asleep = False
        self.loads: list[int] = []
        self.closed = 0
        self.lost: tuple[str, ...] = ()
        """Names of weights that never arrive."""
        self.adapters: list[LoraMatrices] = []
        self.base = self._copy()

    @property
    def pulse(self) -> int:
        return self.engine.pulse

    def submit(self, order: Order) -> "Future[list[Sampled]]":
        self.orders.append(order)
        future: Future[list[Sampled]] = Future()
        if self.asleep:
            future.set_exception(RunError("asleep"))
            return future
        future.set_result([self._complete(order, index) for index in range(order.count)])
        return future

    def _complete(self, order: Order, index: int) -> Sampled:
        params = order.params
        plain = SamplingParams(
            order.limit,
            params.temperature,
            params.top_k,
            params.top_p,
            params.min_p,
            stop_token_ids=order.stop_ids,
            seed=params.seed + index,
        )
        (said,) = self.engine.generate([order.prompt], plain)
        return Sampled(said.token_ids, said.logprobs)

    def load(self, weights: Mapping[str, Tensor], version: int) -> None:
        arrived = {name: weight for name, weight in weights.items() if name not in self.lost}
        self.model.load_state_dict(arrived, strict=False)
        self.engine.refresh()
        self.loads.append(version)
        self.base = self._copy()

    def load_adapter(self, matrices: LoraMatrices, version: int) -> None:
        self.adapters.append(matrices)
        self.model.load_state_dict(self.base)
        for name, down in matrices.tensors.items():
            if name.endswith("lora_A.weight"):
                up = matrices.tensors[name.replace("lora_A", "lora_B")]
                of = name.removeprefix("base_model.model.").replace("lora_A.weight", "weight")
                weight = self.model.get_parameter(of)
                weight.data += matrices.alpha / matrices.rank * (up @ down)
        self.engine.refresh()

    def _copy(self) -> dict[str, Tensor]:
        return {name: weight.clone() for name, weight in self.model.state_dict().items()}

    def sleep(self, *, keep: bool = False) -> None:
        self.asleep = True
        if keep:
            return
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.zero_()

    def wake(self) -> None:
        self.asleep = False

    def close(self) -> None:
        self.closed += 1


class LoopServer(ThreadingHTTPServer):
    """Answers vLLM's endpoints with a model of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: Any, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.backend = LoopBackend(model)
        self.lock = threading.Lock()
        self.asked: list[str] = []
        self.adapters: list[str] = []
        """Names of those that are loaded."""
        self.answers: dict[str, tuple[int, bytes]] = {}
        """What is said at a path in place of the truth."""
        self.silent = threading.Event()
        """Whether completions are never answered."""
        self.updating = False
        """Whether new weights are on their way: vLLM takes them from one trainer at a time."""
        self.before: Callable[[str], None] = lambda path: None
        """Is told of each request before it is answered; others wait meanwhile."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: LoopServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        models = {"data": [{"id": "model", "max_model_len": self.server.backend.max_positions}]}
        self._answer(self.path, {} if self.path == "/health" else models)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(content) if content else None
        while self.server.silent.is_set() and self.path == GENERATE:
            time.sleep(0.01)
        with self.server.lock:
            self.server.asked.append(self.path)
            self.server.before(self.path)
            try:
                self._answer(self.path, self._act(body))
            except RuntimeError as error:
                self._answer(self.path, {"error": {"message": str(error)}}, 500)

    def _act(self, body: Any) -> object:
        backend = self.server.backend
        if self.path == "/start_weight_update":
            if self.server.updating:
                raise RuntimeError("a weight update is already active")
            self.server.updating = True
        if self.path == "/finish_weight_update":
            self.server.updating = False
        if self.path == "/update_weights":
            backend.load(safetensors.torch.load_file(body["update_info"]["path"]), 0)
        if self.path == LOAD_ADAPTER:
            self._load_adapter(body["lora_name"], Path(body["lora_path"]))
        if self.path == UNLOAD_ADAPTER:
            self.server.adapters.remove(body["lora_name"])
        if self.path != GENERATE:
            return {}
        assert body.get("model", "") in (self.server.adapters or [""])
        asked = body["sampling_params"]
        params = SamplingParams(
            asked["max_tokens"], asked["temperature"], seed=asked.get("seed", 0)
        )
        stops = tuple(asked["stop_token_ids"])
        order = Order(tuple(body["token_ids"]), params, params.max_tokens, stops, asked["n"])
        said = backend.submit(order).result()
        return {
            "choices": [
                {
                    "index": index,
                    "token_ids": one.token_ids,
                    "logprobs": {"content": [{"logprob": p} for p in one.logprobs]},
                }
                for index, one in enumerate(said)
            ]
        }

    def _load_adapter(self, name: str, folder: Path) -> None:
        if not name:
            self.server.answers.setdefault(LOAD_ADAPTER, (400, b"both must be provided"))
            return
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        tensors = safetensors.torch.load_file(folder / "adapter_model.safetensors")
        matrices = LoraMatrices(config["r"], config["lora_alpha"], tensors)
        self.server.backend.load_adapter(matrices, 0)
        self.server.adapters.append(name)
        self.server.answers[LOAD_ADAPTER] = 200, b"Success: it was added"

    def _answer(self, path: str, body: object, status: int = 200) -> None:
        status, content = self.server.answers.get(path, (status, json.dumps(body).encode()))
        try:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # who asked has gone

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def run_server(model: Any) -> Iterator[LoopServer]:
    """Lend a server that runs."""
    server = LoopServer(model)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.silent.clear()
        server.shutdown()
        thread.join()
        server.server_close()
