"""A rollout worker: the environments, the agent and the engine of a recipe, in its own process.

What it answers depends on what it is asked alone, not on who it is or on what it did before.
"""

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gym_reason
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.ray.kit import ModelKit
from gym_reason.agents.engines.ray.weights import Delivery, WeightReceiver
from gym_reason.agents.policy import TrainedPolicy
from gym_reason.cluster.connection import fetch
from gym_reason.cluster.member import LoopThread
from gym_reason.errors import RunError
from gym_reason.registry import load_module
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.seeding import derive_seed
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rollouts.engines import choose_engine
from gym_reason.trainers.rollouts.playing import EnvKey, make_envs, make_policy_agents
from gym_reason.types import Completion, Group, Task


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What every worker of a run is made of."""

    recipe: Recipe
    """The run's, resolved."""
    kit: ModelKit
    """The model without its weights."""
    modules: tuple[str, ...]
    """Modules and files to import first, for what they register."""
    version: str
    """Of this library, which has to be the same everywhere."""


@dataclass(frozen=True, slots=True)
class Part:
    """Episodes to play: `samples` on each task."""

    delivery: Delivery | None
    """The weights to play with; None where they are on a server that the trainer keeps up to
    date."""
    version: int
    """The engine's, for completions."""
    tasks: tuple[Task, ...]
    """The problems."""
    seeds: tuple[int, ...]
    """One for each."""
    samples: int
    """Episodes a task."""
    temperature: float
    """Of sampling."""
    envs: EnvKey
    """Where they are played."""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a part."""

    groups: tuple[Group, ...]
    """One for each task, in order."""
    canary: Completion | None
    """What the engine said on the canary, where it took new weights first."""


class RolloutWorker:
    """Plays parts; those that it has at the same time ask one engine."""

    def __init__(self, blueprint: Blueprint, fetch: Callable[[Any, float], Any] = fetch) -> None:
        """Build the model and its engine. Raises RunError where the installation is another one."""
        if blueprint.version != gym_reason.__version__:
            raise RunError(
                f"gym_reason {gym_reason.__version__} on a worker's node",
                f"{blueprint.version}, as the trainer has it",
                "install the same on every node",
            )
        for module in blueprint.modules:
            load_module(module)
        recipe, kit = blueprint.recipe, blueprint.kit
        self._recipe = recipe
        self._scratch = tempfile.TemporaryDirectory(prefix="gym-reason-")
        self._engine: TrainedPolicy
        self._receiver: WeightReceiver | None = None
        folder = Path(self._scratch.name)
        if recipe.vllm.base_url:
            from gym_reason.agents.engines.vllm.build import start_on_folder

            kit.write(folder)
            self._engine, tokenizer = start_on_folder("server", recipe.vllm, folder)
        else:
            model, tokenizer = kit.build()
            make_engine = choose_engine(recipe, folder, in_worker=True)
            self._engine = make_engine(model, tokenizer, kit.dtype, kit.cache_bytes)
            limit_s = recipe.ray.part_timeout_s
            self._receiver = WeightReceiver(
                model, self._engine, lambda reference: fetch(reference, limit_s)
            )
        self._encoder = ChatEncoder(tokenizer)
        self._limits = EpisodeLimits(step_seconds=recipe.env.step_seconds)
        self._pools: dict[EnvKey, EnvPool] = {}
        self._thread = LoopThread("rollouts", kit.settle)

    def work(self, part: Part) -> Played:
        """Play a part; called by several threads. Raises RunError where its weights do not come."""
        return self._thread.run(self._play(part))

    async def _play(self, part: Part) -> Played:
        said = None
        if self._receiver is not None and part.delivery is not None:
            said = self._receiver.follow(part.delivery)
        self._engine.version = part.version
        _seed_generators(part.seeds)
        pool = self._pools.get(part.envs)
        if pool is None:
            pool = self._pools[part.envs] = make_envs(self._recipe, part.envs)
        agents = make_policy_agents(self._recipe, self._engine, part.temperature)
        groups = await run_groups(
            pool, agents, part.tasks, part.samples, part.seeds, self._encoder, self._limits
        )
        return Played(tuple(groups), said)

    def close(self) -> None:
        """Close the environments and the engine."""
        self._thread.close()
        for pool in self._pools.values():
            pool.close()
        self._engine.close()
        self._scratch.cleanup()


def _seed_generators(seeds: tuple[int, ...]) -> None:
    """Seed the global generators for what an environment may draw from them."""
    seed = derive_seed(seeds[0] if seeds else 0, "global")
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
