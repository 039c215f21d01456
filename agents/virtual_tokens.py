"""Virtual tokens: trained keys and values that every sequence of a model begins with.

Prefix tuning trains the keys and values of each layer (arXiv 2101.00190); prompt tuning trains
embeddings, and the model makes keys and values of them (arXiv 2104.08691). The weights lie as in
peft's format, so that its files can be read and written.
"""

import contextlib
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from gym_reason.errors import ModelError

KINDS: Mapping[str, Literal["prefix", "prompt"]] = {
    "PREFIX_TUNING": "prefix",
    "PROMPT_TUNING": "prompt",
}
"""Kinds of virtual tokens, by peft's names for them."""
WEIGHTS = "adapter_model.safetensors"
KEY = "prompt_embeddings"
"""Name of the weights in peft's file."""
HANDLED = ("attention_mask", "position_ids", "past_key_values", "cache", "inputs_embeds")
"""What a caller may not pass beside virtual tokens: it would have to count them."""


class VirtualTokens(nn.Module):
    """Puts keys and values before the tokens of each call of a decoder; its outputs keep places.

    It becomes a part of the decoder, so that copies of the model, its parameters and its state
    hold it.
    """

    def __init__(self, kind: Literal["prefix", "prompt"], weight: Tensor) -> None:
        """Take the weights: embeddings `[V, hidden]`, or `[V, layers * 2 * heads * width]`."""
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(weight)
        self._aside = False

    @property
    def count(self) -> int:
        """How many there are."""
        return self.weight.shape[0]

    def attach(self, model: PreTrainedModel) -> None:
        """Become a part of a model."""
        decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
        decoder.virtual_tokens = self
        decoder.register_forward_pre_hook(self._before, with_kwargs=True)

    def keys_values(self, decoder: Any) -> list[tuple[Tensor, Tensor]]:
        """Return keys and values of each layer, `[1, heads, V, width]`, with their gradients."""
        if self.kind == "prefix":
            config = decoder.config.get_text_config()
            layers, heads = config.num_hidden_layers, key_heads(config)
            parts = self.weight.view(self.count, 2 * layers, heads, -1).permute(1, 2, 0, 3)
            return [
                (parts[2 * at].unsqueeze(0), parts[2 * at + 1].unsqueeze(0)) for at in range(layers)
            ]
        with self.aside():
            return keys_values_of(decoder, self.weight)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Leave calls of the decoder alone: the caller brings the keys and values itself."""
        before, self._aside = self._aside, True
        try:
            yield
        finally:
            self._aside = before

    def _before(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if self._aside:
            return None
        given = [name for name in HANDLED if kwargs.get(name) is not None]
        if given:
            raise ModelError(
                f"a model with virtual tokens was called with {', '.join(given)}",
                "token ids alone",
                "switch packing and the like off, or take another kind of adapter",
            )
        ids: Tensor = args[0] if args else kwargs["input_ids"]
        past = DynamicCache()
        for at, (keys, values) in enumerate(self.keys_values(decoder)):
            rows = (ids.shape[0], -1, -1, -1)
            past.update(keys.expand(rows), values.expand(rows), at)
        return args, kwargs | {cache_argument(decoder): past}


def keys_values_of(decoder: Any, embeddings_VH: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return what each layer of a decoder keeps of a sequence of embeddings."""
    cache: Any = DynamicCache()
    given = {cache_argument(decoder): cache}
    decoder(inputs_embeds=embeddings_VH.unsqueeze(0), use_cache=True, **given)
    return [(layer.keys, layer.values) for layer in cache.layers]


def cache_argument(module: nn.Module) -> str:
    """Return what a module's forward pass calls the keys and values of earlier tokens.

    Transformers 5.23 and before say `past_key_values`, later ones `cache`.
    """
    known = inspect.signature(module.forward).parameters
    return "cache" if "cache" in known else "past_key_values"


def key_heads(config: Any) -> int:
    """Return how many heads keys and values have."""
    return int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)


def find_virtual_tokens(model: PreTrainedModel) -> VirtualTokens | None:
    """Return the virtual tokens of a model, or None."""
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    found = getattr(decoder, "virtual_tokens", None)
    return found if isinstance(found, VirtualTokens) else None


def attach_beside(model: PreTrainedModel, folder: Path) -> None:
    """Give a model the virtual tokens that lie beside its folder in a checkpoint, if any do."""
    kind = find_kind_beside(folder)
    if kind is not None:
        weight = safetensors.torch.load_file(folder.parent / "adapter" / WEIGHTS)[KEY]
        VirtualTokens(kind, weight.to(model.device, model.dtype)).attach(model)


def find_kind_beside(folder: Path) -> Literal["prefix", "prompt"] | None:
    """Return the kind of virtual tokens that lie beside a model's folder in a checkpoint, or None.

    An adapter of another kind is in the model's weights already.
    """
    config = folder.parent / "adapter" / "adapter_config.json"
    if folder.name != "model" or not config.is_file():
        return None
    return KINDS.get(json.loads(config.read_text("utf-8"))["peft_type"])
