"""How likely a model finds answers: their negative log-probability, after a prompt or alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.build import find_unknown_token
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.models import load_model
from gym_reason.agents.weights import count_positions
from gym_reason.errors import ModelError
from gym_reason.trainers.model.batch import TokenBatch, make_batch, plan_micro_batches
from gym_reason.trainers.model.logprobs import last_hidden, score_tokens
from gym_reason.types import Message, TokenTrace

BATCH_TOKENS = 16_384
"""Most padded tokens of a forward pass."""

OnProgress = Callable[[int, int], None]
"""Is told how many rows of how many are done."""


def ignore_progress(done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model that reads examples."""

    model: PreTrainedModel
    """Its weights; in eval mode."""
    tokenizer: PreTrainedTokenizerBase
    """Its tokens."""
    encoder: ChatEncoder
    """Turns messages into tokens."""
    batch_tokens: int = BATCH_TOKENS
    """Most padded tokens of a forward pass."""

    @classmethod
    def load(cls, path: str | Path, *, trained: bool = False) -> Self:
        """Return the scorer of a model directory, a checkpoint or a run.

        One that is to be trained has weights of full precision. Raises ModelError.
        """
        model, tokenizer = load_model(path, dtype="fp32" if trained else "auto")
        return cls(model, tokenizer, ChatEncoder(tokenizer))

    @property
    def pad_id(self) -> int:
        """The token that fills rows up; any will do, since it is masked."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((token for token in known if isinstance(token, int)), 0)

    @property
    def max_tokens(self) -> int | None:
        """Positions of the model; None where it names none."""
        return count_positions(self.model)

    def context_ids(self, prompt: Sequence[Message]) -> tuple[int, ...]:
        """Return the tokens before an answer to `prompt`.

        Without any text to answer that is the token that begins a text, and nothing of the chat
        template: an empty prompt is no prompt.

        Raises ModelError where the tokenizer has no token to begin a text with.
        """
        if any(message.content for message in prompt):
            return self.encoder.encode_prompt(tuple(prompt))
        start = self.tokenizer.bos_token_id
        if not isinstance(start, int):
            start = self.tokenizer.eos_token_id
        if not isinstance(start, int):
            raise ModelError(
                "the tokenizer has neither a token that begins a text nor one that ends it",
                "one, to score an answer alone",
            )
        return (start,)

    def response_ids(self, text: str, *, end: bool = False) -> tuple[int, ...]:
        """Return the tokens of an answer, with the end-of-sequence token where `end` is set."""
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        stop = self.tokenizer.eos_token_id
        return (*ids, stop) if end and isinstance(stop, int) else tuple(ids)

    def find_obstacle(self, context: Sequence[int], response: Sequence[int]) -> tuple[str, str]:
        """Return the reason and the detail why the model cannot read an answer; empty where it can.

        An answer without a token has nothing to learn from, an unknown token hides what it stands
        for, and no model sees past its positions.
        """
        if not response:
            return "empty loss mask", "the answer has no token"
        unknown = find_unknown_token(self.tokenizer)
        if unknown is not None and unknown in (*context, *response):
            return "characters that the tokenizer lacks", ""
        count, limit = len(context) + len(response), self.max_tokens
        if limit is not None and count > limit:
            return "too long for the model", f"{count} tokens, and it has {limit} positions"
        return "", ""

    def sum_nlls(
        self,
        contexts: Sequence[Sequence[int]],
        responses: Sequence[Sequence[int]],
        on_progress: OnProgress = ignore_progress,
    ) -> list[float]:
        """Return the negative log-probability of each response after its context, in nats."""
        traces = [make_trace(c, r) for c, r in zip(contexts, responses, strict=True)]
        results = [math.nan] * len(traces)
        done = 0
        for rows in plan_micro_batches([len(trace.ids) for trace in traces], self.batch_tokens):
            batch = self.batch([traces[row] for row in rows])
            with torch.no_grad():
                logps_NT = score_tokens(self.model, batch.ids_NL, start=batch.start).logps_NT
            sums_N = -(logps_NT.double() * batch.mask_NT).sum(1)
            for row, value in zip(rows, sums_N.tolist(), strict=True):
                results[row] = value
            done += len(rows)
            on_progress(done, len(traces))
        return results

    def mean_hidden(
        self, texts: Sequence[Sequence[int]], on_progress: OnProgress = ignore_progress
    ) -> torch.Tensor:
        """Return the mean of each text's last hidden states, float64 on the CPU, `[N, C]`."""
        results: list[torch.Tensor] = [torch.empty(0)] * len(texts)
        done = 0
        for rows in plan_micro_batches([len(text) for text in texts], self.batch_tokens):
            longest = max(len(texts[row]) for row in rows)
            ids_NL = torch.full((len(rows), longest), self.pad_id)
            mask_NL = torch.zeros(len(rows), longest)
            for place, row in enumerate(rows):
                ids_NL[place, : len(texts[row])] = torch.tensor(texts[row])
                mask_NL[place, : len(texts[row])] = 1.0
            with torch.no_grad():
                hidden_NLC = last_hidden(self.model, ids_NL.to(self.model.device)).cpu().double()
            mean_NC = (hidden_NLC * mask_NL[..., None]).sum(1) / mask_NL.sum(1, keepdim=True)
            for row, mean_C in zip(rows, mean_NC, strict=True):
                results[row] = mean_C
            done += len(rows)
            on_progress(done, len(texts))
        return torch.stack(results)

    def batch(self, traces: Sequence[TokenTrace]) -> TokenBatch:
        """Return token streams as one batch on the model's device."""
        return make_batch(traces, self.pad_id, self.model.device)


def make_trace(context: Sequence[int], response: Sequence[int]) -> TokenTrace:
    """Return a token stream whose mask is true on the response."""
    count = len(context) + len(response)
    mask = (*(False for _ in context), *(True for _ in response))
    return TokenTrace((*context, *response), mask, (0.0,) * count, (0,) * count)
