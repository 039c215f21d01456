"""The model of a run, the engine that samples from it, and what the machine gives them."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.local.budget import default_cache_bytes
from gym_reason.agents.engines.precision import choose_threads, use_fast_matmul
from gym_reason.agents.models import build_preset, choose_device, load_model
from gym_reason.agents.policy import TrainedPolicy
from gym_reason.agents.tokenizers import build_character_tokenizer, build_piece_tokenizer
from gym_reason.agents.virtual_tokens import find_virtual_tokens
from gym_reason.errors import ModelError
from gym_reason.trainers.adapters import Adapter
from gym_reason.trainers.engines import EngineMaker, make_local_engine
from gym_reason.trainers.recompute import recompute_layers
from gym_reason.trainers.settings import ModelSettings

PRINTABLE = "\n" + "".join(map(chr, range(32, 127)))
"""Alphabet of an embedded model whose recipe names none."""

EMBEDDED_POSITIONS = 4096
"""Positions of an embedded model; they are rotary, so they cost no weights."""


@dataclass(slots=True)
class Learner:
    """A model in training, and the engine that samples from the same weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    encoder: ChatEncoder
    engine: TrainedPolicy
    device: torch.device
    autocast: torch.dtype | None
    """Type of matrix products; None for the type of the weights."""
    adapter: Adapter | None = None
    """What learns in place of the model's own weights."""

    @property
    def plain(self) -> PreTrainedModel:
        """The model that is saved; its weights are those of the engine's last refresh."""
        return self.model if self.adapter is None else self.adapter.plain

    def adapt(self, adapter: Adapter) -> None:
        """Go on with an adapter on the weights as they are; the engine follows it."""
        self.adapter, self.model = adapter, adapter.model
        self.lead_engine()

    @property
    def sampled(self) -> PreTrainedModel:
        """The model in training as it is sampled from: with the adapter merged, where one can be.

        Its weights are up to date after `adapter.merge`.
        """
        return self.model if self.adapter is None else self.adapter.sampled

    def lead_engine(self) -> None:
        """Have the engine follow the weights in training."""
        if self.engine.model is not self.sampled:
            self.engine.follow(self.sampled)
        self.engine.before_refresh = None if self.adapter is None else self.adapter.merge

    @property
    def pad_id(self) -> int:
        """The token that fills rows up; any will do, since it is masked."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((token_id for token_id in known if isinstance(token_id, int)), 0)

    def mixed_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context for a forward pass of training."""
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.autocast)


def build_learner(
    settings: ModelSettings,
    seed: int,
    checkpoint: Path | None,
    read_texts: Callable[[], Iterable[str]] = tuple,
    make_engine: EngineMaker = make_local_engine,
) -> Learner:
    """Return the learner of a run: from a checkpoint, from a model directory, or new.

    Args:
        settings: Which weights.
        seed: Of a new model's weights.
        checkpoint: What a run goes on from; None for a new run.
        read_texts: Returns what the pieces of a new tokenizer are learned from.
        make_engine: Makes the engine that samples.

    Raises:
        ModelError: For a directory that cannot be used.
    """
    device = choose_device(settings.device)
    if checkpoint is not None or settings.path:
        source = checkpoint if checkpoint is not None else settings.path
        model, tokenizer = load_model(source, device=str(device), dtype="fp32")
    else:
        alphabet = settings.alphabet or PRINTABLE
        tokenizer = (
            build_piece_tokenizer(alphabet, read_texts(), settings.pieces)
            if settings.pieces
            else build_character_tokenizer(alphabet)
        )
        model = build_preset(
            settings.size, len(tokenizer), max_positions=EMBEDDED_POSITIONS, seed=seed
        )
        model = model.to(device)  # type: ignore[arg-type]
    model.train(False)
    if find_virtual_tokens(model) is not None:
        raise ModelError(
            f"{settings.path} has virtual tokens beside its weights",
            "a model of weights alone to train further",
            "go on with its run by --resume, or start from its folder model/ copied elsewhere",
        )
    if settings.gradient_checkpointing:
        recompute_layers(model)
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" else "fp32"
    autocast = torch.bfloat16 if precision == "bf16" else None
    engine = make_engine(model, tokenizer, autocast, settings.cache_bytes or None)
    return Learner(model, tokenizer, ChatEncoder(tokenizer), engine, device, autocast)


def prepare_machine(settings: ModelSettings) -> tuple[ModelSettings, str]:
    """Choose threads, matrix kernels and memory where the settings leave it open.

    Returns the settings with the choices in them, and a sentence on both.
    """
    threads = choose_threads(settings.threads or "auto")
    torch.set_num_threads(threads.threads)
    matmul = use_fast_matmul(settings.matmul)
    chosen = dataclasses.replace(
        settings,
        threads=threads.threads,
        matmul=matmul.precision,
        cache_bytes=settings.cache_bytes or default_cache_bytes(choose_device(settings.device)),
    )
    return chosen, f"{threads.reason}; {matmul}"
