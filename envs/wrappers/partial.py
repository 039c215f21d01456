"""Actions that are parts of a text: the wrapped environment sees the text once it is whole."""

from gym_reason.envs.base import check_integer
from gym_reason.envs.wrappers.base import Info, StepResult, TextEnv, TextWrapper, step_inner
from gym_reason.envs.wrappers.base import text_length as length_of
from gym_reason.spaces import Utf8Text


class PartialActions(TextWrapper):
    """Gathers parts of a text and hands it on when it is whole.

    Until then the observation is what the environment last showed, followed by the text so far, the
    reward is 0 and there is no verdict. A text is handed on early where it has as many parts as it
    may have, or is none that the environment takes.
    """

    separator = ""
    """What stands between the observation and the text so far."""

    def __init__(self, env: TextEnv, most_parts: int, **arguments: object) -> None:
        """Wrap `env`, of whose actions each has at most `most_parts` parts."""
        super().__init__(env, **arguments)
        self._most_parts = check_integer("the most parts of a text", most_parts, 1, 10**9)
        shown, text = length_of(env.observation_space), length_of(env.action_space)
        self.observation_space = Utf8Text(shown + len(self.separator) + text)
        self._shown = ""
        self._parts = 0

    def add_part(self, action: str) -> bool:
        """Add a part to the text; return whether that is its last."""
        raise NotImplementedError

    def clear_text(self) -> None:
        """Start a new text."""
        raise NotImplementedError

    def text(self) -> str:
        """Return the text so far."""
        raise NotImplementedError

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start with an empty text."""
        self._shown, self._parts = observation, 0
        self.clear_text()
        return observation, info

    def act(self, action: str) -> StepResult:
        """Add a part; hand the text on where it is whole."""
        whole = self.add_part(action)
        self._parts += 1
        text = self.text()
        if not whole and self._parts < self._most_parts and text in self.env.action_space:
            return self._shown + self.separator + text, 0.0, False, False, self.no_verdict()
        result = step_inner(self.env, text)
        self._shown, self._parts = result[0], 0
        self.clear_text()
        return result
