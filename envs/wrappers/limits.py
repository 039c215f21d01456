"""Limits on the seconds and the turns of an episode."""

import time
from collections.abc import Callable

from gym_reason.envs.base import check_integer
from gym_reason.envs.wrappers.base import Info, StepResult, TextEnv, TextWrapper, step_inner
from gym_reason.errors import UsageError


class TimeLimit(TextWrapper):
    """Truncates an episode that lasts too long; it never terminates one.

    The action that comes when the time is over is still taken. `info["time_limit"]` of the step
    that cuts an episode is `seconds` or `turns`; an episode that ended by itself is left as it is.
    """

    def __init__(
        self,
        env: TextEnv,
        *,
        seconds: float | None = None,
        turns: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            seconds: Wall-clock limit from the end of `reset`, the agent's own time included.
            turns: Most actions.
            clock: Returns a number of seconds that never falls.

        Raises:
            UsageError: Where there is no limit, or one that is not positive.
        """
        super().__init__(env, seconds=seconds, turns=turns, clock=clock)
        if seconds is None and turns is None:
            raise UsageError("no limit", "seconds, turns or both")
        if seconds is not None and not seconds > 0:
            raise UsageError(f"seconds = {seconds}", "a positive number")
        if turns is not None:
            check_integer("turns", turns, 1, 10**9)
        self.seconds = seconds
        self.turns = turns
        self._clock = clock
        self._start_s = 0.0
        self._taken = 0

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start the clock."""
        self._start_s, self._taken = self._clock(), 0
        return observation, info

    def act(self, action: str) -> StepResult:
        """Take an action, and cut the episode where a limit is reached."""
        observation, reward, terminated, truncated, info = step_inner(self.env, action)
        self._taken += 1
        limit = self._reached()
        if limit and not (terminated or truncated):
            return observation, reward, False, True, {**info, "time_limit": limit}
        return observation, reward, terminated, truncated, info

    def _reached(self) -> str:
        if self.turns is not None and self._taken >= self.turns:
            return "turns"
        if self.seconds is not None and self._clock() - self._start_s >= self.seconds:
            return "seconds"
        return ""
