"""A model that is asked for its opinion of answers, and answers by its log-probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gym_reason.agents.build import find_unknown_token
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.reward_models.rows import RowEncoder
from gym_reason.errors import ModelError, UsageError
from gym_reason.trainers.model.batch import plan_micro_batches
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.rlaif.prompts import Prompts
from gym_reason.types import Message

PLACES = ("1", "2")
NUMBERS = tuple(str(number) for number in range(1, 11))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one request."""

    prompt: tuple[Message, ...]
    """The request."""
    first: str
    """One answer."""
    second: str
    """The other."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What a labelling model says of a pair, asked in both orders."""

    shown_first: float
    """The chance that the first is better, as said where it stood in place 1."""
    shown_second: float
    """The same, as said where it stood in place 2."""
    reasons: tuple[str, ...] = ()
    """Its comparison in each order, where it was asked for one."""

    @property
    def chance(self) -> float:
        """The chance that the first is better: the mean over both orders."""
        return (self.shown_first + self.shown_second) / 2.0

    @property
    def place_one(self) -> float:
        """The chance given to whatever stood in place 1: 1/2 where the place does not matter."""
        return (self.shown_first + 1.0 - self.shown_second) / 2.0

    @property
    def same_place(self) -> bool:
        """Whether the model prefers one place in both orders: its opinion is of the place."""
        return (self.shown_first > 0.5) != (self.shown_second > 0.5)


@dataclass(frozen=True, slots=True)
class Rating:
    """What a labelling model says of one answer."""

    expected: float
    """The mean of the numbers 1 to 10 under its probabilities."""

    @property
    def score(self) -> float:
        """The same on a scale from -1 to 1."""
        return (self.expected - 5.5) / 4.5


class Labeller:
    """Labels answers by what a policy would say of them; the policy is not changed.

    Source: RLAIF and d-RLAIF, arXiv 2309.00267.
    """

    def __init__(
        self,
        engine: LocalEngine,
        encoder: ChatEncoder,
        prompts: Prompts,
        *,
        reason_tokens: int = 0,
        batch_tokens: int = 16384,
    ) -> None:
        """Keep the policy's engine and the texts that it is asked with.

        Args:
            engine: Holds the weights and the tokenizer; writes the comparisons.
            encoder: Turns messages into tokens.
            prompts: The texts.
            reason_tokens: Most tokens of a comparison before a preference; 0 asks for none.
            batch_tokens: Most tokens of a forward pass, padding included.
        """
        self._engine, self._encoder, self._prompts = engine, encoder, prompts
        self._reason_tokens, self._batch_tokens = reason_tokens, batch_tokens
        self._unknown = find_unknown_token(engine.tokenizer)
        tokenizer: Any = engine.tokenizer
        self._rows = RowEncoder(tokenizer, 1 << 20)

    def prefer(self, pairs: Sequence[Pair]) -> list[Preference]:
        """Return a preference for each pair. Raises ModelError, and UsageError for long ones."""
        swapped = [Pair(pair.prompt, pair.second, pair.first) for pair in pairs]
        asked = [*pairs, *swapped]
        conversations, reasons = self._ask(asked)
        chances = self._option_chances(conversations, PLACES)[:, 0].tolist()
        count = len(pairs)
        return [
            Preference(
                chances[index],
                1.0 - chances[count + index],
                (reasons[index], reasons[count + index]) if reasons else (),
            )
            for index in range(count)
        ]

    def rate(self, answers: Sequence[tuple[tuple[Message, ...], str]]) -> list[Rating]:
        """Return a rating for each prompt and answer. Raises ModelError, and UsageError."""
        conversations = [
            (
                Message(
                    "user",
                    self._prompts.fill(
                        "rating", prompt=self._write(prompt), response=self._plain(text)
                    ),
                ),
            )
            for prompt, text in answers
        ]
        chances_NK = self._option_chances(conversations, NUMBERS)
        values_K = torch.arange(1, len(NUMBERS) + 1, dtype=chances_NK.dtype)
        return [Rating(float(value)) for value in chances_NK @ values_K]

    def _ask(self, pairs: Sequence[Pair]) -> tuple[list[tuple[Message, ...]], list[str]]:
        """Return the conversations whose next word is the place, and the comparisons in them."""
        kind = "reasons" if self._reason_tokens else "pair"
        conversations: list[tuple[Message, ...]] = []
        for pair in pairs:
            text = self._prompts.fill(
                kind,
                prompt=self._write(pair.prompt),
                first=self._plain(pair.first),
                second=self._plain(pair.second),
            )
            conversations.append((Message("user", text),))
        if not self._reason_tokens:
            return conversations, []
        prompts = [self._encode(conversation) for conversation in conversations]
        params = SamplingParams(max_tokens=self._reason_tokens, temperature=0.0)
        said = [completion.text for completion in self._engine.generate(prompts, params)]
        verdict = Message("user", self._prompts.verdict)
        return [
            (*conversation, Message("assistant", text), verdict)
            for conversation, text in zip(conversations, said, strict=True)
        ], said

    def _plain(self, text: str) -> str:
        """Return a text in which no special token is written out: it must not end a turn."""
        return self._rows.neutralise(text)

    def _write(self, prompt: Sequence[Message]) -> str:
        if len(prompt) == 1:
            return self._plain(prompt[0].content)
        return "\n".join(f"{message.role}: {self._plain(message.content)}" for message in prompt)

    def _encode(self, conversation: tuple[Message, ...]) -> tuple[int, ...]:
        ids = self._encoder.encode_prompt(conversation)
        if self._unknown is not None and self._unknown in ids:
            raise ModelError(
                "the policy's tokenizer lacks characters of the question that it is asked",
                "a policy that reads it",
                "give prompts of your own with --prompts",
            )
        limit = self._engine.max_positions
        if limit is not None and len(ids) + self._reason_tokens + 2 > limit:
            raise UsageError(
                f"a question of {len(ids)} tokens to a policy of {limit} positions",
                "shorter answers",
            )
        return ids

    def _option_chances(
        self, conversations: Sequence[tuple[Message, ...]], options: Sequence[str]
    ) -> torch.Tensor:
        """Return `chances_NK` of the next words being each option, among the options, float64."""
        tokenizer: Any = self._engine.tokenizer
        endings = [tuple(tokenizer.encode(text, add_special_tokens=False)) for text in options]
        if any(not ids or self._unknown in ids for ids in endings):
            raise ModelError(f"the policy's tokenizer cannot write {', '.join(options)}")
        prompts = [self._encode(conversation) for conversation in conversations]
        logps_NK = option_logps(self._engine.model, prompts, endings, self._batch_tokens)
        return torch.softmax(without_longer(logps_NK, endings), -1)


@torch.no_grad()
def option_logps(
    model: Any,
    prompts: Sequence[Sequence[int]],
    endings: Sequence[Sequence[int]],
    batch_tokens: int,
) -> torch.Tensor:
    """Return `logps_NK`, the log-probability of each ending after each prompt, float64."""
    rows = [(*prompt, *ending) for prompt in prompts for ending in endings]
    found = torch.zeros(len(rows), dtype=torch.float64)
    for part in plan_micro_batches([len(row) for row in rows], batch_tokens):
        width = max(len(rows[row]) for row in part)
        ids_NL = torch.zeros(len(part), width, dtype=torch.long)
        mask_NT = torch.zeros(len(part), width - 1, dtype=torch.float64)
        for place, row in enumerate(part):
            size = len(rows[row])
            ids_NL[place, :size] = torch.tensor(rows[row])
            mask_NT[place, size - 1 - len(endings[row % len(endings)]) : size - 1] = 1.0
        start = int(mask_NT.any(0).to(torch.uint8).argmax())
        logps_NT = score_tokens(model, ids_NL.to(model.device), start=start).logps_NT
        found[torch.tensor(part)] = (logps_NT.double().cpu() * mask_NT).sum(1)
    return found.view(len(prompts), len(endings))


def without_longer(logps_NK: torch.Tensor, endings: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return log-probabilities of each ending and of no longer one that begins with it.

    Where `10` is written as `1` and `0`, the chance of `1` holds that of `10`.
    """
    chances_NK = logps_NK.exp()
    result_NK = chances_NK.clone()
    for short, ending in enumerate(endings):
        for long, other in enumerate(endings):
            if len(other) > len(ending) and tuple(other[: len(ending)]) == tuple(ending):
                result_NK[:, short] -= chances_NK[:, long]
    return result_NK.clamp(min=torch.finfo(torch.float64).tiny).log()
