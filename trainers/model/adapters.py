"""Adapters: few weights that learn on top of many that stay, made by peft.

With LoRA (arXiv 2106.09685), DoRA (2402.09353) and IA3 (2205.05638) the model in training has
peft's layers, and a plain model beside it holds the merged weights: it is sampled from and saved,
so that sampling is as fast as without an adapter and every checkpoint is a plain model. With
virtual tokens (`gym_reason.agents.virtual_tokens`) there is nothing to merge, and the engine knows
them. Weights that no adapter changes exist once.
"""

import copy
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from gym_reason.agents.policy import AdapterWeights
from gym_reason.agents.virtual_tokens import KEY, WEIGHTS, VirtualTokens, keys_values_of
from gym_reason.errors import ConfigError, UsageError
from gym_reason.trainers.model.adapter_settings import AdapterSettings

PREFIX = "base_model.model."
"""Begins each name of a weight in peft's files."""


class Adapter(ABC):
    """Weights that learn on top of a model."""

    def __init__(self, plain: PreTrainedModel) -> None:
        """Begin with `plain`, whose weights stop learning."""
        self.plain = plain
        """What is saved as the model: without peft's layers."""
        self.model = copy_structure(plain)
        """What learns: only its adapter's weights have a gradient."""
        self.sampled: PreTrainedModel = plain
        """What the engine samples from."""

    @abstractmethod
    def merge(self) -> None:
        """Bring `plain` up to date with what has been learned."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return the adapter's weights by their names in peft's format."""

    @abstractmethod
    def config(self) -> Any:
        """Return peft's configuration of the adapter."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Take over the weights that `write` wrote."""

    @property
    def low_rank(self) -> AdapterWeights | None:
        """What an engine can apply itself: plain LoRA, None for any other kind."""
        return None

    def write(self, folder: Path) -> None:
        """Write the adapter as peft does. Raises OSError or SafetensorError."""
        folder.mkdir()
        self.config().save_pretrained(str(folder))
        state = {name: weight.detach().contiguous() for name, weight in self.state().items()}
        safetensors.torch.save_file(state, str(folder / WEIGHTS), metadata={"format": "pt"})

    def describe(self) -> str:
        """Return one sentence."""
        learned = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        share = learned / sum(p.numel() for p in self.model.parameters())
        return f"{learned} weights learn, {share:.1%} of all"


class LayerAdapter(Adapter):
    """LoRA, DoRA or IA3: peft's layers in the place of linear ones.

    Of LoRA it gives an engine what `AdapterWeights` asks for.
    """

    def __init__(self, plain: PreTrainedModel, config: Any, seed: int) -> None:
        """Put peft's layers in; they change nothing until they have learned."""
        super().__init__(plain)
        from peft import inject_adapter_in_model

        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                inject_adapter_in_model(config, self.model)
            self.model.train(False)
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"peft cannot adapt {type(plain).__name__}: {reason}",
                "layers that it has",
                "set adapter.target_modules",
            ) from error
        self._config: Any = self.model.peft_config["default"]
        self._layers = [
            (name, cast(Any, layer), cast(Any, plain.get_submodule(name)))
            for name, layer in self.model.named_modules()
            if hasattr(layer, "get_base_layer")
        ]
        for _, layer, _ in self._layers:
            # The plain layer will hold the merged weights, this one those before.
            base = layer.get_base_layer()
            for name, weight in list(base.named_parameters(recurse=False)):
                setattr(base, name, nn.Parameter(weight.detach().clone(), requires_grad=False))

    @torch.no_grad()
    def merge(self) -> None:
        """Write merged weights into the plain layers."""
        for _, layer, plain in self._layers:
            base = layer.get_base_layer()
            kept = [(weight, weight.data) for weight in base.parameters(recurse=False)]
            # A safe merge makes new tensors, so the weights from before can be put back to the bit.
            layer.merge(safe_merge=True)
            for name, weight in base.named_parameters(recurse=False):
                plain.get_parameter(name).copy_(weight)
            for weight, data in kept:
                weight.data = data
            layer.merged_adapters.clear()

    def state(self) -> dict[str, Tensor]:
        """Return peft's weights of every adapted layer."""
        from peft import get_peft_model_state_dict

        found = get_peft_model_state_dict(cast(Any, self.model), save_embedding_layers=False)
        return {PREFIX + name: weight for name, weight in found.items()}

    def config(self) -> Any:
        """Return the configuration with the layers that were found."""
        return self._config

    @property
    def low_rank(self) -> AdapterWeights | None:
        """This, where it is LoRA."""
        kind = getattr(self._config.peft_type, "value", self._config.peft_type)
        return self if kind == "LORA" and not self._config.use_dora else None

    @property
    def rank(self) -> int:
        """Of what is added to each weight."""
        return int(self._config.r)

    @property
    def alpha(self) -> float:
        """What is added is scaled by alpha / rank."""
        return float(self._config.lora_alpha)

    def base_weights(self) -> dict[str, Tensor]:
        """Return the plain model's weights as they were before the adapter."""
        found = {name: weight.detach() for name, weight in self.plain.state_dict().items()}
        for layer_name, layer, _ in self._layers:
            for name, weight in layer.get_base_layer().named_parameters(recurse=False):
                found[f"{layer_name}.{name}"] = weight.detach()
        return found

    def load(self, folder: Path) -> None:
        """Take the weights over and merge them."""
        from peft import set_peft_model_state_dict

        state = safetensors.torch.load_file(folder / WEIGHTS)
        own = {name.removeprefix(PREFIX): weight for name, weight in state.items()}
        set_peft_model_state_dict(cast(Any, self.model), own)
        self.merge()


class VirtualAdapter(Adapter):
    """Prefix or prompt tuning: virtual tokens before every sequence."""

    def __init__(self, plain: PreTrainedModel, config: Any, seed: int) -> None:
        """Begin with tokens of the vocabulary, drawn from `seed`."""
        super().__init__(plain)
        self._config = config
        kind: Literal["prefix", "prompt"] = (
            "prefix" if config.peft_type == "PREFIX_TUNING" else "prompt"
        )
        self.tokens = VirtualTokens(kind, _first_tokens(plain, kind, config, seed))
        self.tokens.attach(self.model)
        self.sampled = self.model

    def merge(self) -> None:
        """Do nothing: the weights of the model stay as they were."""

    def state(self) -> dict[str, Tensor]:
        """Return the virtual tokens."""
        return {KEY: self.tokens.weight}

    def config(self) -> Any:
        """Return the configuration as it was made."""
        return self._config

    @torch.no_grad()
    def load(self, folder: Path) -> None:
        """Take the virtual tokens over."""
        self.tokens.weight.copy_(safetensors.torch.load_file(folder / WEIGHTS)[KEY])


def make_adapter(
    plain: PreTrainedModel,
    settings: AdapterSettings,
    seed: int,
    base: Path | None,
    *,
    learns_head: bool = False,
) -> Adapter:
    """Return an adapter on a model.

    Args:
        plain: Stops learning, and is kept up to date by `merge`.
        settings: Any kind but `none`.
        seed: Of the weights that begin at random.
        base: Where the model without the adapter lies, which peft's files name; None for nowhere.
        learns_head: Whether what stands on the decoder goes on learning, as in a scorer.

    Raises ConfigError where peft does not know how to adapt the model.
    """
    config = _peft_config(plain, settings)
    config.base_model_name_or_path = None if base is None else str(base)
    kind = VirtualAdapter if settings.virtual else LayerAdapter
    adapter = kind(plain, config, seed)
    if learns_head:
        inside = set(map(id, adapter.model.base_model.parameters()))
        for weight in adapter.model.parameters():
            if id(weight) not in inside:
                weight.requires_grad_(True)
    return adapter


def check_adapter(settings: AdapterSettings, stages: Sequence[str], *, checkpointing: bool) -> None:
    """Refuse an adapter that a run of these stages cannot have. Raises ConfigError, UsageError."""
    if settings.kind == "none":
        return
    if importlib.util.find_spec("peft") is None:
        raise UsageError("no package peft", "it for an adapter", "pip install 'gym-reason[peft]'")
    if settings.from_stage and settings.from_stage not in stages:
        raise ConfigError(
            f"adapter.from_stage = {settings.from_stage!r}",
            f"a stage of the recipe: {', '.join(stages) or 'it has none'}",
        )
    if not settings.virtual:
        return
    if checkpointing:
        raise ConfigError(
            f"adapter.kind = {settings.kind!r} with model.gradient_checkpointing",
            "one of the two: checkpointing drops the keys and values that virtual tokens are",
        )
    if "reward_model" in stages:
        raise ConfigError(
            f"adapter.kind = {settings.kind!r} with a reward model",
            "an adapter of layers: lora, dora or ia3",
        )


def copy_structure(model: PreTrainedModel) -> PreTrainedModel:
    """Return a model of its own modules on the same weights, which stop learning."""
    model.requires_grad_(False)
    model.zero_grad(set_to_none=True)
    shared: dict[int, Any] = {id(weight): weight for weight in model.parameters()}
    return copy.deepcopy(model, shared)


def _peft_config(model: PreTrainedModel, settings: AdapterSettings) -> Any:
    import peft

    common: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    targets = list(settings.target_modules)
    if settings.kind in ("lora", "dora"):
        return peft.LoraConfig(
            r=settings.rank,
            lora_alpha=cast(int, settings.alpha),
            lora_dropout=settings.dropout,
            use_dora=settings.kind == "dora",
            target_modules=targets or linear_names(model) or None,
            **common,
        )
    if settings.kind == "ia3":
        # With layers of one's own choice the outputs are scaled; peft knows which inputs to scale.
        return peft.IA3Config(
            target_modules=targets or None, feedforward_modules=[] if targets else None, **common
        )
    kind = {"prefix": peft.PrefixTuningConfig, "prompt": peft.PromptTuningConfig}[settings.kind]
    shape: Any = model.config.get_text_config()
    return kind(
        num_virtual_tokens=settings.virtual_tokens,
        token_dim=shape.hidden_size,
        num_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        num_transformer_submodules=1,
        **common,
    )


def linear_names(model: PreTrainedModel) -> list[str]:
    """Return the ends of the names of a model's linear layers, without its head."""
    body: nn.Module = model.base_model
    return sorted(
        {name.rpartition(".")[2] for name, m in body.named_modules() if isinstance(m, nn.Linear)}
    )


@torch.no_grad()
def _first_tokens(
    model: PreTrainedModel, kind: Literal["prefix", "prompt"], config: Any, seed: int
) -> Tensor:
    """Return virtual tokens that are tokens of the vocabulary: less of a jolt than noise."""
    table: Any = model.get_input_embeddings()
    generator = torch.Generator().manual_seed(seed)
    size = (config.num_virtual_tokens,)
    ids_V = torch.randint(table.weight.shape[0], size, generator=generator).to(table.weight.device)
    embeddings_VH: Tensor = table(ids_V).clone()
    if kind == "prompt":
        return embeddings_VH
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    layers = keys_values_of(decoder, embeddings_VH)
    parts = torch.stack([part[0] for layer in layers for part in layer])  # [2 layers, heads, V, D]
    return parts.permute(2, 0, 1, 3).flatten(1).contiguous()
