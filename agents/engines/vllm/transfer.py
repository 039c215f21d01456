"""The end of our weight transfer that runs inside vLLM. Imported by vLLM alone."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from gym_reason.agents.engines.vllm.delivery import take_weights

_base: Any = import_module("vllm.distributed.weight_transfer.base")


@dataclass
class NoInfo(_base.WeightTransferInitInfo):  # type: ignore[misc]
    """Nothing is agreed on beforehand."""


@dataclass
class Offer(_base.WeightTransferUpdateInfo):  # type: ignore[misc]
    """Where the weights are."""

    key: str = ""
    """In the trainer's process, where that is vLLM's too."""
    path: str = ""
    """A file of safetensors otherwise."""


class OfferedWeightsEngine(_base.WeightTransferEngine):  # type: ignore[misc]
    """Takes over weights that `delivery.offer_weights` offers, in the format of a checkpoint."""

    init_info_cls = NoInfo
    update_info_cls = Offer

    def init_transfer_engine(self, init_info: NoInfo) -> None:
        """Agree on nothing."""

    def start_weight_update(self) -> None:
        """Have vLLM bring its layers back to the checkpoint's format."""
        _reload().initialize_layerwise_reload(self.model)

    def update_weights(self, update_info: dict[str, Any]) -> None:
        """Take over what is offered. The base class would ask an accelerator that may be absent."""
        self.receive_weights(self.parse_update_info(update_info))
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()

    def receive_weights(self, update_info: Offer) -> None:
        """Load the weights."""
        self.model.load_weights(take_weights(update_info.key, update_info.path))

    def finish_weight_update(self) -> None:
        """Have vLLM bring its layers into the format that it runs."""
        _reload().finalize_layerwise_reload(self.model, self.model_config)

    def shutdown(self) -> None:
        """Keep nothing, so free nothing."""

    @staticmethod
    def trainer_send_weights(iterator: Any, trainer_args: Any) -> None:
        """Refuse: the trainer's end is `delivery.offer_weights`."""
        raise NotImplementedError("gym_reason offers weights by offer_weights")


def _reload() -> Any:
    return import_module("vllm.model_executor.model_loader.reload")
