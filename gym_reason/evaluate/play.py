"""The episodes of an evaluation, a bounded number at once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.rollout import AgentFactory, EnvPool, EpisodeLimits, play_episode
from gym_reason.seeding import derive_seed
from gym_reason.types import Task, Trajectory

EPISODES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Request:
    """An episode to be played."""

    task: Task
    """The task."""
    sample: int
    """Number of the episode among those of its task, from 0."""


def play_episodes(
    envs: EnvPool,
    agent_for: AgentFactory,
    requests: Sequence[Request],
    seed: int,
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
    on_episode: Callable[[Request, Trajectory], None],
) -> None:
    """Play episodes and hand over each as it ends, in whatever order that is.

    The draws of an episode derive from its task's id and its number alone, so they are the same
    whatever else is played, in the same run or in one that goes on later.

    Args:
        envs: Where environments come from.
        agent_for: Makes the agent of an episode from its environment and task.
        requests: What to play.
        seed: Seed of all draws.
        encoder: Turns messages into tokens; None for agents that ask no policy.
        limits: Where to cut an episode.
        on_episode: Called with each episode as it ends; what it raises ends the evaluation.
    """

    async def work(queue: Iterator[Request]) -> None:
        # One queue for all: where an episode ends the next one begins, and none waits for a batch.
        for request in queue:
            own = derive_seed(derive_seed(seed, request.task.id), request.sample)
            task = request.task
            trajectory = await play_episode(envs, agent_for, task, own, encoder, limits)
            on_episode(request, trajectory)
            # An episode that waited for nothing gives the others, and Ctrl-C, their turn.
            await asyncio.sleep(0)

    async def work_together() -> None:
        queue = iter(requests)
        await asyncio.gather(*(work(queue) for _ in range(min(EPISODES_AT_ONCE, len(requests)))))

    asyncio.run(work_together())
