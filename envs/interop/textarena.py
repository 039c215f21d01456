"""The single-player games of the package `textarena`."""

import contextlib
import io
import random
import threading
from collections.abc import Iterator
from typing import Any

from gym_reason.envs.interop.packages import require_package
from gym_reason.envs.interop.worlds import WorldEnv, WorldStep
from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

_RAW = "-raw"
"""Ends the name of a game without textarena's own wrappers."""

_drawing = threading.RLock()
"""Held while a game draws from Python's global generator."""


class TextArena(WorldEnv):
    """Play a single-player game of textarena.

    A move is put in square brackets unless it has some, as textarena's own wrapper does. The world
    shows what is new after a move, not the whole game again. The only reward is the one at the end,
    textarena's own, which is negative for some losses; a game is solved where it reaches
    `solved_at`.
    """

    def __init__(
        self,
        *,
        game: str = "FrozenLake-v0",
        system: str = "",
        solved_at: float = 1.0,
        split: str = "train",
        max_turns: int = 100,
        gamma: float = 1.0,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        """Make the environment.

        Args:
            game: Name of the game with its version.
            system: System message before every prompt; empty for none.
            solved_at: Reward from which on a game counts as solved.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.
            settings: Settings of the game.

        Raises:
            UsageError: Without the package, for an unknown game, one for several players, or one
                that cannot be made here.
        """
        super().__init__(
            Game(game, settings),
            game,
            lambda: Game(game, settings),
            system=system,
            solved_at=solved_at,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )


class Game:
    """A game of textarena for one player.

    textarena draws from Python's global generator. Each game gets a state of that of its own, so
    that games side by side, and the program around them, do not change each other's draws.
    """

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        """Make the game. Raises UsageError."""
        package = require_package("textarena", "textarena", "textarena")
        known = package.envs.registration.ENV_REGISTRY
        self._names = package.core.ObservationType
        if name not in known:
            raise UsageError(*explain_unknown("game of textarena", name, sorted(known)))
        raw = name + _RAW if name + _RAW in known else name
        self._random = random.Random(0).getstate()
        with self._own_random():
            try:
                game = package.make(raw, **settings)
                game.reset(num_players=1, seed=0)
            except Exception as error:  # A game is anybody's code; several need data or a key.
                reason = f"{type(error).__name__}: {error}"
                raise UsageError(
                    f"the game {name} cannot be made here: {reason:.200}",
                    "a game for one player that needs no network",
                ) from error
        self._game = package.wrappers.ActionFormattingWrapper(game)

    def reset(self, seed: int) -> str:
        """Start a game of a seed."""
        self._random = random.Random(seed).getstate()
        with self._own_random():
            self._game.reset(num_players=1, seed=seed)
            return self._read_news()

    def step(self, action: str) -> WorldStep:
        """Make a move."""
        with self._own_random():
            done, _ = self._game.step(action)
            news = self._read_news()
            if not done:
                return WorldStep(news, 0.0)
            rewards, facts = self._game.close()
        paid = (rewards or {}).get(0, 0.0)
        reason = facts.get(0, {}).get("reason") or ""
        reward = 0.0
        if isinstance(paid, int | float):
            reward = float(paid)
        else:  # Some games of 0.7.4 give the words where the reward belongs.
            reason = str(paid)
        return WorldStep(f"{news}\n{reason}".strip(), reward, terminated=True)

    def close(self) -> None:
        """Do nothing: a game holds nothing."""

    def _read_news(self) -> str:
        _, news = self._game.get_observation()
        if isinstance(news, str):
            return news
        own = self._names.PLAYER_ACTION
        return "\n".join(str(text) for _, text, kind in news if kind is not own)

    @contextlib.contextmanager
    def _own_random(self) -> Iterator[None]:
        with _drawing, contextlib.redirect_stdout(io.StringIO()):  # Some games print.
            outside = random.getstate()
            random.setstate(self._random)
            try:
                yield
            finally:
                self._random = random.getstate()
                random.setstate(outside)
