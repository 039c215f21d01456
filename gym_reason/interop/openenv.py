"""Our environments behind an OpenEnv server.

Source: `Environment` and `create_fastapi_app` of the package `openenv-core` 0.3.
"""

import uuid
from typing import Any

from gym_reason.envs.interop.packages import require_package
from gym_reason.interop.episodes import Episode


def make_openenv_app(env_id: str, max_sessions: int = 32, **arguments: Any) -> Any:
    """Return a FastAPI application that serves an environment: one session, one environment.

    An action is `{"text": ...}`. An observation has `text`, `task_id` and `outcome` (empty before
    the end). Serve it with `uvicorn`.

    Args:
        env_id: A registered id.
        max_sessions: Most sessions at once.
        arguments: Arguments of the environment.
    """
    server = require_package("openenv.core.env_server", "openenv-core", "openenv")
    Episode(env_id, arguments).env.close()  # Told now what is wrong, and not to the first client.
    action, observation, environment = _make_classes(server, env_id, arguments)
    return server.create_fastapi_app(
        environment, action, observation, max_concurrent_envs=max_sessions
    )


def _make_classes(server: Any, env_id: str, arguments: dict[str, Any]) -> tuple[Any, Any, Any]:
    class TextAction(server.Action):  # type: ignore[misc]
        """What the agent does."""

        text: str

    class TextObservation(server.Observation):  # type: ignore[misc]
        """What the environment shows."""

        text: str
        task_id: str
        outcome: str

    class ServedEnvironment(server.Environment):  # type: ignore[misc]
        """An environment of gym_reason."""

        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self) -> None:
            super().__init__()
            self._episode = Episode(env_id, arguments)
            self._state = server.State(episode_id=uuid.uuid4().hex, step_count=0)

        def reset(
            self, seed: int | None = None, episode_id: str | None = None, **options: Any
        ) -> Any:
            """Start an episode of a seed."""
            del options
            shown = self._episode.start(seed=seed)
            name = episode_id or uuid.uuid4().hex
            self._state = server.State(episode_id=name, step_count=0)
            return self._observe(shown, None)

        def step(self, action: Any, timeout_s: float | None = None, **options: Any) -> Any:
            """Take an action."""
            del timeout_s, options
            before = self._episode.total
            shown = self._episode.act(action.text)
            self._state.step_count += 1
            reward = None if self._episode.unscorable else self._episode.total - before
            return self._observe(shown, reward)

        @property
        def state(self) -> Any:
            """How far the episode is."""
            return self._state

        def close(self) -> None:
            """Close the environment."""
            self._episode.env.close()

        def _observe(self, shown: str, reward: float | None) -> Any:
            own = self._episode
            return TextObservation(
                text=shown,
                task_id=own.env.task.id,
                outcome=own.outcome,
                done=own.over,
                reward=reward,
            )

    return TextAction, TextObservation, ServedEnvironment
