"""A policy that says given words in turn, and keeps every prompt that it was shown."""

import dataclasses
from collections.abc import Sequence

from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.types import Completion


class ReplayPolicy:
    """Says its lines, whatever it is asked; the last one again when they run out."""

    version = 0

    def __init__(self, *lines: str) -> None:
        self.tokenizer = build_character_tokenizer("".join(map(chr, range(32, 127))) + "\n")
        self._lines = list(lines)
        self.prompts: list[str] = []
        self.params: list[SamplingParams] = []

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the next line, as the tokens of its characters."""
        text = self.tokenizer.decode(list(prompt_ids))
        assert isinstance(text, str)
        self.prompts.append(text)
        self.params.append(dataclasses.replace(params))
        line = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
        ids = self.tokenizer.encode(line, add_special_tokens=False)[: params.max_tokens]
        said = self.tokenizer.decode(ids)
        assert isinstance(said, str)
        return Completion(tuple(ids), (-0.5,) * len(ids), said, "stop")
