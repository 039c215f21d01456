"""What plays the episodes of a recipe, in the trainer's process or in a worker's."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from gym_reason.agents.base import Agent
from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.policy import SamplingParams
from gym_reason.registry import make
from gym_reason.rollout import AgentFactory, EnvPool, Judging, TextEnv
from gym_reason.trainers.recipe import Recipe
from gym_reason.types import Task


@dataclass(frozen=True, slots=True)
class EnvKey:
    """Which of a recipe's environments."""

    level: int | None = None
    """The curriculum's; None where there is none."""
    split: str = ""
    """The split of the problems; "" stands for the recipe's own."""


@dataclass(frozen=True, slots=True)
class PolicyAgents:
    """The recipe's agent around the policy in training; any worker can make the same."""

    temperature: float
    """Of its sampling."""
    agent_for: AgentFactory
    """Makes the agent of an episode."""

    def __call__(self, env: TextEnv, task: Task) -> Agent:
        """Return the agent of an episode."""
        return self.agent_for(env, task)


def make_envs(recipe: Recipe, key: EnvKey, judging: Judging | None = None) -> EnvPool:
    """Return the environments of a recipe that `key` names; `judging` is as in `EnvPool`."""
    kwargs: dict[str, object] = dict(recipe.env.kwargs)
    if key.level is not None:
        kwargs |= recipe.curriculum.levels[key.level]
    kwargs["split"] = key.split or recipe.env.split
    return EnvPool(lambda: make(recipe.env.id, **kwargs), judging)


def make_policy_agents(recipe: Recipe, engine: Any, temperature: float) -> PolicyAgents:
    """Return agents that ask `engine`, a `TrainedPolicy`, in the way of a recipe."""
    settings = recipe.sampling
    params = SamplingParams(
        max_tokens=settings.max_tokens,
        temperature=temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        min_p=settings.min_p,
    )
    policy = BoundedPolicy(engine, engine.max_positions)
    agent = make_agent(recipe.agent, policy, params, recipe.prompts)
    return PolicyAgents(temperature, partial(bind_agent, agent))
