"""Who acts behind `--policy` and `--agent`."""

import asyncio
from pathlib import Path

import pytest

import gym_reason
from gym_reason.agents.base import Agent
from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.build import (
    SCRIPTED,
    find_unknown_token,
    load_policy,
    make_actor,
)
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import ConfigError, ModelError, UnknownNameError
from gym_reason.types import Completion, Message, Task

TASK = Task("t", (Message("user", "12+3="),), "15")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model with 16 positions."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_character_tokenizer("0123456789+=")
    save_model(build_preset("0.1m", len(tokenizer), max_positions=16), tokenizer, folder)
    return folder


def say(agent: Agent, seed: int = 0, task: Task = TASK) -> str:
    """Return what an agent without a policy does first."""
    return asyncio.run(agent.act(Conversation(task.prompt, None), seed)).text


def test_scripted_actors_do_what_their_names_say() -> None:
    env = gym_reason.make("gym_reason/Arithmetic-v0", digits=2)
    env.reset(seed=0)
    task = env.unwrapped.task  # type: ignore[attr-defined]
    actors = {name: make_actor(f"engine:{name}", "answer", SamplingParams()) for name in SCRIPTED}
    said = {name: say(actor.agent_for(env, task)) for name, actor in actors.items()}
    assert said["oracle"].endswith(f"</think>{task.reference}")
    assert said["wrong"].endswith(f"</think>{int(task.reference) + 1}")
    assert said["empty"] == ""
    assert said["random"] in env.action_space
    assert all(actor.encoder is None and actor.reads(task) for actor in actors.values())


def test_random_actions_differ_from_turn_to_turn_and_come_back_with_the_seed() -> None:
    env = gym_reason.make("gym_reason/Arithmetic-v0")
    agent = make_actor("engine:random", "answer", SamplingParams()).agent_for(env, TASK)
    first = [say(agent, seed) for seed in (1, 2, 2**63 - 1)]
    assert len(set(first)) == 3
    assert first == [say(agent, seed) for seed in (1, 2, 2**63 - 1)]


def test_unknown_names_are_told_before_a_model_is_looked_for() -> None:
    with pytest.raises(ConfigError, match="did you mean 'oracle'"):
        make_actor("engine:oracel", "answer", SamplingParams())
    for policy in ("engine:oracle", "nowhere"):
        with pytest.raises(UnknownNameError, match=r"no agent 'anwser'.*mean 'answer'"):
            make_actor(policy, "anwser", SamplingParams())
    with pytest.raises(ModelError, match="no folder nowhere"):
        make_actor("nowhere", "answer", SamplingParams())


def test_an_actor_on_a_model_answers_and_knows_what_it_cannot_read(model: Path) -> None:
    actor = make_actor(str(model), "answer", SamplingParams(max_tokens=3, temperature=0.0))
    conversation = Conversation(TASK.prompt, actor.encoder)
    action = asyncio.run(actor.agent_for(None, TASK).act(conversation, 0))
    assert action.completion is not None
    assert 1 <= len(action.completion.token_ids) <= 3
    assert actor.reads(TASK)
    assert not actor.reads(Task("u", (Message("user", "12-3="),), "9"))


def test_a_prompt_that_leaves_no_room_gets_an_empty_completion(model: Path) -> None:
    engine, _ = load_policy(str(model))
    policy: Policy = BoundedPolicy(engine, 16)
    params = SamplingParams(max_tokens=4)

    def complete(tokens: int) -> Completion:
        return asyncio.run(policy.sample([7] * tokens, params))

    assert len(complete(15).token_ids) == 1
    for tokens in (16, 40):
        assert complete(tokens) == Completion((), (), "", "length")


def test_a_token_that_means_something_else_too_is_no_unknown_token() -> None:
    tokenizer = build_character_tokenizer("01")
    assert find_unknown_token(tokenizer) == 3
    tokenizer.unk_token = tokenizer.eos_token
    assert find_unknown_token(tokenizer) is None
    tokenizer.unk_token = None
    assert find_unknown_token(tokenizer) is None
