"""Agents by name: what `--policy` and `--agent` of the command stand for."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gym_reason.agents import search, thinking, tool_agent  # noqa: F401 - what registers agents
from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.base import Action, Agent
from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.chat_server import ChatServerAgent
from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.refine import LOOPS, Loop
from gym_reason.agents.refine.prompts import read_templates
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.config import read_toml
from gym_reason.errors import ConfigError, UsageError
from gym_reason.registry import agents, explain_unknown, register_agent
from gym_reason.types import Json, Message, Task
from gym_reason.verifiers.arguments import bind_texts, split_spec

RECIPE = "recipe.toml"
"""What a run keeps its recipe in."""
SCRIPTED = ("oracle", "random", "wrong", "empty")


@register_agent("answer")
def make_answer_agent(
    policy: Policy,
    params: SamplingParams,
    *,
    tokens: int | None = None,
    history: int | None = None,
) -> Agent:
    """Ask the policy once a turn."""
    for name, value in (("tokens", tokens), ("history", history)):
        if value is not None and value < 1:
            raise UsageError(f"{name} = {value} for the agent 'answer'", "1 or more")
    if tokens is not None:
        params = dataclasses.replace(params, max_tokens=min(params.max_tokens, tokens))
    return AnswerAgent(policy, params, history=history)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in an evaluation."""

    name: str
    """For reports."""
    agent_for: Callable[[Any, Task], Agent]
    """Makes the agent of an episode from its environment and task."""
    encoder: ChatEncoder | None
    """Turns messages into tokens; None where no policy is asked."""
    unknown_id: int | None = None
    """Token that stands for what the tokenizer has no token for; None where there is none."""
    oracle: bool = False
    """Whether the agent hears the reference, which every report has to say."""

    def reads(self, task: Task) -> bool:
        """Return whether the policy sees every character of a task's prompt."""
        if self.encoder is None or self.unknown_id is None:
            return True
        return self.unknown_id not in self.encoder.encode_prompt(task.prompt)


class RandomAgent:
    """Draws every action from the action space, with the seed of the turn."""

    def __init__(self, space: Any) -> None:
        """Keep the action space of an environment that no other episode uses meanwhile."""
        self._space = space

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return a random action."""
        self._space.seed(seed % 2**32)
        action = Action(self._space.sample())
        conversation.add_message(Message("assistant", action.text))
        return action


def make_actor(policy: str, agent: str, params: SamplingParams) -> Actor:
    """Return who acts with one agent; see `make_actors`."""
    return make_actors(policy, [agent], params)[0]


def make_actors(
    policy: str, specs: Sequence[str], params: SamplingParams, engine: str = "local"
) -> list[Actor]:
    """Return who acts, with each of some agents around one policy.

    Args:
        policy: A model directory, a checkpoint or a run; or `engine:` and one of `oracle` (plays
            the environment's own demonstration), `random` (draws from the action space), `wrong`,
            `empty`, which no agent stands around; or `openai:URL,model=NAME`, a chat server, with
            the settings of `ChatServerAgent`, around which only `answer` stands.
        specs: Registered agents with their settings, around a policy that samples.
        params: How to sample.
        engine: What runs a model; see `load_policy`.

    A run that was trained in a loop is asked with the prompts that it was trained with, unless the
    spec names others.

    Raises:
        ConfigError: For an unknown engine.
        UnknownNameError: For an unknown agent.
        UsageError: For a setting that an agent does not have.
        ModelError: For a directory that cannot be used.
    """
    for spec in specs:
        agents.get(split_spec(spec)[0])
    kind, colon, name = policy.partition(":")
    if colon and kind == "engine":
        if name not in SCRIPTED:
            raise ConfigError(*explain_unknown("engine", name, list(SCRIPTED)))
        return [Actor(policy, _scripted(name), None)] * len(specs)
    if colon and kind == "openai":
        return _ask_server(policy, specs, params)
    sampler, encoder = load_policy(policy, engine)
    engine_used: Any = sampler
    bounded = BoundedPolicy(sampler, engine_used.max_positions)
    unknown = find_unknown_token(engine_used.tokenizer)
    made = [make_agent(spec, bounded, params, find_trained_prompts(policy, spec)) for spec in specs]
    return [
        Actor(policy, partial(bind_agent, agent), encoder, unknown, hears_reference(agent))
        for agent in made
    ]


def hears_reference(agent: Agent) -> bool:
    """Return whether an agent hears the reference: no fair comparison for one that does not."""
    loop = getattr(agent, "loop", None)
    return isinstance(loop, Loop) and loop.oracle


def make_agent(
    spec: str,
    policy: Policy,
    params: SamplingParams,
    prompts: Mapping[str, str] | None = None,
) -> Agent:
    """Return the agent that `spec` names around a policy.

    Args:
        spec: A registered name, optionally with settings: `self-refine`,
            `self-refine:rounds=3,credit=last`.
        policy: Whom it asks.
        params: How to sample.
        prompts: Templates that stand in for those of a loop, by role; a folder of them that the
            spec names comes first.

    Raises:
        UnknownNameError: Where no agent has the name.
        UsageError: For a setting that it does not have.
        ConfigError: For a template that cannot be used.
    """
    name, positional, keywords = split_spec(spec)
    factory = agents.get(name)
    given: dict[str, object] = {"prompts": dict(prompts), **keywords} if prompts else {**keywords}
    bound = bind_texts(factory, (policy, params, *positional), given, f"the agent {spec!r}")
    agent: Any = factory(*bound.args, **bound.kwargs)
    return agent  # type: ignore[no-any-return]


def find_trained_prompts(policy: str, spec: str) -> dict[str, str]:
    """Return the prompts that a run was trained with in the loop that a spec names, if it was."""
    from gym_reason.agents.models import resolve_model_folder

    folder = resolve_model_folder(policy)
    path = next(
        (one / RECIPE for one in (folder, *folder.parents[:3]) if (one / RECIPE).is_file()), None
    )
    if path is None:
        return {}
    recipe = read_toml(path)
    same = split_spec(str(recipe.get("agent", "")))[0] == split_spec(spec)[0]
    return dict(recipe.get("prompts", {})) if same else {}


def list_agents() -> list[str]:
    """Return the names of all agents, plugins included."""
    return list(agents)


def describe_agent(name: str) -> dict[str, Json]:
    """Return what an agent is: its summary, source, tools, settings and prompts.

    Raises UnknownNameError.
    """
    factory, loop = agents.get(name), LOOPS.get(name)
    described = loop.run if loop else factory
    skipped = ("policy", "params", "prompts", "talk")
    settings: dict[str, Json] = {
        key: "" if value.default is inspect.Parameter.empty else str(value.default)
        for part in dict.fromkeys((described, factory))
        for key, value in inspect.signature(part).parameters.items()
        if key not in skipped and value.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return {
        "name": name,
        "summary": (inspect.getdoc(described) or "").partition("\n")[0],
        "paper": loop.paper if loop else "",
        "grade": loop.grade if loop else "",
        "oracle": loop.oracle if loop else False,
        "tools": list(loop.tools) if loop else [],
        "settings": settings,
        "prompts": dict(read_templates(name)),
    }


def bind_agent(agent: Agent, env: Any, task: Task) -> Agent:
    """Return the agent of one episode: one that uses tools is given those of the environment."""
    bind: Callable[[Any, Task], Agent] | None = getattr(agent, "bind", None)
    return agent if bind is None else bind(env, task)


def find_unknown_token(tokenizer: Any) -> int | None:
    """Return the token that stands for unknown characters alone; None where there is none."""
    unknown: int | None = getattr(tokenizer, "unk_token_id", None)
    others = [getattr(tokenizer, f"{name}_token_id", None) for name in ("bos", "eos", "pad")]
    return None if unknown in others else unknown


def load_policy(path: str, engine: str = "local") -> tuple[Policy, ChatEncoder]:
    """Return an engine on a model directory, a checkpoint or a run.

    Args:
        path: The folder.
        engine: `local`, or `vllm` or `server` with settings of `VllmSettings`:
            `server:base_url=http://127.0.0.1:8000`.

    Raises:
        ModelError: The folder cannot be used, or vLLM cannot run the model.
        UsageError: The engine is not installed, or is given a setting that it does not have.
        RunError: vLLM did not start.
    """
    from gym_reason.agents.engines.precision import settle_machine
    from gym_reason.agents.engines.vllm.settings import read_engine

    kind, settings = read_engine(engine)
    settle_machine()
    if kind != "local":
        from gym_reason.agents.engines.vllm.build import start_on_folder

        sampler, encoded = start_on_folder(kind, settings, path)
        return sampler, ChatEncoder(encoded, images=sampler.images)
    from gym_reason.agents.engines.local import LocalEngine
    from gym_reason.agents.models import load_model

    model, tokenizer = load_model(path)
    return LocalEngine(model, tokenizer), ChatEncoder(tokenizer)


def _ask_server(policy: str, specs: Sequence[str], params: SamplingParams) -> list[Actor]:
    """Return who acts with the words of a chat server. Raises UsageError."""
    others = [spec for spec in specs if spec != "answer"]
    if others:
        raise UsageError(f"the agent {others[0]!r} around a chat server", "'answer'")
    _, positional, keywords = split_spec(policy)
    bound = bind_texts(ChatServerAgent, (params, *positional), keywords, policy)
    agent = ChatServerAgent(*bound.args, **bound.kwargs)
    return [Actor(policy, partial(bind_agent, agent), None)] * len(specs)


def _scripted(name: str) -> Callable[[Any, Task], Agent]:
    def agent_for(env: Any, task: Task) -> Agent:
        if name == "oracle":
            return ScriptedAgent(env.unwrapped.demonstrate(task))
        if name == "wrong":
            return ScriptedAgent([env.unwrapped.wrong_action(task)])
        if name == "empty":
            return ScriptedAgent([""])
        return RandomAgent(env.action_space)

    return agent_for
