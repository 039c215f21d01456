"""The model of a run, the engine that samples from it, and what the machine gives them."""

import contextlib
import copy
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
from gym_reason.agents.policy import AdaptedPolicy, AdapterWeights, TrainedPolicy
from gym_reason.agents.tokenizers import build_character_tokenizer, build_piece_tokenizer
from gym_reason.agents.virtual_tokens import find_virtual_tokens
from gym_reason.errors import ModelError
from gym_reason.trainers.distributed.sharding import ShardedModel, split_copy
from gym_reason.trainers.distributed.world import ALONE, World
from gym_reason.trainers.model.adapters import Adapter
from gym_reason.trainers.model.recompute import recompute_layers
from gym_reason.trainers.rollouts.engines import EngineMaker, make_local_engine
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
    world: World = ALONE
    """The processes that train the model."""
    sharded: ShardedModel | None = None
    """The model with its weights split among them."""
    main_positions: int | None = None
    """What the main process's engine takes, where several train; None for no limit of its own."""
    passes: int = 0
    """How many forward passes of training have begun: a sign of life."""

    @property
    def plain(self) -> PreTrainedModel:
        """The model that is saved; its weights are those of the engine's last refresh."""
        if self.sharded is not None:
            return self.sharded.plain
        return self.model if self.adapter is None else self.adapter.plain

    @property
    def whole(self) -> PreTrainedModel:
        """The model that learns, or, where its weights are split, the same as of the last merge."""
        return self.model if self.sharded is None else self.sharded.plain

    @property
    def max_positions(self) -> int | None:
        """Most tokens that the policy can be asked to read and write; the same in all processes.

        Those that do not play have an engine of another kind than the main one, with its own limit.
        """
        limits = (self.engine.max_positions, self.main_positions)
        return min((limit for limit in limits if limit is not None), default=None)

    def merge(self) -> None:
        """Bring `plain` up to date."""
        if self.sharded is not None:
            self.sharded.merge()
        elif self.adapter is not None:
            self.adapter.merge()

    def join(self, world: World) -> None:
        """Train with other processes from now on, which all do this with the same weights."""
        self.world = world
        self.main_positions = world.decide(
            lambda: self.engine.max_positions, "how long a text may be"
        )
        world.check_same(self.whole.named_parameters(), "at the start")
        if world.mesh is not None:
            self.sharded = ShardedModel(self.model, world.mesh)
            self.model = self.sharded.model
            self.lead_engine()

    def copy_frozen(self) -> PreTrainedModel:
        """Return a copy of the model with the weights as they are, which does not learn.

        Where the model's weights are split, those of the copy are not: give it others, and then
        let `split` do it.
        """
        if self.sharded is not None:
            self.sharded.merge()
        model = copy.deepcopy(self.whole)
        model.train(False)
        model.requires_grad_(False)
        return model

    def split(self, model: PreTrainedModel) -> PreTrainedModel:
        """Return a frozen model with its weights split, where those of the learner's are."""
        return model if self.world.mesh is None else split_copy(model, self.world.mesh)

    def adapt(self, adapter: Adapter) -> None:
        """Go on with an adapter on the weights as they are; the engine follows it."""
        self.adapter, self.model = adapter, adapter.model
        self.lead_engine()

    @property
    def sampled(self) -> PreTrainedModel:
        """The model in training as it is sampled from: whole, its adapter merged where that can be.

        Its weights are up to date after `merge`.
        """
        return self.whole if self.adapter is None else self.adapter.sampled

    @property
    def low_rank(self) -> AdapterWeights | None:
        """The adapter, where it is one that an engine can apply itself."""
        return None if self.adapter is None else self.adapter.low_rank

    def lead_engine(self) -> None:
        """Have the engine follow the weights in training."""
        if self.engine.model is not self.sampled:
            self.engine.follow(self.sampled)
        merged = self.sharded or self.adapter
        self.engine.before_refresh = None if merged is None else merged.merge
        if isinstance(self.engine, AdaptedPolicy):
            self.engine.follow_adapter(self.low_rank)

    @property
    def pad_id(self) -> int:
        """The token that fills rows up; any will do, since it is masked."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((token_id for token_id in known if isinstance(token_id, int)), 0)

    def mixed_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context for a forward pass of training."""
        self.passes += 1
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


def prepare_machine(settings: ModelSettings, sharers: int = 1) -> tuple[ModelSettings, str]:
    """Set threads and matrix kernels, and choose them and memory where the settings leave it open.

    Returns the settings with the choices in them, and a sentence on both.

    Args:
        settings: What is asked for.
        sharers: Processes of the run on this machine, which share its cores and its memory.
    """
    threads = choose_threads(settings.threads or "auto")
    count = settings.threads or max(1, threads.threads // sharers)
    reason = threads.reason if count == threads.threads else f"{threads.reason}; {count} each"
    torch.set_num_threads(count)
    device = choose_device(settings.device)
    matmul = use_fast_matmul(settings.matmul, device.type)
    free = default_cache_bytes(device) // (sharers if device.type == "cpu" else 1)
    chosen = dataclasses.replace(
        settings,
        threads=count,
        matmul=matmul.precision,
        cache_bytes=settings.cache_bytes or free,
    )
    return chosen, f"{reason}; {matmul}"
