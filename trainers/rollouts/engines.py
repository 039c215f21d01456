"""Which engine samples for a run."""

from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.settings import check_settings
from gym_reason.agents.policy import TrainedPolicy
from gym_reason.errors import ConfigError
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rollouts.adapter_route import check_adapter_route, choose_room


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


def choose_engine(recipe: Recipe, folder: Path, *, in_worker: bool = False) -> EngineMaker:
    """Return what makes the engine of a recipe.

    Args:
        recipe: Of the run.
        folder: The run's, for what an engine writes.
        in_worker: Whether a rollout worker asks. Where there are some, the trainer itself samples
            little, on weights that it has anyway, unless they are on a server that it keeps up to
            date.
    """
    kind = recipe.engine
    elsewhere = recipe.rollout.backend == "ray" and not in_worker and not recipe.vllm.base_url
    if kind == "local" or elsewhere:
        return make_local_engine
    if kind == "ray":
        return partial(_make_ray_engine, recipe)

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
            lora=choose_room(recipe, model),
        )

    return make_vllm_engine


def _make_ray_engine(
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype | None,
    max_cache_bytes: int | None,
) -> TrainedPolicy:
    from gym_reason.agents.engines.ray.engine import RayEngine

    return RayEngine(
        recipe.ray,
        model,
        tokenizer,
        temperature=recipe.sampling.temperature,
        dtype=dtype,
        cache_bytes=max_cache_bytes,
        device=recipe.model.device,
    )


def check_engine(recipe: Recipe) -> None:
    """Refuse an engine that the recipe cannot have here. Raises ConfigError and UsageError."""
    if recipe.engine == "local" or recipe.engine == "ray":
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
    check_adapter_route(recipe)
    check_settings(recipe.engine, recipe.vllm)
