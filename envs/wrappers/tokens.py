"""Token-level granularity: an action is one token."""

import operator
from collections.abc import Callable, Collection, Sequence
from typing import SupportsIndex

from gymnasium.spaces import Discrete

from gym_reason.envs.wrappers.base import TextEnv
from gym_reason.envs.wrappers.partial import PartialActions
from gym_reason.errors import UsageError


class TokenActions(PartialActions):
    r"""Makes an action one token; the text goes on to the environment at a stop token.

    Without a vocabulary an action is the token's text. With one it is its id, and the action space
    is `Discrete`. A token is a stop token where it is equal to one: `"\n"` does not stop at
    `".\n"`, which is a token of its own.
    """

    def __init__(
        self,
        env: TextEnv,
        *,
        stop: Collection[str] = ("\n",),
        vocabulary: Sequence[str] | None = None,
        decode: Callable[[list[int]], str] | None = None,
        max_tokens: int = 4_096,
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            stop: The tokens that end a text, of which they are no part.
            vocabulary: The token of every id; None for actions that are texts.
            decode: Makes a text of ids, as a tokenizer does whose tokens are not the characters
                that they stand for; None to join the tokens.
            max_tokens: Tokens after which a text goes on without a stop token.

        Raises:
            UsageError: Where there is no stop token, or it is not in the vocabulary.
        """
        super().__init__(
            env,
            max_tokens,
            stop=stop,
            vocabulary=vocabulary,
            decode=decode,
            max_tokens=max_tokens,
        )
        self.stop = frozenset([stop] if isinstance(stop, str) else stop)
        if not self.stop:
            raise UsageError("no stop token", "at least one")
        self.vocabulary = None if vocabulary is None else tuple(vocabulary)
        if self.vocabulary is not None:
            for token in sorted(self.stop.difference(self.vocabulary)):
                raise UsageError(f"the stop token {token!r}", "a token of the vocabulary")
            self.action_space = Discrete(len(self.vocabulary))  # type: ignore[assignment]
        elif decode is not None:
            raise UsageError("decode without a vocabulary", "both, or neither")
        self._decode = decode
        self._ids: list[int] = []
        self._pieces: list[str] = []

    def check_action(self, action: object) -> None:
        """Raise UsageError for what is no text, or no id of the vocabulary."""
        if self.vocabulary is None:
            super().check_action(action)
        elif isinstance(action, bool) or not isinstance(action, SupportsIndex):
            raise UsageError(f"an action of type {type(action).__name__}", "the id of a token")
        elif not 0 <= operator.index(action) < len(self.vocabulary):
            raise UsageError(f"token {action}", f"an id from 0 to {len(self.vocabulary) - 1}")

    def add_part(self, action: str | int) -> bool:
        """Add a token, unless it is a stop token."""
        token = action if isinstance(action, str) else self._token_of(action)
        if token in self.stop:
            return True
        self._pieces.append(token)
        return False

    def clear_text(self) -> None:
        """Forget the tokens."""
        self._ids.clear()
        self._pieces.clear()

    def text(self) -> str:
        """Return the tokens as text."""
        return "".join(self._pieces) if self._decode is None else self._decode(list(self._ids))

    def _token_of(self, action: int) -> str:
        assert self.vocabulary is not None
        token = self.vocabulary[action]
        if token not in self.stop:
            self._ids.append(operator.index(action))
        return token
