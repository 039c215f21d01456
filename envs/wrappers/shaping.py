"""Reward shaping by a potential, which leaves the best policies what they are."""

import math
from collections.abc import Callable

from gym_reason.envs.base import check_choice
from gym_reason.envs.wrappers.base import Info, StepResult, TextEnv, TextWrapper, step_inner
from gym_reason.errors import EnvError

AT_TRUNCATION = ("keep", "zero")
"""What the potential is where an episode was cut."""


class PotentialShaping(TextWrapper):
    """Adds `gamma * potential(next) - potential(now)` to every reward.

    `gamma` is the environment's own. The potential of a terminal state is 0, so the discounted sum
    over an episode that terminates is minus the potential of its start, whatever was done in it.
    `info["shaping"]` is what was added. Verdicts stay as they are.

    A learner that bootstraps from the value of the state where an episode was cut needs that
    state's potential (`keep`); for one that takes a cut episode's return as it is, that potential
    would be a reward for being cut, and must be `zero`.

    Source: Ng, Harada and Russell, 1999, Theorem 1; for cut episodes Grzes, 2017.
    """

    def __init__(
        self,
        env: TextEnv,
        potential: Callable[[str], float],
        *,
        at_truncation: str = "keep",
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            potential: Tells from an observation how good its state is. What an observation does not
                show it may read from the environment, which is in that state when it is called.
            at_truncation: `keep` or `zero`.

        Raises:
            UsageError: For another value of `at_truncation`.
        """
        super().__init__(env, potential=potential, at_truncation=at_truncation)
        self.at_truncation = check_choice("at_truncation", at_truncation, AT_TRUNCATION)
        self.gamma = float(getattr(env.unwrapped, "gamma", 1.0))
        self._potential = potential
        self._now = 0.0

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Measure the potential of the start."""
        self._now = self._measure(observation)
        return observation, info

    def act(self, action: str) -> StepResult:
        """Take an action and shape its reward."""
        observation, reward, terminated, truncated, info = step_inner(self.env, action)
        over = terminated or (truncated and self.at_truncation == "zero")
        following = 0.0 if over else self._measure(observation)
        shaping = self.gamma * following - self._now
        self._now = following
        return observation, reward + shaping, terminated, truncated, {**info, "shaping": shaping}

    def _measure(self, observation: str) -> float:
        value = float(self._potential(observation))
        if not math.isfinite(value):
            raise EnvError(f"the potential of task {self._task_id} is {value}", "a finite number")
        return value
