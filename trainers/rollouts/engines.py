"""Which engine samples for a run."""

import dataclasses
import os
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.settings import ServerPlace, check_settings
from gym_reason.agents.policy import TrainedPolicy
from gym_reason.errors import ConfigError
from gym_reason.trainers.distributed.gpus import own_gpu, share_gpus
from gym_reason.trainers.distributed.playing import main_plays, plays_here
from gym_reason.trainers.distributed.world import ALONE, World
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


def choose_engine(
    recipe: Recipe, folder: Path, *, in_worker: bool = False, world: World = ALONE
) -> EngineMaker:
    """Return what makes the engine of a recipe.

    A process in which nothing is played has a local engine, which is never asked.

    Args:
        recipe: Of the run.
        folder: The run's, for what an engine writes.
        in_worker: Whether a rollout worker asks. Where there are some, the trainer itself samples
            little, on weights that it has anyway, unless they are on a server that it keeps up to
            date.
        world: The processes that train.
    """
    kind = recipe.engine
    elsewhere = recipe.rollout.backend == "ray" and not in_worker and not recipe.vllm.base_url
    if kind == "local" or elsewhere or not plays_here(recipe, world):
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

        settings, place = recipe.vllm, ServerPlace(folder / "vllm.log")
        if world.size > 1 and not main_plays(recipe):
            settings = dataclasses.replace(settings, gpus=share_gpus(settings.gpus, world))
            place = place_server(folder, world, on_gpu=model.device.type == "cuda")
        return start_for_training(
            kind,
            settings,
            model,
            tokenizer,
            temperature=recipe.sampling.temperature,
            dtype=dtype,
            folder=folder,
            place=place,
            in_flight=recipe.rollout.in_flight,
            lora=choose_room(recipe, model),
        )

    return make_vllm_engine


def place_server(folder: Path, world: World, *, on_gpu: bool) -> ServerPlace:
    """Return where this process's own server is, where each process has one."""
    return ServerPlace(
        folder / f"vllm-{world.rank}.log",
        own_gpu(os.environ.get("CUDA_VISIBLE_DEVICES", ""), world) if on_gpu else "",
        world.local_rank,
        world.local_size,
    )


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
