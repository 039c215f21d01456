"""Our environments as task sets of the package `verifiers`.

Source: `Task`, `Taskset` and `@reward` of `verifiers.v1`, version 0.4.
"""

from collections.abc import Sequence
from typing import Any

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.interop.packages import require_package
from gym_reason.interop.episodes import Episode, refuse_several_turns, to_chat
from gym_reason.types import Task


def make_verifiers_taskset(env_id: str, count: int, seed: int = 0, **arguments: Any) -> Any:
    """Return a `verifiers.v1` task set of tasks of an environment of one turn.

    Its one reward, `gym_reason`, is the environment's. What cannot be scored raises, which
    verifiers records as an error and not as a reward of 0.

    Args:
        env_id: A registered id.
        count: How many tasks are drawn.
        seed: Seed of the draws.
        arguments: Arguments of the environment.

    Raises:
        UsageError: For an environment of several turns.
    """
    package = require_package("verifiers.v1", "verifiers", "verifiers")
    episode = Episode(env_id, arguments)
    refuse_several_turns(episode.env, "serve it with gym_reason.interop.openenv")
    tasks = sample_tasks(episode.env, count, seed)
    return _make_class(package, episode, tasks)(package.TasksetConfig(id=_name(env_id)))


def _name(env_id: str) -> str:
    return env_id.replace("/", "-").lower()


def _make_class(package: Any, episode: Episode, tasks: Sequence[Task]) -> Any:
    known = {task.id: task for task in tasks}

    class EpisodeTask(package.Task[package.TaskData, package.State, package.TaskConfig]):  # type: ignore[misc]
        """A task of gym_reason."""

        @package.reward  # type: ignore[untyped-decorator, unused-ignore]
        async def gym_reason(self, trace: Any) -> float:
            """Return the environment's reward of the reply."""
            episode.start(known[self.data.id])
            episode.act(trace.last_reply)
            if episode.unscorable:
                raise RuntimeError("the verifier failed; this is no fault of the model")
            return episode.total

    class EpisodeTaskset(package.Taskset[EpisodeTask, package.TasksetConfig]):  # type: ignore[misc]
        """Tasks of gym_reason."""

        def load(self) -> Any:
            """Yield the tasks."""
            for task in tasks:
                system = [message for message in task.prompt if message.role == "system"]
                chat = to_chat(tuple(m for m in task.prompt if m.role != "system"))
                one = len(chat) == 1 and chat[0]["role"] == "user"
                data = package.TaskData(
                    id=task.id,
                    prompt=chat[0]["content"] if one else chat,
                    system_prompt="\n\n".join(m.content for m in system) or None,
                )
                yield EpisodeTask(data, self.config.task)

    return EpisodeTaskset
