"""A curriculum: the difficulty of the next episode follows the success of those before it."""

from typing import Any

import gymnasium
import numpy as np

from gym_reason.envs.curriculum import Curriculum
from gym_reason.envs.wrappers.base import Info, StepResult, TextEnv, TextWrapper, step_inner
from gym_reason.errors import UsageError
from gym_reason.seeding import derive_rng
from gym_reason.types import Outcome, Verdict


class CurriculumWrapper(TextWrapper):
    """Plays each episode in the environment of the level that a `Curriculum` draws.

    Every level is the wrapped environment made anew, with the level's arguments. An episode counts
    for its level where the curriculum drew it and it got a verdict: one whose task was given to
    `reset`, or that was never finished or could not be scored, does not. `info["level"]` is the
    index of the level. The same seed gives the same task as long as the curriculum has not moved.
    """

    def __init__(self, env: TextEnv, curriculum: Curriculum) -> None:
        """Make an environment for each level.

        Args:
            env: An environment that `make` made, so that it can be made with other arguments.
            curriculum: The levels and when to move; its `state` is what to save.

        Raises:
            UsageError: Where an environment cannot be made again, or one level's spaces are not
                those of the others.
        """
        super().__init__(env, curriculum=curriculum)
        self.curriculum = curriculum
        self._given = env
        self._levels = [_make_level(env, level) for level in curriculum.levels]
        for index, made in enumerate(self._levels):
            spaces = (made.observation_space, made.action_space)
            if spaces != (env.observation_space, env.action_space):
                raise UsageError(
                    f"level {index} with the spaces {spaces[0]} and {spaces[1]}",
                    f"{env.observation_space} and {env.action_space} on every level",
                )
        self._rng: np.random.Generator | None = None
        self._level = 0
        self._counts = False
        self._verdict: Verdict | None = None
        self.env = self._levels[curriculum.level]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, Info]:
        """Start an episode at a level that is drawn; at the current one where a task is given."""
        if seed is not None:
            self._rng = derive_rng(seed, "curriculum")
        rng = self._rng = self._rng or np.random.default_rng()
        self._counts = options is None or options.get("task") is None
        self._verdict = None
        drawn = self.curriculum.draw_level(rng)
        self._level = drawn if self._counts else self.curriculum.level
        self.env = self._levels[self._level]
        # One stream of draws for all levels: an environment's own would depend on when it was used.
        inner_seed = int(rng.integers(2**31)) if seed is None else seed
        observation, info = super().reset(seed=inner_seed, options=options)
        return observation, {**info, "level": self._level}

    def act(self, action: str) -> StepResult:
        """Take an action; an episode that ends is counted."""
        observation, reward, terminated, truncated, info = step_inner(self.env, action)
        self._verdict = info["verdict"] or self._verdict
        if terminated or truncated:
            self._count()
        return observation, reward, terminated, truncated, {**info, "level": self._level}

    def _count(self) -> None:
        verdict = self._verdict
        if self._counts and verdict is not None and verdict.outcome is not Outcome.UNSCORABLE:
            self.curriculum.record(self._level, verdict.correct)

    def close(self) -> None:
        """Close the environments of all levels."""
        for env in (*self._levels, self._given):
            env.close()


def _make_level(env: TextEnv, level: dict[str, object]) -> TextEnv:
    spec = env.spec
    if spec is None:
        raise UsageError(
            f"{env}, which has no spec", "an environment that can be made again", "use make()"
        )
    arguments: dict[str, Any] = level
    try:
        return gymnasium.make(spec, disable_env_checker=True, **arguments)
    # Gymnasium raises ValueError for a wrapper that does not say how it was made.
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the level {level} of {spec.id}: {error}", "arguments that the environment takes"
        ) from error
