"""The canary: a prompt that both sides score after each sync; a stale weight does not go unseen.

It stands for any engine whose weights are not those of the model in training.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from gym_reason.agents.engines.vllm.orders import Order
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from gym_reason.types import Completion

PROMPT_TOKENS = 8
NEW_TOKENS = 16
REMEDY = "try another vllm.sync, or raise vllm.canary_limit where the types differ"
"""What to do where vLLM got all weights."""
LIMITS = {torch.float32: 0.002, torch.bfloat16: 0.15, torch.float16: 0.05}
"""Largest mean gap by the type of matrix products, in nats a token: what rounding may do."""


class Canary:
    """Has the other side go on with a fixed prompt, and asks the model how likely that is.

    That tells of weights that did not arrive, and of log-probabilities of another temperature than
    the trainer's.
    """

    def __init__(
        self,
        vocab_size: int,
        positions: int | None,
        *,
        temperature: float,
        dtype: torch.dtype,
        limit: float,
        other: str = "vLLM",
        remedy: str = REMEDY,
    ) -> None:
        """Choose the prompt.

        Args:
            vocab_size: The prompt's tokens are drawn from these.
            positions: Most tokens of a prompt and its completion; None for no limit.
            temperature: Of the trainer's log-probabilities.
            dtype: Of the trainer's matrix products.
            limit: Most nats a token, on average.
            other: What messages call the other side.
            remedy: What to do where it differs.
        """
        room = PROMPT_TOKENS + NEW_TOKENS if positions is None else positions
        asked = min(PROMPT_TOKENS, max(room // 2, 1))
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randint(vocab_size, (asked,), generator=generator).tolist()
        self._prompt: tuple[int, ...] = tuple(drawn)
        self._tokens = max(min(NEW_TOKENS, room - asked), 1)
        self._temperature = temperature
        self._dtype = dtype
        self.limit = limit
        self._other = other
        self._remedy = remedy

    def order(self, seed: int) -> Order:
        """Return what the other side is to go on with."""
        params = SamplingParams(self._tokens, self._temperature, seed=seed)
        # No stop: the longer the completion, the more is compared.
        return Order(self._prompt, params, self._tokens, ())

    def check(
        self,
        model: Any,
        sample: Callable[[Sequence[Order]], Sequence[Completion]],
        version: int,
    ) -> float:
        """Return the gap of the two in nats a token. Raises RunError where it is too large."""
        (said,) = sample([self.order(version)])
        return self.judge(model, said, version)

    def judge(self, model: Any, said: Completion, version: int) -> float:
        """Return the gap on what the other side said, as `check` does. Raises RunError."""
        expected = self._score(model, said.token_ids)
        gap = sum(abs(a - b) for a, b in zip(said.logprobs, expected, strict=True)) / len(expected)
        if not gap <= self.limit:
            raise RunError(
                f"{self._other} and the model differ by {gap:.3g} nats a token on the canary "
                f"prompt after the sync of version {version}",
                f"at most {self.limit:g}",
                f"the weights arrived wrong: {self._remedy}",
            )
        return gap

    @torch.inference_mode()
    def _score(self, model: Any, token_ids: Sequence[int]) -> list[float]:
        ids = torch.tensor([[*self._prompt, *token_ids]], device=model.device)
        training = bool(model.training)
        model.eval()
        try:
            with torch.autocast(ids.device.type, self._dtype, enabled=self._dtype != model.dtype):
                logits_LV = model(input_ids=ids, use_cache=False).logits[0]
        finally:
            model.train(training)
        divisor = self._temperature if self._temperature > 0.0 else 1.0
        logits_TV = logits_LV[len(self._prompt) - 1 : -1].float()
        logps_TV = torch.log_softmax(logits_TV / divisor, -1)
        targets_T1 = ids[0, len(self._prompt) :, None]
        found: list[float] = logps_TV.gather(1, targets_T1).squeeze(1).tolist()
        return found


def default_limit(*dtypes: torch.dtype) -> float:
    """Return the limit for two sides of these types: that of the coarser one."""
    return max(LIMITS.get(dtype, LIMITS[torch.bfloat16]) for dtype in dtypes)
