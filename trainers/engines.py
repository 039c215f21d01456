"""Which engine samples for a run."""

from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.settings import check_settings
from gym_reason.agents.policy import TrainedPolicy
from gym_reason.errors import ConfigError
from gym_reason.trainers.recipe import Recipe


class EngineMaker(Protocol):
    """Makes the engine of a learner."""

    def __call__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype | None,
        max_cache_bytes: int | None,
    ) -> TrainedPolicy:
        """Return an engine on a model.

        `dtype` is that of matrix products, None for the weights' own.
        """
        ...


def make_local_engine(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype | None,
    max_cache_bytes: int | None,
) -> TrainedPolicy:
    """Return the local engine."""
    return LocalEngine(model, tokenizer, dtype=dtype, max_cache_bytes=max_cache_bytes)


def choose_engine(recipe: Recipe, folder: Path) -> EngineMaker:
    """Return what makes the engine of a recipe, whose run is in `folder`."""
    kind = recipe.engine
    if kind == "local":
        return make_local_engine

    def make_vllm_engine(
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype | None,
        max_cache_bytes: int | None,
    ) -> TrainedPolicy:
        from gym_reason.agents.engines.vllm.build import start_for_training

        return start_for_training(
            kind,
            recipe.vllm,
            model,
            tokenizer,
            temperature=recipe.sampling.temperature,
            dtype=dtype,
            folder=folder,
            in_flight=recipe.rollout.in_flight,
        )

    return make_vllm_engine


def check_engine(recipe: Recipe) -> None:
    """Refuse an engine that the recipe cannot have here. Raises ConfigError and UsageError."""
    if recipe.engine == "local":
        return
    if recipe.adapter.virtual:
        raise ConfigError(
            f"adapter.kind = {recipe.adapter.kind!r} with engine = {recipe.engine!r}",
            "engine = 'local', or an adapter of layers: vLLM knows no virtual tokens",
        )
    if recipe.rollout.in_flight and recipe.engine == "server":
        raise ConfigError(
            "rollout.in_flight with engine = 'server'",
            "engine = 'local' or 'vllm': a server's answers come whole, without the version of "
            "each token",
        )
    check_settings(recipe.engine, recipe.vllm)
