"""The mobile environments as `dm_env` has them. Needs `pip install dm-env`."""

from typing import Any

import dm_env
import numpy as np
from dm_env import specs

from gym_reason.envs.mobile.screen_env import MobileScreen
from gym_reason.seeding import derive_seed


class MobileDmEnv(dm_env.Environment):  # type: ignore[misc]
    """A `MobileScreen` with timesteps: an action is a text, an observation a dict of arrays.

    An episode that is cut off ends with a discount of 1, one that the agent ends with 0.
    """

    def __init__(self, env: MobileScreen | None = None, seed: int = 0) -> None:
        """Wrap an environment; the default one if none is given. Episode `i` has `(seed, i)`."""
        self._env = MobileScreen() if env is None else env
        self._seed = seed
        self._episodes = 0
        self._over = True

    def reset(self) -> dm_env.TimeStep:
        """Start the next episode."""
        seed = derive_seed(self._seed, "dm", self._episodes)
        self._episodes += 1
        self._over = False
        observation, _ = self._env.reset(seed=seed)
        return dm_env.restart(_to_arrays(observation))

    def step(self, action: Any) -> dm_env.TimeStep:
        """Take an action; after the end of an episode, start the next one."""
        if self._over:
            return self.reset()
        shown, reward, terminated, truncated, _ = self._env.step(str(action))
        observation = _to_arrays(shown)
        self._over = terminated or truncated
        if terminated:
            return dm_env.termination(reward, observation)
        if truncated:
            return dm_env.truncation(reward, observation)
        return dm_env.transition(reward, observation)

    def observation_spec(  # pyright: ignore[reportIncompatibleMethodOverride] - dm_env has no types
        self,
    ) -> dict[str, specs.Array]:
        """Return what observations are."""
        space: Any = self._env.observation_space
        screenshot = space["screenshot"]
        return {
            "goal": specs.StringArray((), name="goal"),
            "elements": specs.StringArray((), name="elements"),
            "screenshot": specs.BoundedArray(
                screenshot.shape, screenshot.dtype, 0, 255, name="screenshot"
            ),
            "clock": specs.Array((), np.int64, name="clock"),
        }

    def action_spec(  # pyright: ignore[reportIncompatibleMethodOverride] - dm_env has no types
        self,
    ) -> specs.StringArray:
        """Return what an action is: one text."""
        return specs.StringArray((), name="action")

    def close(self) -> None:
        """Close the environment."""
        self._env.close()


def _to_arrays(observation: Any) -> dict[str, Any]:
    texts = {name: np.array(observation[name], dtype=object) for name in ("goal", "elements")}
    return {**observation, **texts}
