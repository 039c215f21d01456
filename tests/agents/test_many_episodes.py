"""A thousand episodes of a loop at once: all end, in bounded memory, none waits for another."""

import asyncio
import resource
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.envs.base import ReasoningEnv
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.types import Group, Message, Task, Trajectory
from tests.agents.refine.replay import ReplayPolicy

EPISODES = 1000
ROUNDS = 3
MOST_BYTES = 64 * 1024
"""Most memory of an episode under way: some thousand tokens with all that is kept of each."""


class ToolEnv(ReasoningEnv):
    """Gives a tool that finds fault, and for one task waits until it is let go."""

    released = threading.Event()

    def sample_task(self, rng: np.random.Generator) -> Task:
        return Task("any", (Message("user", "1+1="),), "2")

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        def test(_: str) -> str:
            if task.id == "0":
                self.released.wait()
            return "wrong"

        return {"tests": test}


def run_all(policy: ReplayPolicy, ended: Callable[[Trajectory], None]) -> list[Group]:
    """Play an episode on each of a thousand tasks, with a tool that may take a minute."""
    agent = make_agent(
        f"self-debug:rounds={ROUNDS},explain=false,tool_seconds=60",
        policy,
        SamplingParams(max_tokens=32),
    )
    tasks = [Task(str(number), (Message("user", "1+1="),), "2") for number in range(EPISODES)]
    return asyncio.run(
        run_groups(
            EnvPool(ToolEnv),
            lambda env, task: bind_agent(agent, env, task),
            tasks,
            1,
            range(EPISODES),
            ChatEncoder(policy.tokenizer),
            EpisodeLimits(),
            ended,
        )
    )


def used_bytes() -> int:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_thousand_episodes_at_once_with_one_hung_tool() -> None:
    policy = ReplayPolicy("The sum is 3.")
    finished: list[str] = []
    used: list[int] = []
    ToolEnv.released.clear()

    def note(trajectory: Trajectory) -> None:
        finished.append(trajectory.task.id)
        used.append(used_bytes())
        # The tool hangs until every other episode has ended; would one of them wait for it, the
        # limit on its time would end it and be heard.
        if len(finished) == EPISODES - 1:
            ToolEnv.released.set()

    before = used_bytes()
    groups = run_all(policy, note)
    assert finished[-1] == "0"
    assert sorted(finished, key=int) == [str(number) for number in range(EPISODES)]
    assert len(policy.prompts) == EPISODES * (1 + ROUNDS)
    for group in groups:
        (trajectory,) = group.trajectories
        assert [turn.info.get("heard") for turn in trajectory.turns] == ["wrong"] * ROUNDS + [None]
        (trace,) = trajectory.traces
        assert sum(trace.action_mask) == (1 + ROUNDS) * len("The sum is 3.")
    grown = max(used) - before
    assert grown < EPISODES * MOST_BYTES, f"{grown / EPISODES:.0f} bytes an episode"
    tools = [thread for thread in threading.enumerate() if thread.name == "tool"]
    for thread in tools:  # the last one may be on its way out
        thread.join(10)
    assert not any(thread.is_alive() for thread in tools)
