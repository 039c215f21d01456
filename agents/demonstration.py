"""Known actions, said as if a policy had emitted them, to train on their tokens."""

from collections.abc import Sequence

from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.policy import SamplingParams, Tokenizer
from gym_reason.errors import ModelError, RunError
from gym_reason.types import Completion


class DemonstrationPolicy:
    """Says a list of texts in turn, each with an end-of-sequence token at its end."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer) -> None:
        """Keep the texts and what turns them into tokens.

        Raises ModelError for a tokenizer without an end-of-sequence token: the policy could never
        learn to stop.
        """
        end = getattr(tokenizer, "eos_token_id", None)
        if end is None:
            raise ModelError("the tokenizer has no end-of-sequence token", "one, to learn to stop")
        self._texts = list(texts)
        self._tokenizer = tokenizer
        self._end: int = end

    @property
    def version(self) -> int:
        """It never changes."""
        return 0

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the next text. Raises RunError where more is asked for than was demonstrated."""
        del prompt_ids, params
        if not self._texts:
            raise RunError("an agent asks for more than is demonstrated", "an answer for each call")
        text = self._texts.pop(0)
        ids = (*self._tokenizer.encode(text, add_special_tokens=False), self._end)
        return Completion(ids, (0.0,) * len(ids), text, "stop")


class DemonstrationAgent(AnswerAgent):
    """Plays a list of actions, one a turn."""

    def __init__(self, actions: Sequence[str], tokenizer: Tokenizer) -> None:
        """Keep the actions. Raises ModelError for a tokenizer without an end-of-sequence token."""
        super().__init__(DemonstrationPolicy(actions, tokenizer), SamplingParams())
