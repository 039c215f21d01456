"""One episode of an environment, as other libraries ask for it."""

from collections.abc import Mapping
from typing import Any

from gym_reason.envs.base import ReasoningEnv, unwrap
from gym_reason.errors import EnvError, UsageError
from gym_reason.registry import make
from gym_reason.seeding import derive_rng
from gym_reason.types import Message, Outcome, Task, Verdict


class Episode:
    """Plays one episode at a time, and keeps its return and its last verdict."""

    def __init__(self, env_id: str, arguments: Mapping[str, Any]) -> None:
        """Make the environment. Raises UsageError."""
        self.env: ReasoningEnv = unwrap(make(env_id, **arguments))
        self.total = 0.0
        self.turns = 0
        self.over = True
        self.verdict: Verdict | None = None

    def start(self, task: Task | None = None, seed: int | None = None) -> str:
        """Start an episode, of a task given or drawn, and return what is shown."""
        options = None if task is None else {"task": task}
        shown, _ = self.env.reset(seed=seed, options=options)
        self.total, self.turns, self.over, self.verdict = 0.0, 0, False, None
        return shown

    def act(self, action: str) -> str:
        """Take an action and return what is shown. Raises EnvError after the end."""
        if self.over:
            raise EnvError("the episode is over, or none was started", "a new episode first")
        shown, reward, terminated, truncated, info = self.env.step(action)
        self.total += reward
        self.turns += 1
        self.over = terminated or truncated
        self.verdict = info["verdict"] or self.verdict
        return shown

    @property
    def unscorable(self) -> bool:
        """Whether the verdict failed by our fault: no reward, rather than a reward of 0."""
        return self.verdict is not None and self.verdict.outcome is Outcome.UNSCORABLE

    @property
    def correct(self) -> bool:
        """Whether the task is solved."""
        return self.verdict is not None and self.verdict.correct

    @property
    def outcome(self) -> str:
        """How it was judged; empty where it was not."""
        return "" if self.verdict is None else self.verdict.outcome.value


def to_chat(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """Return messages as most libraries write them. Raises UsageError for pictures."""
    if any(message.images for message in messages):
        raise UsageError("a prompt with pictures", "one of texts")
    return [{"role": message.role, "content": message.content} for message in messages]


def refuse_several_turns(env: ReasoningEnv, remedy: str) -> None:
    """Raise UsageError for an environment whose episodes have more than one action.

    A first action that is right, or any one where no right one is known, has to end an episode.
    """
    task = env.draw_task(derive_rng(0, "turns"))
    try:
        action = env.demonstrate(task)[0]
    except UsageError:
        action = env.wrong_action(task)
    env.reset(options={"task": task})
    _, _, terminated, truncated, _ = env.step(action)
    if not (terminated or truncated):
        raise UsageError(
            "an environment whose episodes go on after an action", "one of one turn", remedy
        )
