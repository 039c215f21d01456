"""Our environments for the GRPO trainer of TRL, which needs nothing of ours but these.

Source: `reward_funcs` and `environment_factory` of `trl.GRPOTrainer`, TRL 1.16.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.envs.base import sample_tasks
from gym_reason.errors import UsageError
from gym_reason.interop.episodes import Episode, refuse_several_turns, to_chat
from gym_reason.types import Task

RewardFunction = Callable[..., list[float | None]]


@dataclass(frozen=True, slots=True)
class TrlTasks:
    """What `GRPOTrainer` needs for an environment of one turn."""

    rows: list[dict[str, Any]]
    """Rows of `train_dataset`: `prompt`, a list of messages, and `task_id`."""
    reward: RewardFunction
    """For `reward_funcs`; None, which TRL leaves out, where a completion cannot be scored."""


def make_trl_tasks(env_id: str, count: int, seed: int = 0, **arguments: Any) -> TrlTasks:
    """Return rows and a reward function for tasks of an environment of one turn.

    Args:
        env_id: A registered id.
        count: How many tasks are drawn.
        seed: Seed of the draws.
        arguments: Arguments of the environment.

    Raises:
        UsageError: For an environment of several turns: `make_environment_factory` is for those.
    """
    episode = Episode(env_id, arguments)
    refuse_several_turns(episode.env, "use make_environment_factory")
    tasks = sample_tasks(episode.env, count, seed)
    rows = [{"prompt": to_chat(task.prompt), "task_id": task.id} for task in tasks]
    return TrlTasks(rows, _make_reward(episode, {task.id: task for task in tasks}))


def _make_reward(episode: Episode, tasks: Mapping[str, Task]) -> RewardFunction:
    def gym_reason_reward(
        completions: Sequence[Any], task_id: Sequence[str], **columns: Any
    ) -> list[float | None]:
        """Return the reward of each completion."""
        del columns  # TRL gives every column of the data set.
        found: list[float | None] = []
        for completion, name in zip(completions, task_id, strict=True):
            if name not in tasks:
                raise UsageError(f"a row of task {name!r}", "rows of the same make_trl_tasks")
            episode.start(tasks[name])
            episode.act(_read_text(completion))
            found.append(None if episode.unscorable else episode.total)
        return found

    return gym_reason_reward


def _read_text(completion: Any) -> str:
    """Return a completion, of either form that TRL has, as one text."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message["content"] or "") for message in completion)


class TrlEnvironment:
    """An environment as TRL plays it: the model calls the tool `act`."""

    def __init__(self, env_id: str, arguments: Mapping[str, Any]) -> None:
        """Make the environment."""
        self._episode = Episode(env_id, arguments)

    def reset(self, seed: int | None = None, **columns: Any) -> str:
        """Start an episode of the row's seed; what is shown goes behind the row's prompt."""
        del columns
        return self._episode.start(seed=seed)

    def act(self, action: str) -> str:
        """Take one action in the environment.

        Args:
            action: The action.

        Returns:
            What the environment shows then.
        """
        if self._episode.over:
            return "The episode is over."
        shown = self._episode.act(action)
        return f"{shown}\nThe episode is over.".strip() if self._episode.over else shown

    def get_reward(self) -> float | None:
        """Return the sum of the rewards; None where it could not be scored."""
        return None if self._episode.unscorable else self._episode.total


def make_environment_factory(env_id: str, **arguments: Any) -> Callable[[], TrlEnvironment]:
    """Return an `environment_factory` for an environment of any number of turns.

    Args:
        env_id: A registered id.
        arguments: Arguments of the environment.
    """
    return lambda: TrlEnvironment(env_id, arguments)


def make_seed_rows(count: int, words: str = "Use the tool `act`.\n\n") -> list[dict[str, Any]]:
    """Return rows of `train_dataset` for an `environment_factory`: one seed each.

    Args:
        count: How many.
        words: What the model is told before what the environment shows.
    """
    prompt = [{"role": "user", "content": words}]
    return [{"prompt": prompt, "seed": seed} for seed in range(count)]
