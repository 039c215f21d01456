"""Episodes of a loop with a policy that says given words, and what came of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium

import gym_reason  # noqa: F401 - registers the environments
from gym_reason.agents.build import bind_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine import LOOPS, Limits, LoopAgent
from gym_reason.agents.refine.loop import read_settings
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Message, Task, Trajectory
from tests.agents.refine.replay import ReplayPolicy

SUM = Task("sum", (Message("user", "12+30="),), "42")
DOUBLE = Task(
    "double",
    (Message("user", "Double each number with solve(xs)."),),
    json.dumps(
        {
            "type": "assert",
            "entry": "solve",
            "code": "assert solve([31415926]) == [62831852]\nassert solve([]) == []",
        }
    ),
    meta={
        "language": "python",
        "solution": "def solve(xs):\n    return [2 * x for x in xs]\n",
        "public": json.dumps(
            {"type": "assert", "entry": "solve", "code": "assert solve([2, 3]) == [4, 6]"}
        ),
    },
)
RIGHT = "def solve(xs):\n    return [2 * x for x in xs]"
WRONG = "def solve(xs):\n    return [x for x in xs]"

Tools = Mapping[str, Callable[[str], str]]


def sums() -> Any:
    """Return an environment whose tasks are sums."""
    return gymnasium.make("gym_reason/Arithmetic-v0", operation="add", digits=2)


def programs() -> Any:
    """Return an environment whose tasks are programs, with the tool `tests`."""
    return gymnasium.make("gym_reason/Code-v0")


def play(
    name: str,
    policy: Any,
    *,
    env: Any = None,
    task: Task = SUM,
    tools: Tools | None = None,
    credit: Any = "all",
    **settings: Any,
) -> Trajectory:
    """Return the episode that a loop plays; `tools` are given beside those of the environment."""
    env = env or sums()
    loop = LOOPS[name]
    agent = LoopAgent(
        loop,
        policy,
        SamplingParams(max_tokens=400),
        prompts=PromptBook(name),
        limits=Limits(),
        credit=credit,
        settings=read_settings(loop, settings),
        tools=tools,
    )
    encoder = ChatEncoder(policy.tokenizer)
    bound = bind_agent(agent, env, task)
    return asyncio.run(run_episode(env, bound, task, 0, encoder, EpisodeLimits()))


def answers(trajectory: Trajectory) -> list[str]:
    """Return the answers of an episode, the last one included."""
    return [turn.action for turn in trajectory.turns]


def heard(trajectory: Trajectory) -> list[object]:
    """Return what was said to each answer but the last."""
    return [turn.info["heard"] for turn in trajectory.turns[:-1]]


def trained(trajectory: Trajectory, policy: ReplayPolicy) -> list[tuple[int, str]]:
    """Return what is trained on: the turn and the words of each stretch, stream by stream."""
    stretches: list[tuple[int, str]] = []
    for trace in trajectory.traces:
        open_turn: int | None = None
        for token, acted, turn in zip(trace.ids, trace.action_mask, trace.turn_index, strict=True):
            if not acted:
                open_turn = None
                continue
            text = str(policy.tokenizer.decode([token]))
            if open_turn == turn:
                stretches[-1] = (turn, stretches[-1][1] + text)
            else:
                stretches.append((turn, text))
            open_turn = turn
    return stretches
