"""The trainer's end of vLLM's own weight transfers between GPUs: CUDA IPC and NCCL.

Written for the interface of vLLM 0.32 and not run yet: it needs a GPU.
"""

import base64
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Literal

from torch import Tensor

from gym_reason.agents.engines.vllm.backend import import_vllm
from gym_reason.agents.engines.vllm.child import find_free_port
from gym_reason.agents.engines.vllm.watch import Watch, settle

Ask = Callable[[str, object, str], Any]
"""Sends a body to a path of the server; the third word says what for."""


class DeviceSender:
    """Sends weights from the trainer's GPU to a server's."""

    def __init__(
        self, route: Literal["ipc", "nccl"], ask: Ask, watch: Watch, *, address: str, limit_s: float
    ) -> None:
        """Agree on nothing yet: the first weights tell what there is to agree on.

        Args:
            route: `ipc` on one GPU, `nccl` between several.
            ask: Speaks with the server.
            watch: Ends a transfer that hangs.
            address: Of this machine, as the server sees it.
            limit_s: Longest silence of a transfer.
        """
        self._route = route
        self._ask = ask
        self._watch = watch
        self._address = address
        self._limit_s = limit_s
        self._source = _Source()
        self._engine: Any = None

    def send(self, weights: Mapping[str, Tensor]) -> None:
        """Send weights, whole. Raises RunError."""
        self._source.weights = weights
        future: Future[None] = Future()
        self._watch.add(future, "taking over weights", self._limit_s)

        def run() -> None:
            try:
                if self._engine is None:
                    self._engine = self._connect()
                self._engine.send_weights()
                settle(future)
            except Exception as error:
                settle(future, error=error)

        # A collective operation whose other side is gone never returns.
        threading.Thread(target=run, name="gym_reason.vllm_sender", daemon=True).start()
        future.result()

    def _connect(self) -> Any:
        factory = import_vllm("vllm.distributed.weight_transfer.factory")
        module = import_vllm(f"vllm.distributed.weight_transfer.{self._route}_engine")
        if self._route == "ipc":
            info = module.IPCTrainerInitInfo(rank=0)
        else:
            workers = int(self._ask("/get_world_size", None, "counting its GPUs")["world_size"])
            info = module.NCCLTrainerInitInfo(
                master_address=self._address,
                master_port=find_free_port(),
                world_size=workers + 1,
                rank=0,
            )
        trainer = factory.WeightTransferTrainerFactory
        return trainer.trainer_init(info, client=_Client(self._ask), source=self._source)


class _Source:
    """The weights of the sync under way, as vLLM's senders read them."""

    def __init__(self) -> None:
        self.weights: Mapping[str, Tensor] = {}

    def metadata(self) -> list[Any]:
        """Return name, type and shape of each weight."""
        meta = import_vllm("vllm.distributed.weight_transfer.base").ParamMeta
        return [meta(name, w.dtype, tuple(w.shape)) for name, w in self.weights.items()]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return iter(self.weights.items())


class _Client:
    """What vLLM's senders ask of a server, by way of requests whose waits are bounded."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Agree on a connection."""
        self._ask("/init_weight_transfer_engine", {"init_info": init_info}, "agreeing on weights")

    def start_weight_update(self) -> None:
        """Begin."""
        self._ask("/start_weight_update", None, "taking over weights")

    def update_weights(self, update_info: dict[str, Any]) -> None:
        """Say what is sent; handles of GPU memory travel pickled, which the server must allow."""
        body = dict(update_info)
        if (handles := body.pop("ipc_handles", None)) is not None:
            body["ipc_handles_pickled"] = base64.b64encode(pickle.dumps(handles)).decode("ascii")
        self._ask("/update_weights", {"update_info": body}, "taking over weights")

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """End."""
        body = None if weight_version is None else {"weight_version": weight_version}
        self._ask("/finish_weight_update", body, "taking over weights")
