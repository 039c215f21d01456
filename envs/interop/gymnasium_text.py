"""Any plain Gymnasium environment that reads and shows text, as a ReasoningEnv."""

from collections.abc import Mapping
from typing import Any

import gymnasium

from gym_reason.envs.base import ReasoningEnv
from gym_reason.envs.interop.worlds import WorldEnv, WorldStep
from gym_reason.errors import EnvError, UsageError

SUCCESS_KEYS = ("is_success", "success")
"""Keys of `info` by which environments tell of success."""


class GymnasiumText(WorldEnv):
    """Act in a Gymnasium environment whose observations and actions are texts.

    An action outside its action space ends the episode as invalid. Rewards are passed on. The
    episode is solved where its last `info` has a true `is_success` or `success`, or without these
    where its return reaches `solved_at`.
    """

    def __init__(
        self,
        *,
        env: str,
        env_arguments: Mapping[str, Any] | None = None,
        system: str = "",
        solved_at: float = 1.0,
        split: str = "train",
        max_turns: int = 100,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            env: Id of a registered Gymnasium environment; `module:Id` imports the module first.
            env_arguments: Arguments of that environment.
            system: System message before every prompt; empty for none.
            solved_at: Return from which on an ended episode counts as solved.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For an environment that cannot be made, or that is not one of texts.
        """
        arguments = dict(env_arguments or {})
        super().__init__(
            GymnasiumWorld(env, arguments),
            env,
            lambda: GymnasiumWorld(env, arguments),
            system=system,
            solved_at=solved_at,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )


class GymnasiumWorld:
    """A Gymnasium environment of texts."""

    def __init__(self, env_id: str, arguments: Mapping[str, Any]) -> None:
        """Make it. Raises UsageError."""
        try:
            self.env: gymnasium.Env[Any, Any] = gymnasium.make(env_id, **arguments)
        except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
            raise UsageError(
                f"cannot make the Gymnasium environment {env_id!r}: {error}", "a registered id"
            ) from error
        self.env_id = env_id
        if isinstance(self.env.unwrapped, ReasoningEnv):
            raise UsageError(f"{env_id} is a ReasoningEnv", "a plain one", "use it as it is")
        for name, space in (
            ("observations", self.env.observation_space),
            ("actions", self.env.action_space),
        ):
            if not _holds_text(space):
                raise UsageError(f"the {name} of {env_id} are in {space}", "a space of texts")

    def reset(self, seed: int) -> str:
        """Start an episode of a seed."""
        return self._read(self.env.reset(seed=seed)[0])

    def step(self, action: str) -> WorldStep:
        """Take an action; one outside the space is invalid, and never given to it."""
        if action not in self.env.action_space:
            text = f"the action is not in {self.env.action_space}"
            return WorldStep(text, 0.0, valid=False)
        observation, reward, terminated, truncated, info = self.env.step(action)
        said = [bool(info[key]) for key in SUCCESS_KEYS if key in info]
        solved = said[0] if said else None
        text = self._read(observation)
        return WorldStep(text, float(reward), bool(terminated), bool(truncated), solved)

    def close(self) -> None:
        """Close it."""
        self.env.close()

    def _read(self, observation: object) -> str:
        if not isinstance(observation, str):
            kind = type(observation).__name__
            raise EnvError(f"{self.env_id} shows a {kind}", "a text")
        return observation


def _holds_text(space: gymnasium.Space[Any]) -> bool:
    """Return whether a space is one of texts: Gymnasium's own, or one that draws texts."""
    if isinstance(space, gymnasium.spaces.Text):
        return True
    # A space of someone's own tells by what it draws. Of Gymnasium's, no other draws texts.
    if type(space).__module__.startswith("gymnasium."):
        return False
    return isinstance(space.sample(), str)
