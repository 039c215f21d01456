"""What the vLLM engine asks of vLLM, wherever it runs, and how vLLM is imported."""

import importlib
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from torch import Tensor

from gym_reason.agents.engines.inspection import require_vllm
from gym_reason.agents.engines.vllm.lora import LoraMatrices
from gym_reason.agents.engines.vllm.orders import Order, Sampled
from gym_reason.errors import ModelError


class Backend(Protocol):
    """A vLLM that runs. Its futures end within the limits of the settings, one way or the other."""

    @property
    def max_positions(self) -> int | None:
        """Most tokens of a prompt and its completion together."""
        ...

    @property
    def can_sleep(self) -> bool:
        """Whether it has memory to give back for a while."""
        ...

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved: a sign of life."""
        ...

    def submit(self, order: Order) -> "Future[list[Sampled]]":
        """Ask for the completions of an order. Cancelling the future stops the work."""
        ...

    def load(self, weights: Mapping[str, Tensor], version: int) -> None:
        """Take over weights, whole, and forget every prompt and adapter. Raises RunError."""
        ...

    def load_adapter(self, matrices: LoraMatrices, version: int) -> None:
        """Add an adapter to the weights, in the place of any before, and forget every prompt.

        Only where it was started with room for one. Raises RunError.
        """
        ...

    def sleep(self, *, keep: bool = False) -> None:
        """Give memory back; the weights are lost unless they are to `keep`. Raises RunError."""
        ...

    def wake(self) -> None:
        """Take memory again; what was lost must be loaded before anything is asked.

        Raises RunError.
        """
        ...

    def close(self) -> None:
        """Stop. What was not answered fails."""
        ...


def import_vllm(name: str = "vllm") -> Any:
    """Return a module of vLLM. Raises UsageError where it is absent, ModelError where broken."""
    version = require_vllm()
    try:
        return importlib.import_module(name)
    except Exception as error:  # it imports the world, any part of which may be broken
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ModelError(
            f"{name} of vllm {version} cannot be imported: {detail}",
            "a whole installation",
            "see docs/engines.md for packages that break it",
        ) from error
