"""Noisy feedback: what the environment says is sometimes withheld, garbled or out of date."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gym_reason.envs.base import check_choice
from gym_reason.envs.wrappers.base import (
    Info,
    StepResult,
    TextEnv,
    TextWrapper,
    join_texts,
    step_inner,
    text_length,
)
from gym_reason.errors import UsageError
from gym_reason.seeding import derive_rng

KINDS = ("drop", "garble", "stale")
"""Feedback withheld; with letters and digits replaced; in place of it that of an earlier turn."""

GARBLED_SHARE = 0.3
"""Share of the letters and digits that `garble` replaces."""

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_DIGITS = np.array(list("0123456789"))


class NoisyFeedback(TextWrapper):
    """Spoils the feedback of a turn with some probability; rewards and verdicts stay true.

    The draws depend on the seed of `reset` alone. `info["noise"]` is what was done to the feedback
    (empty where nothing was) and `info["feedback"]` what it was before.
    """

    def __init__(
        self, env: TextEnv, *, probability: float = 0.1, kinds: Sequence[str] = KINDS
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            probability: How often feedback is spoilt, from 0 to 1.
            kinds: The kinds of noise, one of which is drawn.

        Raises:
            UsageError: For a value out of range.
        """
        super().__init__(env, probability=probability, kinds=kinds)
        if not 0.0 <= probability <= 1.0:
            raise UsageError(f"probability = {probability}", "a number from 0 to 1")
        if isinstance(kinds, str) or not kinds:
            raise UsageError(f"kinds = {kinds!r}", f"some of {', '.join(KINDS)}")
        self.kinds = tuple(check_choice("kinds", kind, KINDS) for kind in kinds)
        self.probability = probability
        self._rng: np.random.Generator | None = None
        self._earlier: list[str] = []

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start the draws of an episode."""
        if seed is not None:
            self._rng = derive_rng(seed, "noisy feedback")
        self._earlier = []
        return observation, {**info, "noise": "", "feedback": ""}

    def act(self, action: str) -> StepResult:
        """Take an action, and spoil what is said to it."""
        observation, reward, terminated, truncated, info = step_inner(self.env, action)
        messages = info["messages"]
        feedback = join_texts(*(message.content for message in messages))
        noise, noisy = self._spoil(feedback)
        info = {**info, "noise": noise, "feedback": feedback}
        if noise:
            said = (dataclasses.replace(messages[-1], content=noisy),) if noisy else ()
            info["messages"] = said
            observation = self._replace(observation, feedback, noisy)
        return observation, reward, terminated, truncated, info

    def _spoil(self, feedback: str) -> tuple[str, str]:
        """Return the kind of noise, empty for none, and what is left of the feedback."""
        rng = self._rng = self._rng or np.random.default_rng()
        # As many draws whatever was said: one turn's feedback does not decide the next one's noise.
        spoilt, choice, other = rng.random(), int(rng.random() * len(self.kinds)), rng.random()
        earlier = [text for text in self._earlier if text != feedback]
        if not feedback:
            return "", feedback
        self._earlier.append(feedback)
        if spoilt >= self.probability:
            return "", feedback
        kind = self.kinds[choice]
        if kind == "garble":
            noisy = _garble(feedback, np.random.default_rng(int(other * 2**53)))
            return (kind, noisy) if noisy != feedback else ("", feedback)
        if kind == "stale":
            return (kind, earlier[int(other * len(earlier))]) if earlier else ("", feedback)
        return kind, ""

    def _replace(self, observation: str, feedback: str, noisy: str) -> str:
        """Return an observation with the last place of the feedback changed."""
        before, found, after = observation.rpartition(feedback)
        changed = before + noisy + after if found else observation
        return changed[: text_length(self.observation_space)]


def _garble(text: str, rng: np.random.Generator) -> str:
    """Return a text in which some letters and digits are others."""
    hits = rng.random(len(text)) < GARBLED_SHARE
    places = rng.random(len(text))
    characters = list(text)
    for index in np.flatnonzero(hits):
        old = characters[index]
        if old.isalnum():
            new = _DIGITS if old.isdigit() else _LETTERS
            characters[index] = str(new[int(places[index] * len(new))])
    return "".join(characters)
