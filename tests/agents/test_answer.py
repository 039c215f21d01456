"""The plainest agent: what it is shown of an episode, and the streams that come of it."""

import asyncio
from typing import Any

import gymnasium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.answer import keep_latest
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.demonstration import DemonstrationPolicy
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import RunError, UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Message, Trajectory, Turn
from tests.agents.search.toys import PRINTABLE, ToyPolicy

TOKENIZER = build_character_tokenizer(PRINTABLE)
ENCODER = ChatEncoder(TOKENIZER)
USER: Any = "user"
roles = st.lists(st.sampled_from(["user", "assistant", "tool"]), max_size=8)


def use_a_phone(spec: str) -> tuple[Trajectory, list[str]]:
    """Return an episode of the oracle on a phone, and its actions, through an agent."""
    env: Any = gymnasium.make(
        "gym_reason/Mobile-v0", templates="settings.toggle", observation="brief", dialect="brief"
    )
    [task] = sample_tasks(env, 1, seed=3)
    actions = list(env.unwrapped.demonstrate(task))
    policy = DemonstrationPolicy(actions, TOKENIZER)
    agent = bind_agent(make_agent(spec, policy, SamplingParams()), env, task)
    return asyncio.run(run_episode(env, agent, task, 0, ENCODER, EpisodeLimits())), actions


def screen_of(turn: Turn) -> str:
    """Return what an observation shows, without the task that it repeats."""
    return turn.observation.rpartition("Task: ")[2].partition("\n")[2].strip()


def test_without_history_an_episode_is_one_stream() -> None:
    trajectory, actions = use_a_phone("answer")
    assert trajectory.correct
    assert len(trajectory.traces) == 1
    assert [turn.action for turn in trajectory.turns] == actions


def test_with_history_each_turn_is_a_stream_that_shows_the_latest_observations() -> None:
    trajectory, actions = use_a_phone("answer:history=1")
    whole, _ = use_a_phone("answer")
    assert trajectory.turns == whole.turns  # what is done does not depend on what is shown
    assert len(trajectory.traces) == len(actions) >= 3
    for number, (trace, turn) in enumerate(zip(trajectory.traces, trajectory.turns, strict=True)):
        text = str(TOKENIZER.decode(list(trace.ids)))
        assert text.endswith(f"{turn.action}<eos>")
        assert screen_of(turn) in text
        assert all(action in text for action in actions[:number])
        earlier = [screen_of(one) for one in trajectory.turns[1:number]]
        assert not any(f"{screen}{action}" in text for screen in earlier for action in actions)
        assert text.count("...") == len(earlier)
        acted = zip(trace.turn_index, trace.action_mask, strict=True)
        assert {index for index, own in acted if own} == {number}


@given(roles, st.integers(1, 5))
def test_the_task_and_what_was_said_stay(spoken: list[Any], history: int) -> None:
    messages = tuple(Message(role, f"{role} {i}") for i, role in enumerate([USER, *spoken]))
    kept = keep_latest(messages, history)
    assert [message.role for message in kept] == [message.role for message in messages]
    answers = [i for i, message in enumerate(messages) if message.role == "assistant"]
    first = answers[0] if answers else len(messages)
    heard = [i for i in range(first, len(messages)) if messages[i].role != "assistant"]
    shown = {i for i in range(len(messages)) if kept[i] == messages[i]}
    assert shown == set(range(first)) | set(answers) | set(heard[-history:])


@pytest.mark.parametrize("setting", ["history=0", "tokens=0"])
def test_a_setting_out_of_range_is_told(setting: str) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        make_agent(f"answer:{setting}", ToyPolicy(lambda *_: ""), SamplingParams())


def test_more_than_was_demonstrated_is_no_demonstration() -> None:
    policy = DemonstrationPolicy(["a"], TOKENIZER)
    assert asyncio.run(policy.sample((), SamplingParams())).text == "a"
    with pytest.raises(RunError, match="more than is demonstrated"):
        asyncio.run(policy.sample((), SamplingParams()))
