"""Agents by name: what `--policy` and `--agent` of the command stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.base import Agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.errors import ConfigError
from gym_reason.registry import agents, explain_unknown, register_agent
from gym_reason.seeding import derive_rng
from gym_reason.types import Task

SCRIPTED = ("oracle", "random", "wrong", "empty")


@register_agent("answer")
def make_answer_agent(policy: Policy, params: SamplingParams) -> Agent:
    """Ask the policy once a turn."""
    return AnswerAgent(policy, params)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in an evaluation."""

    name: str
    """For reports."""
    agent_for: Callable[[Any, Task], Agent]
    """Makes the agent of an episode from its environment and task."""
    encoder: ChatEncoder | None
    """Turns messages into tokens; None where no policy is asked."""


def make_actor(policy: str, agent: str, params: SamplingParams) -> Actor:
    """Return who acts.

    Args:
        policy: A model directory, a checkpoint or a run; or `engine:` and one of `oracle` (plays the environment's own
            demonstration), `random` (draws from the action space), `wrong`, `empty`.
        agent: A registered agent, around a policy that samples.
        params: How to sample.

    Raises:
        ConfigError: For an unknown engine.
        ModelError: For a directory that cannot be used.
    """
    engine, colon, name = policy.partition(":")
    if colon and engine == "engine":
        if name not in SCRIPTED:
            raise ConfigError(*explain_unknown("engine", name, list(SCRIPTED)))
        return Actor(policy, _scripted(name, params.seed), None)
    factory = agents.get(agent)
    local, encoder = load_policy(policy)
    acting: Any = factory(local, params)
    return Actor(policy, lambda env, task: acting, encoder)


def load_policy(path: str) -> tuple[Policy, ChatEncoder]:
    """Return the local engine on a model directory, a checkpoint or a run. Raises ModelError."""
    import torch

    from gym_reason.agents.engines.local import LocalEngine
    from gym_reason.agents.engines.precision import choose_threads, use_fast_matmul
    from gym_reason.agents.models import load_model

    torch.set_num_threads(choose_threads("auto").threads)
    use_fast_matmul()
    model, tokenizer = load_model(path)
    return LocalEngine(model, tokenizer), ChatEncoder(tokenizer)


def _scripted(name: str, seed: int) -> Callable[[Any, Task], Agent]:
    def agent_for(env: Any, task: Task) -> Agent:
        if name == "oracle":
            return ScriptedAgent(env.unwrapped.demonstrate(task))
        if name == "wrong":
            return ScriptedAgent([env.unwrapped.wrong_action(task)])
        if name == "empty":
            return ScriptedAgent([""])
        env.action_space.seed(int(derive_rng(seed, task.id).integers(2**31)))
        return ScriptedAgent([env.action_space.sample() for _ in range(8)])

    return agent_for
