"""Weights by reference: packed once a version, fetched once a machine, checked by a canary."""

import time
import warnings
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gym_reason.agents.engines.vllm.canary import Canary, default_limit
from gym_reason.agents.engines.vllm.orders import Order
from gym_reason.agents.weights import count_positions, each_once, sum_bits
from gym_reason.cluster.settings import RaySettings
from gym_reason.errors import RunError
from gym_reason.types import Completion


@dataclass(frozen=True, slots=True)
class Packed:
    """One tensor as bytes, which Ray shares between processes without a copy."""

    dtype: torch.dtype
    """Of the tensor."""
    shape: tuple[int, ...]
    """Of the tensor."""
    data: NDArray[np.uint8]
    """Its numbers in order."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Weights on their way, with each part of the work: who has them leaves them where they are."""

    reference: Any
    """What `put` returned for them, in this object so that nobody fetches it unasked."""
    number: int
    """Counts what was sent; a worker that is behind fetches."""
    version: int
    """The engine's version, for completions."""
    canary: Order
    """What a worker that has taken them goes on with."""


def pack_weights(model: torch.nn.Module) -> dict[str, Packed]:
    """Return a model's weights by name; one that has two names comes once."""
    found: dict[str, Packed] = {}
    for name, weight in each_once(model.state_dict()).items():
        flat = weight.detach().cpu().contiguous().flatten()
        found[name] = Packed(weight.dtype, tuple(weight.shape), flat.view(torch.uint8).numpy())
    return found


@torch.no_grad()
def load_weights(model: torch.nn.Module, packed: Mapping[str, Packed]) -> None:
    """Copy weights into a model. Raises RunError where one is missing, unknown or of another shape.

    One that is left out has to be another name of one that is there.
    """
    own: dict[str, Tensor] = dict(model.state_dict())
    written: set[int] = set()
    for name, one in packed.items():
        target = own.get(name)
        if target is None or tuple(target.shape) != one.shape:
            found = "no such weight" if target is None else f"one of {tuple(target.shape)}"
            raise RunError(f"the weight {name} of {one.shape} for a model with {found}")
        with warnings.catch_warnings():
            # Shared memory is read-only, and it is only read.
            warnings.simplefilter("ignore", UserWarning)
            source = torch.from_numpy(one.data).view(one.dtype).view(one.shape)
        target.copy_(source)
        written.add(target.data_ptr())
    lacking = [name for name, weight in own.items() if weight.data_ptr() not in written]
    if lacking:
        raise RunError(f"{len(lacking)} weights did not come, {lacking[0]} among them")


def checksum(model: torch.nn.Module) -> tuple[int, ...]:
    """Return the sum of each weight's bits."""
    sums = torch.stack([sum_bits(weight) for weight in model.state_dict().values()])
    return tuple(int(one) for one in sums.tolist())


def make_canary(
    settings: RaySettings, model: Any, temperature: float, dtype: torch.dtype | None, other: str
) -> Canary:
    """Return the canary for workers that follow a model.

    Args:
        settings: May set its limit.
        model: In training.
        temperature: Of the trainer's log-probabilities.
        dtype: Of matrix products; None for the weights' own.
        other: What messages call a worker.
    """
    own = dtype or model.dtype
    return Canary(
        model.config.get_text_config().vocab_size,
        count_positions(model),
        temperature=temperature,
        dtype=own,
        limit=settings.canary_limit or default_limit(own),
        other=other,
        remedy="is the same installation on each node? Raise ray.canary_limit where they differ",
    )


class WeightSender:
    """The trainer's side: packs where something has changed, and asks the canary."""

    def __init__(self, put: Callable[[Any], Any], canary: Canary) -> None:
        """Have `put` make references."""
        self._put = put
        self._canary = canary
        self._key: Hashable = None
        self._delivery: Delivery | None = None
        self._number = 0
        self.gap = 0.0
        """The largest gap on the canary since the last packing, in nats a token."""
        self.seconds = 0.0
        """What the last packing took."""

    def forget(self) -> None:
        """Pack again next time, whatever torch says has changed."""
        self._key = None

    def deliver(self, model: Any, version: int, state: Hashable) -> Delivery:
        """Return the weights as they are now, packed anew where `state` or the version is another.

        `state` is what tells of a change: `fingerprint` where every change is followed by `forget`,
        else `checksum`.
        """
        key = (id(model), version, state)
        if self._delivery is None or key != self._key:
            started = time.monotonic()
            self._number += 1
            reference = self._put(pack_weights(model))
            self._delivery = Delivery(
                reference, self._number, version, self._canary.order(self._number)
            )
            self._key = key
            self.seconds, self.gap = time.monotonic() - started, 0.0
        return self._delivery

    def check(self, model: Any, delivery: Delivery, said: Completion | None) -> None:
        """Compare what a worker said after it took new weights; None where it had them already.

        Raises RunError where the two differ too much.
        """
        if said is not None:
            gap = self._canary.judge(model, said, delivery.version)
            self.gap = max(self.gap, gap)


class WeightReceiver:
    """The worker's side: a model, and the engine on it, that follow what is delivered."""

    def __init__(self, model: Any, engine: Any, fetch: Callable[[Any], Any]) -> None:
        """Wait for the first delivery.

        Args:
            model: Takes the weights.
            engine: A `TrainedPolicy` on it.
            fetch: Returns what is behind a reference.
        """
        self.model = model
        self.engine = engine
        self._fetch = fetch
        self._number = 0

    def follow(self, delivery: Delivery) -> Completion | None:
        """Take weights that are newer than those here, and go on with the canary.

        Returns what the engine said; None where there was nothing to take. Raises RunError.
        """
        if delivery.number <= self._number:
            return None
        load_weights(self.model, self._fetch(delivery.reference))
        self._number = delivery.number
        self.engine.update_weights(delivery.version)
        stops, self.engine.stop_token_ids = self.engine.stop_token_ids, ()
        try:
            said: Completion = self.engine.generate([delivery.canary.prompt],
                                                    delivery.canary.params)[0]  # fmt: skip
        finally:
            self.engine.stop_token_ids = stops
        return said
